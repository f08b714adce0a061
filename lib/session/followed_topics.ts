/**
 * The topics that one session follows, and the right to each, which its module judges again: after the token was replaced, when
 * events are held back until the answer; after `recheck`, and when another cell serves the session, when events go on until the answer.
 * Whatever is no answer of the module is a no; only a cell that could not take the question is asked again, for `GRACE_MS`.
 */
import { NAME_LENGTH, type Subscriber } from "../hub/hub.ts";
import { ErrorCode, notification } from "../rpc/rpc.ts";
import { isJudged } from "../sandbox/sandbox.ts";
import type { Due } from "../timing/timing_wheel.ts";
import type { SharedText } from "../websocket/websocket.ts";
import type { SessionState } from "./state.ts";
import type { TopicRight } from "./topic_right.ts";

/** Why a session follows a topic no longer, as `topic.ended` says it. */
export type TopicEnd = "forbidden" | "overloaded" | "unsubscribed";

/** Questions of one session that are under way at once, of those asked again. */
const MAX_ASKED = 8;
/** A token is taken for each so many questions that a refreshed token causes. */
const QUESTIONS_PER_TOKEN = 10;
/** After how long a cell that could not take a question is asked again, and after how long that is a no. */
const RETRY_MS = 1_000;
const GRACE_MS = 30_000;
/** The questions that a new cell has to answer come over this time. */
const SPREAD_MS = 10_000;

/** Times are milliseconds of the monotonic clock. */
interface Followed {
  /** The client has subscribed, not only a handler. */
  byClient: boolean;
  /** When the module is to be asked. */
  dueAt: number;
  /** `outdated`: it is being asked, and token or cell was replaced since. */
  state: "held" | "due" | "asked" | "outdated";
  /** Since when it could not be asked. */
  failingSince: number | null;
  /** Events that wait for the module's answer. */
  heldBack: SharedText[] | null;
}

export class FollowedTopics implements Subscriber, Due {
  readonly #session: SessionState;
  readonly #right: TopicRight;
  readonly #random: () => number;
  readonly #topics = new Map<string, Followed>();
  /** Topics in state `due`, in the order in which they are asked about. */
  readonly #due = new Map<string, Followed>();
  /** Length of the names of all followed topics, in UTF-16 units. */
  #names = 0;
  #asked = 0;
  #asking = false;
  /** Topics with events held back, and bytes of these. */
  #holding = 0;
  #heldBytes = 0;
  #nextDue = Infinity;

  /** `random` gives numbers from 0 up to 1. */
  constructor(session: SessionState, right: TopicRight, random: () => number) {
    this.#session = session;
    this.#right = right;
    this.#random = random;
  }

  get userId(): string {
    return this.#session.userId;
  }

  get size(): number {
    return this.#topics.size;
  }

  /** Whether the topic is followed; a client that subscribes too counts from now on. */
  has(topic: string, byClient: boolean): boolean {
    const followed = this.#topics.get(topic);
    if (followed !== undefined && byClient) followed.byClient = true;
    return followed !== undefined;
  }

  /** Whether the topic is followed and nothing of it is held back. */
  isGranted(topic: string): boolean {
    return this.#topics.get(topic)?.heldBack === null;
  }

  /** Follows a topic from now on, by a right that was just judged. False when there is no room. */
  add(topic: string, byClient: boolean): boolean {
    const { hub, config } = this.#session.services;
    // Few clients with long names would else take the room that all clients of the module share.
    const most = config.topics.max_subscriptions_per_session * NAME_LENGTH;
    if (this.#session.ending || this.#topics.size > 0 && this.#names + topic.length > most) return false;
    if (!hub.subscribe(this.#session.subprotocol, topic, this)) return false;
    this.#names += topic.length;
    const followed: Followed = { byClient, dueAt: Infinity, state: "held", failingSince: null, heldBack: null };
    this.#topics.set(topic, followed);
    this.#judged(topic, followed);
    return true;
  }

  /** Follows the topic no longer. A client that subscribed itself is told when a handler does that. */
  remove(topic: string, byClient: boolean): void {
    const followed = this.#topics.get(topic);
    if (followed === undefined) return;
    if (followed.byClient && !byClient) this.#end(topic, followed, "unsubscribed");
    else this.#drop(topic, followed);
  }

  deliver(message: SharedText, topic: string): void {
    const followed = this.#holding === 0 ? undefined : this.#topics.get(topic);
    if (followed === undefined || followed.heldBack === null) return this.#session.outgoing.sendShared(message);
    followed.heldBack.push(message);
    this.#heldBytes += message.size;
    if (this.#heldBytes > this.#session.services.config.server.send_queue) this.#end(topic, followed, "overloaded");
  }

  /** The token was replaced. */
  renewed(): void {
    if (!this.#right.declared) return;
    const before = this.#due.size;
    for (const [topic, followed] of [...this.#topics]) {
      const known = this.#right.of(topic);
      if (known === undefined) this.#end(topic, followed, "forbidden");
      else if (known.allow) this.#doubt(topic, followed);
    }
    this.#session.limits.charge(Math.floor(Math.max(0, this.#due.size - before) / QUESTIONS_PER_TOKEN));
    this.#ask();
  }

  /** Another cell serves the session, perhaps with another version of the module. */
  resumed(): void {
    const now = this.#session.services.monotonic();
    for (const [topic, followed] of [...this.#topics]) {
      const known = this.#right.of(topic);
      // Free names are followed only for handlers.
      const isLost = known === undefined && (this.#right.declared || followed.byClient);
      if (isLost) this.#end(topic, followed, "forbidden");
      else if (known === undefined || !isJudged(known)) continue;
      // The other cell answers, for the version that it has loaded.
      else if (followed.state === "asked") followed.state = "outdated";
      else this.#dueAt(followed, Math.min(followed.dueAt, now + this.#random() * SPREAD_MS));
    }
  }

  check(now: number): number {
    this.#nextDue = Infinity;
    for (const [topic, followed] of this.#topics) {
      if (followed.state !== "held") continue;
      if (followed.dueAt > now) this.#nextDue = Math.min(this.#nextDue, followed.dueAt);
      else this.#toAsk(topic, followed);
    }
    this.#ask();
    return this.#nextDue;
  }

  /** The session is over: nothing is delivered any more. */
  leave(): void {
    const { hub, deadlines } = this.#session.services;
    deadlines.delete(this);
    for (const topic of this.#topics.keys()) hub.unsubscribe(this.#session.subprotocol, topic, this);
    this.#topics.clear();
    this.#due.clear();
    this.#holding = 0;
  }

  /** Holds back what arrives until the module has been asked about the new token. */
  #doubt(topic: string, followed: Followed): void {
    if (followed.heldBack === null) {
      followed.heldBack = [];
      this.#holding++;
    }
    if (followed.state === "held") this.#toAsk(topic, followed);
    else if (followed.state === "asked") followed.state = "outdated";
  }

  #toAsk(topic: string, followed: Followed): void {
    followed.state = "due";
    this.#due.set(topic, followed);
  }

  #ask(): void {
    // An answer that comes at once goes on in the loop.
    if (this.#asking) return;
    this.#asking = true;
    for (const [topic, followed] of this.#due) {
      if (this.#asked >= MAX_ASKED) break;
      this.#due.delete(topic);
      followed.state = "asked";
      this.#asked++;
      this.#right.ask(topic, "in_order", (code) => {
        this.#asked--;
        if (this.#topics.get(topic) === followed) this.#answered(topic, followed, code);
        this.#ask();
      });
    }
    this.#asking = false;
  }

  #answered(topic: string, followed: Followed, code: number): void {
    if (followed.state === "outdated") return this.#toAsk(topic, followed);
    followed.state = "held";
    if (code === ErrorCode.FORBIDDEN) return this.#end(topic, followed, "forbidden");
    if (code === 0) return this.#judged(topic, followed);
    const now = this.#session.services.monotonic();
    followed.failingSince ??= now;
    if (now - followed.failingSince >= GRACE_MS) this.#end(topic, followed, "overloaded");
    else this.#dueAt(followed, now + RETRY_MS);
  }

  /** The right is there, until it is to be judged again. */
  #judged(topic: string, followed: Followed): void {
    followed.failingSince = null;
    const held = this.#release(followed);
    for (const message of held) this.#session.outgoing.sendShared(message);
    const { recheckMs } = this.#right.of(topic) ?? {};
    followed.dueAt = Infinity;
    if (recheckMs !== undefined) this.#dueAt(followed, this.#session.services.monotonic() + recheckMs);
  }

  #dueAt(followed: Followed, at: number): void {
    followed.dueAt = at;
    if (at >= this.#nextDue) return;
    this.#nextDue = at;
    this.#session.services.deadlines.set(this, at);
  }

  /** Holds nothing back any more; returns what was. */
  #release(followed: Followed): SharedText[] {
    const { heldBack } = followed;
    if (heldBack === null) return [];
    followed.heldBack = null;
    this.#holding--;
    for (const { size } of heldBack) this.#heldBytes -= size;
    return heldBack;
  }

  #end(topic: string, followed: Followed, reason: TopicEnd): void {
    this.#drop(topic, followed);
    const { outgoing, services, id, userId, subprotocol } = this.#session;
    outgoing.send(notification("topic.ended", JSON.stringify({ topic, reason })));
    services.log.info("topic.ended", { module: subprotocol, conn: id, user: userId, topic, reason });
  }

  #drop(topic: string, followed: Followed): void {
    this.#session.services.hub.unsubscribe(this.#session.subprotocol, topic, this);
    this.#topics.delete(topic);
    this.#names -= topic.length;
    this.#due.delete(topic);
    this.#release(followed);
  }
}

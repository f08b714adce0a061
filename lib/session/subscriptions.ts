/**
 * Subscriptions, publications and presence of one session, for its client and for handlers.
 *
 * A declared topic is open to clients that have one of its roles and that the module's `allow` accepts. The module is asked
 * before anything is delivered. A denied topic and an unknown one are answered alike. In a module without declared topics,
 * names are free and only handlers subscribe.
 */
import { ErrorCode, type RpcRequest } from "../rpc/rpc.ts";
import { isJudged, type PendingCall } from "../sandbox/sandbox.ts";
import { FollowedTopics } from "./followed_topics.ts";
import type { SessionState } from "./state.ts";
import { TopicQuestions } from "./topic_questions.ts";
import { TopicRight } from "./topic_right.ts";
import type { Answer, Topics } from "./topics.ts";

/** A token more is taken for each so many connections that `topic.presence` counts, and that an event is sent to. */
const CONNECTIONS_PER_TOKEN = 500;
/** Longest answer of `topic.presence`, in UTF-16 units. */
const MAX_PRESENCE_LENGTH = 512 * 1024;

/** A subscription about which the module is being asked. */
interface Wanted {
  byClient: boolean;
  /** A handler has ended the client's own subscription since. */
  endedByHandler: boolean;
}

export class Subscriptions implements Topics {
  readonly #session: SessionState;
  readonly #right: TopicRight;
  readonly #followed: FollowedTopics;
  readonly #wanted = new Map<string, Wanted>();
  /** About subscriptions. */
  readonly #asking: TopicQuestions;
  /** About publications and presence. */
  readonly #rights: TopicQuestions;
  /** That there is no room was logged. */
  #isFull = false;

  /** `random` gives numbers from 0 up to 1. */
  constructor(session: SessionState, random: () => number = Math.random) {
    this.#session = session;
    this.#right = new TopicRight(session);
    this.#followed = new FollowedTopics(session, this.#right, random);
    this.#asking = new TopicQuestions(this.#right, (topic, code) => this.#judged(topic, code));
    this.#rights = new TopicQuestions(this.#right);
  }

  subscribe(topic: string, by: "client" | "handler", answer: Answer): void {
    // The cell learns that the client leaves, and rejects the promise itself.
    if (this.#session.ending) return;
    const byClient = by === "client";
    const known = this.#right.of(topic);
    if (known === undefined && (byClient || this.#right.declared)) return answer(ErrorCode.FORBIDDEN);
    const told: Answer = (code) => code === 0 ? this.#subscribed(topic, answer) : answer(code);
    if (this.#followed.has(topic, byClient)) return told(0);
    const wanted = this.#wanted.get(topic);
    if (wanted !== undefined) {
      wanted.byClient ||= byClient;
      wanted.endedByHandler = false;
    } else {
      const { max_subscriptions_per_session } = this.#session.services.config.topics;
      if (this.#followed.size + this.#wanted.size >= max_subscriptions_per_session) return answer(this.#full());
      if (known === undefined || !isJudged(known)) {
        return told(this.#followed.add(topic, byClient) ? 0 : this.#full());
      }
      this.#wanted.set(topic, { byClient, endedByHandler: false });
    }
    this.#asking.ask(topic, byClient ? "in_order" : "by_handler", told);
  }

  unsubscribe(topic: string, by: "client" | "handler"): void {
    const wanted = this.#wanted.get(topic);
    if (by === "handler" && wanted?.byClient) wanted.endedByHandler = true;
    // An answer that is still to come is passed on, and nothing follows from it.
    else this.#wanted.delete(topic);
    this.#followed.remove(topic, by === "client");
  }

  publish(topic: string, { text }: RpcRequest, call: PendingCall): void {
    // Bytes are the front's buffer, valid only now.
    const kept = typeof text === "string" || this.#isGranted(topic) ? text : text.slice();
    const { line, limits } = this.#session;
    this.#withRight(topic, "publish", call, () =>
      line.publish(topic, kept, {
        delivered: (subscribers) => {
          limits.charge(Math.floor(subscribers / CONNECTIONS_PER_TOKEN), this.#session.monotonicNow);
          call.resolve("{}");
        },
        reject: (code, data) => call.reject(code, data),
      }));
  }

  presence(topic: string, call: PendingCall): void {
    this.#withRight(topic, "presence", call, () => {
      const { services, subprotocol, limits } = this.#session;
      const overloaded = () => call.reject(ErrorCode.OVERLOADED);
      // Those of this node at once, so that the next request waits; those of others when they are known.
      const charged = Math.floor(services.hub.subscribersOf(subprotocol, topic) / CONNECTIONS_PER_TOKEN);
      limits.charge(charged, this.#session.monotonicNow);
      services.hub.presence(subprotocol, topic).then((present) => {
        const counted = present.reduce((sum, { connections }) => sum + connections, 0);
        const more = Math.max(0, Math.floor(counted / CONNECTIONS_PER_TOKEN) - charged);
        limits.charge(more, this.#session.monotonicNow);
        const text = JSON.stringify(present);
        if (text.length > MAX_PRESENCE_LENGTH) overloaded();
        else call.resolve(text);
      }, overloaded);
    });
  }

  renewed(): void {
    this.#asking.renew();
    this.#rights.renew();
    this.#followed.renewed();
  }

  /** Another cell serves the session, perhaps with another version of the module. */
  resumed(): void {
    this.#asking.renew();
    this.#rights.renew();
    this.#followed.resumed();
  }

  /** The session is over: nothing is delivered any more. */
  leave(): void {
    this.#wanted.clear();
    this.#followed.leave();
  }

  /** The module was asked about a subscription. Returns what that is answered with. */
  #judged(topic: string, code: number): number {
    const wanted = this.#wanted.get(topic);
    this.#wanted.delete(topic);
    if (code !== 0 || wanted === undefined) return code;
    if (wanted.endedByHandler) return ErrorCode.FORBIDDEN;
    if (this.#session.ending) return ErrorCode.OVERLOADED;
    return this.#followed.add(topic, wanted.byClient) ? 0 : this.#full();
  }

  /** Answers once the topic's messages of all nodes arrive here. */
  #subscribed(topic: string, answer: Answer): void {
    const { services, subprotocol } = this.#session;
    const awaited = services.hub.awaited(subprotocol, topic);
    if (awaited === undefined) answer(0);
    else void awaited.then(() => answer(0));
  }

  #full(): number {
    const { services, id, userId, subprotocol } = this.#session;
    if (!this.#isFull) services.log.warn("topics.full", { module: subprotocol, conn: id, user: userId });
    this.#isFull = true;
    return ErrorCode.OVERLOADED;
  }

  /** Goes on where one of the topic's `publish` or `presence` roles is there, and the right to follow it. */
  #withRight(topic: string, kind: "publish" | "presence", call: PendingCall, goOn: () => void): void {
    const may = () => this.#right.has(this.#right.of(topic)?.[kind]);
    if (!may()) return call.reject(ErrorCode.FORBIDDEN);
    if (this.#isGranted(topic)) return goOn();
    this.#rights.ask(topic, "in_order", (code) => {
      if (code === 0 && may()) goOn();
      else call.reject(code === 0 ? ErrorCode.FORBIDDEN : code);
    });
  }

  /** Whether the right to a topic that the roles allow needs no question, and nothing waits that came before. */
  #isGranted(topic: string): boolean {
    if (this.#rights.has(topic)) return false;
    const known = this.#right.of(topic);
    return this.#followed.isGranted(topic) || known !== undefined && !isJudged(known);
  }
}

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
import { TopicRight } from "./topic_right.ts";
import type { Answer, Topics } from "./topics.ts";

/** Longest answer of `topic.presence`, in UTF-16 units. */
const MAX_PRESENCE_LENGTH = 512 * 1024;

/** A topic for which the module is asked the first time. */
interface Asking {
  byClient: boolean;
  asked: "by_handler" | "in_order";
  /** Answers to earlier attempts don't count. */
  attempt: number;
  readonly answers: Answer[];
}

export class Subscriptions implements Topics {
  readonly #session: SessionState;
  readonly #right: TopicRight;
  readonly #followed: FollowedTopics;
  readonly #asking = new Map<string, Asking>();
  /** That there is no room was logged. */
  #isFull = false;

  /** `random` gives numbers from 0 up to 1. */
  constructor(session: SessionState, random: () => number = Math.random) {
    this.#session = session;
    this.#right = new TopicRight(session);
    this.#followed = new FollowedTopics(session, this.#right, random);
  }

  subscribe(topic: string, by: "client" | "handler", answer: Answer): void {
    // The cell learns that the client leaves, and rejects the promise itself.
    if (this.#session.ending) return;
    const byClient = by === "client";
    const known = this.#right.of(topic);
    if (known === undefined && (byClient || this.#right.declared)) return answer(ErrorCode.FORBIDDEN);
    if (this.#followed.has(topic, byClient)) return answer(0);
    const asking = this.#asking.get(topic);
    if (asking !== undefined) return this.#join(topic, asking, byClient, answer);
    const { max_subscriptions_per_session } = this.#session.services.config.topics;
    if (this.#followed.size + this.#asking.size >= max_subscriptions_per_session) return answer(this.#full());
    if (known === undefined || !isJudged(known)) {
      return answer(this.#followed.add(topic, byClient) ? 0 : this.#full());
    }
    const begun: Asking = { byClient, asked: byClient ? "in_order" : "by_handler", attempt: 0, answers: [answer] };
    this.#asking.set(topic, begun);
    this.#ask(topic, begun);
  }

  unsubscribe(topic: string, by: "client" | "handler"): void {
    // An answer that is still to come is passed on, and nothing follows from it.
    this.#asking.delete(topic);
    this.#followed.remove(topic, by === "client");
  }

  publish(topic: string, { text }: RpcRequest, call: PendingCall): void {
    // Bytes are the front's buffer, valid only now.
    const kept = typeof text === "string" || this.#followed.isGranted(topic) ? text : text.slice();
    this.#withRight(topic, "publish", call, () => this.#session.line.publish(topic, kept, call));
  }

  presence(topic: string, call: PendingCall): void {
    this.#withRight(topic, "presence", call, () => {
      const { services, subprotocol } = this.#session;
      const text = JSON.stringify(services.hub.presence(subprotocol, topic));
      if (text.length > MAX_PRESENCE_LENGTH) call.reject(ErrorCode.OVERLOADED);
      else call.resolve(text);
    });
  }

  renewed(): void {
    for (const [topic, asking] of [...this.#asking]) this.#ask(topic, asking);
    this.#followed.renewed();
  }

  resumed(): void {
    this.#followed.resumed();
  }

  /** The session is over: nothing is delivered any more. */
  leave(): void {
    this.#asking.clear();
    this.#followed.leave();
  }

  #join(topic: string, asking: Asking, byClient: boolean, answer: Answer): void {
    asking.answers.push(answer);
    asking.byClient ||= byClient;
    if (byClient || asking.asked === "by_handler") return;
    // The question may wait for an `open` that waits for this answer.
    asking.asked = "by_handler";
    this.#ask(topic, asking);
  }

  #ask(topic: string, asking: Asking): void {
    const attempt = ++asking.attempt;
    const settle = (code: number) => {
      if (asking.attempt !== attempt) return;
      const isWanted = this.#asking.get(topic) === asking && this.#asking.delete(topic);
      const isFull = code === 0 && isWanted && !this.#followed.add(topic, asking.byClient);
      for (const answer of asking.answers) answer(isFull ? this.#full() : code);
    };
    if (this.#right.of(topic) === undefined) settle(ErrorCode.FORBIDDEN);
    else this.#right.ask(topic, asking.asked, settle);
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
    if (this.#followed.isGranted(topic) || !isJudged(this.#right.of(topic)!)) return goOn();
    this.#right.ask(topic, "in_order", (code) => {
      if (code === 0 && may()) goOn();
      else call.reject(code === 0 ? ErrorCode.FORBIDDEN : code);
    });
  }
}

/** Subscriptions to topics across lines. */
import type { CallError } from "./call_error.ts";
import type { Request } from "./calls.ts";
import type { Env } from "./env.ts";
import { EVENTS_BEHIND } from "./limits.ts";
import type { Line } from "./line.ts";
import { createListeners } from "./listeners.ts";
import { TRANSIENT } from "./outcomes.ts";
import type { Subscription, SubscriptionState } from "./types.ts";

/** A subscription as the state machine sees it. */
export interface TopicSubscription extends Subscription<Record<string, unknown>> {
  /** The line on which it is live, or was last requested; only events of that line count. */
  line?: Line | undefined;
  asked?: Line;
  /** The server sent `topic.event` or `topic.ended` on that line. */
  told(line: Line, params: TopicParams, ended: boolean): void;
  /** The line has ended. */
  lost(line: Line): void;
  /** Changes the state; with a reason it is final. */
  become(state: SubscriptionState, reason?: string): void;
  /** Subscribes on that line, and retries after temporary refusals. */
  ask(line: Line): Promise<void>;
}

/** Parameters of `topic.event`, unchecked. */
export interface Item {
  readonly topic: string;
  readonly event: string;
  readonly data: unknown;
}

/** Parameters of `topic.event` and `topic.ended`, unchecked. */
export interface TopicParams extends Item {
  readonly reason: string;
}

/** `item` is an event, or null after the last one. */
type Told = { item: [Item | null]; state: [SubscriptionState, string?] };

/**
 * Creates a subscription, which is in `all` until its end. `backoff` returns the milliseconds before the n-th retry.
 */
export function createSubscription(
  topic: string,
  all: Set<TopicSubscription>,
  call: Request,
  env: Env,
  backoff: (failures: number) => number,
  failed: (error: unknown) => void,
): TopicSubscription {
  const [on, emit] = createListeners<Told>(failed);
  const request = (method: string, line?: Line) => call(method, { topic }, {}, line);
  let failures = 0;
  let cancelRetry = () => {};

  /** Unsubscribes at the server, unless another subscription shares the topic: the server has one for each topic. */
  function unsubscribe(line?: Line): void {
    if (line && ![...all].some((other) => other.topic === topic)) request("topic.unsubscribe", line).catch(() => {});
  }

  const self: TopicSubscription = {
    topic,
    state: "pending",
    on: (event, listener) => on("item", (item) => item?.event === event && listener(item.data)),
    onState: (listener) => on("state", listener),
    presence: () => request("topic.presence") as ReturnType<TopicSubscription["presence"]>,
    // deno-lint-ignore require-await -- the interface leaves room for the server's confirmation
    async close() {
      self.become("ended", "closed");
      unsubscribe(self.line);
    },
    [Symbol.asyncDispose]: () => self.close(),

    async *[Symbol.asyncIterator]() {
      /** Queued items; null is the last. */
      const behind: (Item | null)[] = all.has(self) ? [] : [null];
      let wake = () => {};
      const stop = on("item", (item) => {
        if (behind.length <= EVENTS_BEHIND) behind.push(item);
        wake();
      });
      try {
        for (;;) {
          if (behind.length > EVENTS_BEHIND) throw new RangeError("Too slow");
          if (!behind.length) await new Promise<void>((resolve) => wake = resolve);
          const item = behind.shift();
          if (!item) return;
          yield item;
        }
      } finally {
        stop();
      }
    },

    told(line, params, ended) {
      if (params.topic !== topic || (self.line !== line && self.asked !== line)) return;
      if (ended) self.become("ended", `${params.reason}`);
      else emit("item", params);
    },

    lost(line) {
      if (self.line !== line) return;
      self.line = undefined;
      self.become("pending");
    },

    become(state, reason) {
      if (self.state === state || !all.has(self)) return;
      (self as { state: SubscriptionState }).state = state;
      if (reason !== undefined) {
        cancelRetry();
        all.delete(self);
        emit("item", null);
      }
      emit("state", state, reason);
    },

    async ask(line) {
      cancelRetry();
      self.asked = line;
      try {
        await request("topic.subscribe", line);
        if (!all.has(self)) return unsubscribe(line);
        if (self.asked !== line) return;
        self.line = line;
        failures = 0;
        self.become("live");
      } catch (error) {
        if (self.asked !== line) return;
        const { outcome, code, message, retryAfterMs = 0 } = error as CallError;
        if (outcome === "refused" && !TRANSIENT.includes(code)) self.become("denied", message);
        else if (line.open() && all.has(self)) {
          cancelRetry = env.later(() => self.ask(line), retryAfterMs + backoff(failures++));
        }
      }
    },
  };
  all.add(self);
  return self;
}

/**
 * The state machine of a client: connects, reconnects, closes.
 *
 *     idle ──connect()──▶ connecting ──admitted──▶ open
 *                          ▲      │ refused         │ ended
 *                          │      ▼                 ▼
 *                          └── waiting ◀── may it come back? ──no──▶ closed
 *
 * While `open`, a second attempt may be pending, because the server drains or the token can't be refreshed. The new
 * line takes over when it is admitted. The old one is closed when the subscriptions have moved and its calls are answered.
 *
 * It is a closure instead of a class, so that minification shortens its state.
 */
import { CallError } from "./call_error.ts";
import { createCalls } from "./calls.ts";
import { connect } from "./connect.ts";
import type { Env } from "./env.ts";
import { createLine, type Line } from "./line.ts";
import * as limit from "./limits.ts";
import { createListeners } from "./listeners.ts";
import { type End, isFinal, TOKEN_REFUSED } from "./outcomes.ts";
import { hidden, watchPage } from "./page.ts";
import { lifeLeft } from "./refresh.ts";
import { createSubscription, type TopicParams, type TopicSubscription } from "./subscriptions.ts";
import { createTimers } from "./timers.ts";
import type { Client, ClientEvents, Options, State, TokenAsk, User } from "./types.ts";

/** An end that no close frame of the server states. */
const endOf = (reason: string, code = 1000): End => ({ code, reason });

/** Creates a client for an `http:` or `https:` URL. */
export function createMachine(url: URL, options: Options, env: Env): Client {
  const { target, random, now } = env;
  const { min = limit.BACKOFF_MIN_MS, max = limit.BACKOFF_MAX_MS } = options.backoff ?? {};
  const failed = (error: unknown): void => emit("error", error);
  const [on, emit] = createListeners<ClientEvents>(failed);
  /** Random between 0 and a maximum that doubles with each failure. */
  const backoff = (failures: number): number => random() * Math.min(max, min * 2 ** failures);
  /** The line for calls. */
  const ready = (): Line | null => current?.open() && now() < current.until ? current : null;
  const [request, flush, endQueued] = createCalls(options, env, ready);
  const [arm, disarm, armed] = createTimers(env.later);
  const subscriptions = new Set<TopicSubscription>();
  let state: State = "idle";
  let user: User | null = null;
  let current: Line | null = null;
  /** All lines that have not ended. */
  const lines = new Set<Line>();
  /** The line before `current`. */
  let previous: Line | null = null;
  /** Aborts the pending attempt. */
  let attempt: AbortController | null = null;
  let dueAt = 0;
  /** The delay is the client's own, not the server's: it may be cut short. */
  let mayHurry = false;
  let failures = 0;
  /** A new token has been tried at once since the last stable connection. */
  let renewed = false;
  let why: TokenAsk["why"] = "connect";
  /** From `connect()` to `closed`. */
  let lifetime: AbortController | null = null;

  function become(next: State, end?: End): void {
    state = next;
    emit(
      "state",
      state,
      end
        ? {
          code: end.code,
          reason: end.reason,
          final: state === "closed",
          ...armed("try") && { retryInMs: dueAt - now() },
        }
        : null,
    );
  }

  // Connecting.

  async function start(): Promise<void> {
    giveUp();
    const mine = attempt = new AbortController();
    const { signal } = mine;
    if (!current) become("connecting");
    let end: End;
    try {
      const token = await options.token?.({ why, signal });
      if (signal.aborted) return;
      if (token === null) return finish(endOf("signed_out"));
      arm("attempt", limit.ATTEMPT_TIMEOUT_MS, () => mine.abort());
      const socket = await connect(url, options, env, token, signal);
      if (!("code" in socket)) {
        const line = createLine(socket, lines, notified, ended, failed);
        const answer = await request("session.whoami", {}, {}, line) as User;
        if (mine === attempt) await opened(line, token, answer);
        return;
      }
      end = socket;
    } catch (error) {
      if (mine === attempt) failed(error);
      end = endOf((error as Error).message, error instanceof CallError ? error.code : 1006);
    }
    if (mine === attempt) lost(end);
  }

  async function opened(line: Line, token: string | undefined, answer: User): Promise<void> {
    attempt = null;
    disarm("attempt");
    previous?.drop(endOf(""));
    const old = previous = current;
    release();
    current = line;
    user = answer;
    arm("stable", limit.STABLE_MS, reset);
    watch(line);
    plan(token);
    // Before queued calls, whose events are heard then. Events continue on the old line until the new one is subscribed.
    const moved = [...subscriptions].map((subscription) => subscription.ask(line));
    flush();
    if (state !== "open") become("open");
    await Promise.all(moved);
    if (!old) return;
    old.settled = () => old.pending.size || old.drop(endOf(""));
    old.settled();
  }

  /** An attempt or the connection ended. */
  function lost(end: End): void {
    if (isFinal(end) || (renewed && end.code === 401)) return finish(end);
    const refused = TOKEN_REFUSED.includes(end.code);
    why = refused ? "refused" : "connect";
    const ms = backoff(failures++);
    if (refused && !renewed) {
      renewed = true;
      wait(0, end);
    } else if (end.retryAfterMs! > 0) wait(ms + end.retryAfterMs!, end);
    else wait(hidden(target) ? limit.HIDDEN_MIN_MS + random() * limit.HIDDEN_SPREAD_MS : ms, end, true);
  }

  /** Connects after a delay, which is the client's own if `hurry` is true. */
  function wait(ms: number, end?: End, hurry = false): void {
    giveUp();
    mayHurry = hurry;
    dueAt = now() + ms;
    arm("try", ms, start);
    if (end && !current) become("waiting", end);
  }

  function giveUp(): void {
    disarm("try", "attempt");
    const mine = attempt;
    attempt = null;
    mine?.abort();
  }

  /** Clears the history of failures. */
  function reset(): void {
    failures = 0;
    renewed = false;
  }

  /** The current line has ended. */
  function release(): void {
    disarm("stable", "watch", "refresh");
    current = null;
    why = "connect";
  }

  /** Ends the line and the attempt. */
  function halt(end: End): void {
    giveUp();
    release();
    for (const line of lines) line.drop(end);
  }

  function finish(end: End): void {
    if (state === "closed") return;
    halt(end);
    reset();
    lifetime?.abort();
    lifetime = null;
    endQueued(end);
    for (const subscription of subscriptions) subscription.become("ended", end.reason);
    user = null;
    become("closed", end);
  }

  // Events of lines.

  function notified(line: Line, method: string, params: unknown): void {
    const ended = method === "topic.ended";
    if (ended || method === "topic.event") {
      for (const subscription of [...subscriptions]) subscription.told(line, params as TopicParams, ended);
    } else if (method !== "session.reconnect") emit("notification", method, params);
    else if (line === current && line.until === Infinity) {
      const { after_ms, serves_ms } = params as { after_ms: number; serves_ms: number };
      line.until = now() + (+serves_ms || 0);
      disarm("watch", "refresh"); // another line follows
      // The server has spread the delays. The backoff limits attempts when it drains right after each handshake.
      wait(Math.max(+after_ms || 0, armed("stable") ? backoff(failures++) : 0));
    }
  }

  function ended(line: Line, end: End): void {
    for (const subscription of subscriptions) subscription.lost(line);
    if (line !== current) return;
    release();
    if (isFinal(end) || !(attempt || armed("try"))) lost(end);
    else become(attempt ? "connecting" : "waiting", end);
  }

  // While the client is open.

  /** Probes a silent line; browsers do not expose pings. */
  function watch(line: Line): void {
    arm("watch", limit.SILENCE_MS, () => {
      if (!(line.heard || hidden(target))) probe(line, limit.PROBE_TIMEOUT_MS);
      line.heard = false;
      watch(line);
    });
  }

  function probe(line: Line, timeout: number): void {
    line.heard = false;
    request("session.whoami", {}, { timeout }, line).catch(() => line.heard || line.drop(endOf("silent", 1006)));
  }

  /** Refreshes the token before it expires. */
  function plan(token?: string): void {
    const left = token ? lifeLeft(user?.expires_at as number, token, now()) : 0;
    if (left > 0) refreshIn(left * limit.REFRESH_AT, now() + left);
  }

  function refreshIn(ms: number, endsAt: number): void {
    const line = current!;
    arm("refresh", Math.max(limit.REFRESH_MIN_MS, ms), async () => {
      try {
        const token = await options.token!({ why: "expiring", signal: lifetime!.signal });
        if (line !== current) return;
        if (token === null) return finish(endOf("signed_out"));
        user = await request("session.refresh", { token }, {}, line) as User;
        if (line === current) plan(token);
      } catch (error) {
        if (line !== current) return;
        failed(error);
        const left = endsAt - limit.REFRESH_LAST_MS - now();
        if (left > 0) return refreshIn(left * random(), endsAt);
        why = "refused";
        start();
      }
    });
  }

  // Events of the page.

  function suspend(): void {
    const end = endOf("suspended");
    halt(end);
    become("waiting", end);
  }

  /** The network may be available: probes the line, or connects soon unless the server set the delay. */
  function wake(): void {
    const line = ready();
    if (line) probe(line, limit.WAKE_TIMEOUT_MS);
    else if (state === "waiting" && (mayHurry || !armed("try"))) wait(backoff(0));
  }

  const client: Client = {
    get state() {
      return state;
    },
    get user() {
      return user;
    },
    on,
    connect: () =>
      new Promise((resolve, reject) => {
        if (state === "open") return resolve();
        const off = on("state", (state, why) => {
          if (state === "open") resolve();
          else if (state === "closed") reject(new CallError(why!.reason, why!.code, "not_sent"));
          else return;
          off();
        });
        if (lifetime) return wake();
        lifetime = new AbortController();
        watchPage(target, lifetime.signal, suspend, wake);
        start();
      }),
    async close(reason = "") {
      const socket = current?.socket;
      finish(endOf(reason));
      if (socket) await new Promise((resolve) => socket.addEventListener("close", resolve));
    },
    [Symbol.asyncDispose]: () => client.close(),
    call: (method, params, options) => request(method, params, state === "closed" ? { queue: false } : options),
    subscribe(topic) {
      const subscription = createSubscription(topic, subscriptions, request, env, backoff, failed);
      const line = ready();
      if (line) subscription.ask(line);
      return subscription;
    },
  };
  return client;
}

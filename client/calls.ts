/** Calls from their start to their outcome, with the queue of calls without a connection. */
import { CallError } from "./call_error.ts";
import type { Env } from "./env.ts";
import { BACKLOG_BYTES, CALL_TIMEOUT_MS, QUEUE_BYTES, QUEUE_CALLS } from "./limits.ts";
import type { Line, PendingCall } from "./line.ts";
import type { End } from "./outcomes.ts";
import type { CallOptions, Options } from "./types.ts";

interface Call extends PendingCall {
  readonly id: number;
  readonly text: string;
  /** The size of `text` while it is queued. */
  bytes: number;
  /** The line it was sent on. */
  line?: Line;
}

/**
 * Calls a method; with `line`, on that line only. Resolves to the result.
 *
 * @throws {CallError} if the call has no result
 */
export type Request = (method: string, params?: unknown, options?: CallOptions, line?: Line) => Promise<unknown>;
/** Sends queued calls, as far as the socket accepts them. */
export type Flush = () => void;
/** Ends the queued calls. */
export type EndQueued = (end: End) => void;

/** `current` returns the line for new calls. A tuple, whose parts a bundler gives names of one letter. */
export function createCalls(options: Options, env: Env, current: () => Line | null): [Request, Flush, EndQueued] {
  /** Queued calls in order. */
  const waiting = new Set<Call>();
  let waitingBytes = 0;
  let lastId = 0;

  function send(call: Call, line: Line): void {
    leave(call);
    call.line = line;
    line.pending.set(call.id, call);
    line.socket.send(call.text);
  }

  function leave(call: Call): void {
    if (waiting.delete(call)) waitingBytes -= call.bytes;
  }

  function flush(): void {
    for (const call of waiting) {
      const line = current();
      if (!line || line.socket.bufferedAmount > BACKLOG_BYTES) return;
      send(call, line);
    }
  }

  /** Sends or queues a call. */
  function enter(call: Call, queue: Options["queue"]): void {
    waiting.add(call);
    flush();
    if (call.line) return;
    if (!queue) return call.fail("No connection");
    waitingBytes += call.bytes = new Blob([call.text]).size;
    if (waiting.size > (queue.max ?? QUEUE_CALLS) || waitingBytes > (queue.bytes ?? QUEUE_BYTES)) {
      call.fail("Queue full");
    }
  }

  return [
    (method, params, { timeout = options.timeout ?? CALL_TIMEOUT_MS, signal, queue } = {}, line) =>
      new Promise((resolve, reject) => {
        const id = ++lastId;
        const abort = () => call.fail("Aborted");
        const call: Call = {
          id,
          bytes: 0,
          text: JSON.stringify({ jsonrpc: "2.0", id, method, params }),
          fail: (message, code = 0) => call.settle(new CallError(message, code, call.line ? "unknown" : "not_sent")),
          settle(error, result) {
            cancelTimeout();
            signal?.removeEventListener("abort", abort);
            leave(call);
            call.line?.pending.delete(id);
            if (error) reject(error);
            else resolve(result);
            call.line?.settled?.();
            flush(); // the socket may have room again
          },
        };
        const cancelTimeout = env.later(() => call.fail("Timeout"), timeout);
        signal?.addEventListener("abort", abort);
        if (signal?.aborted) abort();
        else if (!line) enter(call, queue !== false && (options.queue ?? {}));
        else if (line.open()) send(call, line);
        else call.fail("No connection");
      }),

    flush,

    ({ code, reason }) => {
      for (const call of waiting) call.fail(reason, code);
    },
  ];
}

/** Calls from their start to their outcome, with the queue of calls without a connection. */
import { CallError } from "./call_error.ts";
import type { Env } from "./env.ts";
import { BACKLOG_BYTES, CALL_TIMEOUT_MS, QUEUE_BYTES, QUEUE_CALLS } from "./limits.ts";
import type { ErrorObject, Line } from "./line.ts";
import type { CallOptions, Options } from "./types.ts";

interface Call {
  readonly id: number;
  readonly text: string;
  /** The line it was sent on. */
  line?: Line;
  /** Rejects the call. */
  fail(message: string, code?: number): void;
  settle(error: CallError | null | undefined, result?: unknown): void;
}

export interface StartOptions extends CallOptions {
  /** The only line to send it on. */
  line?: Line | undefined;
}

export interface Calls {
  /**
   * Resolves to the result.
   *
   * @throws {CallError} if the call has no result
   */
  start(method: string, params: unknown, options?: StartOptions): Promise<unknown>;
  /** Sends queued calls, as far as the socket accepts them. */
  flush(): void;
  /** Settles a call. `error` is as received, so its types are unchecked. */
  answered(id: unknown, error: ErrorObject | null | undefined, result: unknown): void;
  /** Ends the calls of a line; without a line, the queued calls. */
  end(code: number, reason: string, line?: Line): void;
}

/** `current` returns the line for new calls. */
export function createCalls(options: Options, env: Env, current: () => Line | null): Calls {
  /** Queued calls in order, with their sizes in bytes. */
  const waiting = new Map<Call, number>();
  /** Sent calls by id. A map, because the server chooses the key of the lookup. */
  const sent = new Map<unknown, Call>();
  let waitingBytes = 0;
  let lastId = 0;

  function send(call: Call, line: Line): void {
    leave(call);
    call.line = line;
    sent.set(call.id, call);
    line.socket.send(call.text);
  }

  function leave(call: Call): void {
    waitingBytes -= waiting.get(call) ?? 0;
    waiting.delete(call);
  }

  function flush(): void {
    for (const call of waiting.keys()) {
      const line = current();
      if (!line || line.socket.bufferedAmount > BACKLOG_BYTES) return;
      send(call, line);
    }
  }

  /** Sends or queues a call. */
  function enter(call: Call, queue: Options["queue"]): void {
    waiting.set(call, 0);
    flush();
    if (call.line) return;
    if (!queue) return call.fail("No connection");
    const bytes = new Blob([call.text]).size;
    waiting.set(call, bytes);
    waitingBytes += bytes;
    if (waiting.size > (queue.max ?? QUEUE_CALLS) || waitingBytes > (queue.bytes ?? QUEUE_BYTES)) {
      call.fail("Queue full");
    }
  }

  return {
    start: (method, params, { timeout = options.timeout ?? CALL_TIMEOUT_MS, signal, queue, line } = {}) =>
      new Promise((resolve, reject) => {
        const id = ++lastId;
        const abort = () => call.fail("Aborted");
        const call: Call = {
          id,
          text: JSON.stringify({ jsonrpc: "2.0", id, method, params }),
          fail: (message, code = 0) => call.settle(new CallError(message, code, call.line ? "unknown" : "not_sent")),
          settle(error, result) {
            cancelTimeout();
            signal?.removeEventListener("abort", abort);
            leave(call);
            sent.delete(id);
            if (error) reject(error);
            else resolve(result);
            flush(); // the socket may have room again
          },
        };
        const cancelTimeout = env.later(() => call.fail("Timeout"), timeout);
        signal?.addEventListener("abort", abort);
        if (signal?.aborted) abort();
        else if (!line) enter(call, queue !== false && (options.queue ?? {}));
        else if (line.open) send(call, line);
        else call.fail("No connection");
      }),

    flush,

    answered(id, error, result) {
      sent.get(id)?.settle(error && new CallError(error.message, error.code, "refused", error.data), result);
    },

    end(code, reason, line) {
      for (const call of [...waiting.keys(), ...sent.values()]) {
        if (call.line === line) call.fail(reason, code);
      }
    },
  };
}

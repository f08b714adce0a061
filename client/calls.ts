/** Calls from their start to their one outcome; those that wait for a connection wait here. */
import { CallError } from "./call_error.ts";
import type { Env } from "./env.ts";
import { BACKLOG_BYTES, CALL_TIMEOUT_MS, QUEUE_BYTES, QUEUE_CALLS } from "./limits.ts";
import type { ErrorObject, Line } from "./line.ts";
import type { CallOptions, Options } from "./types.ts";

interface Call {
  readonly id: number;
  readonly text: string;
  /** Where it was sent. */
  line?: Line;
  /** It gets no answer. */
  fail(message: string, code?: number): void;
  settle(error: CallError | null | undefined, result?: unknown): void;
}

export interface StartOptions extends CallOptions {
  /** Sends it on that line or not at all. */
  line?: Line | undefined;
}

export interface Calls {
  /** Resolves to the result. @throws {CallError} */
  start(method: string, params: unknown, options?: StartOptions): Promise<unknown>;
  /** Sends what waits, as far as the socket takes it. */
  flush(): void;
  /** `error` is what the server sent as such: its types are promises. */
  answered(id: unknown, error: ErrorObject | null | undefined, result: unknown): void;
  /** No answers will come from that line; without one: what waits will not be sent. */
  end(code: number, reason: string, line?: Line): void;
}

/** `current` gives the line where calls go now. */
export function createCalls(options: Options, env: Env, current: () => Line | null): Calls {
  /** In their order, with the bytes each counts for. */
  const waiting = new Map<Call, number>();
  /** By id. A map, since the server chooses what is looked up. */
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

  /** Sends it, or lets it wait. */
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

/** The error of a call. */
import type { Outcome } from "./types.ts";

/** A call without a result. */
export class CallError extends Error {
  /** Always `CallError`. */
  override readonly name = "CallError";
  /**
   * A JSON-RPC error code (negative), the code of the connection's end (see `Why`), or 0: timeout, abort, no connection,
   * or full queue.
   */
  declare readonly code: number;
  /** Whether the request was sent, and answered. */
  declare readonly outcome: Outcome;
  /** The `data` of the JSON-RPC error. */
  declare readonly data: unknown;
  /** Milliseconds after which the server accepts the call again, from `data.retry_after_ms`. */
  declare readonly retryAfterMs?: number;

  /** Created by the library; `retryAfterMs` is read from `data`. */
  constructor(message: string, code: number, outcome: Outcome, data?: unknown) {
    super(message);
    this.code = code;
    this.outcome = outcome;
    this.data = data;
    const retryAfterMs = +(data as { retry_after_ms: number } | null | undefined)?.retry_after_ms!;
    if (retryAfterMs > 0) this.retryAfterMs = retryAfterMs;
  }
}

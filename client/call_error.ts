import type { Outcome } from "./types.ts";

/** Why a call has no result. */
export class CallError extends Error {
  override readonly name = "CallError";
  /** Of JSON-RPC; of the end of the connection (see `Why`); or 0: timeout, abort, no connection, queue full. */
  declare readonly code: number;
  declare readonly outcome: Outcome;
  /** What the server added to its refusal. */
  declare readonly data: unknown;
  /** Milliseconds after which the server takes such a call again. */
  declare readonly retryAfterMs?: number;

  constructor(message: string, code: number, outcome: Outcome, data?: unknown) {
    super(message);
    this.code = code;
    this.outcome = outcome;
    this.data = data;
    const retryAfterMs = Number((data as { retry_after_ms?: unknown } | null | undefined)?.retry_after_ms);
    if (retryAfterMs > 0) this.retryAfterMs = retryAfterMs;
  }
}

/** Creates refusals from the catalogue of outcomes. */
import { type Reason, REFUSALS } from "./outcomes.ts";

/** A refused request. {@linkcode Gate.refused} builds the response. */
export interface Refusal {
  readonly accepted: false;
  readonly status: number;
  readonly reason: Reason;
  /** Seconds, for `Retry-After`. */
  readonly retryAfter?: number;
  /** For the log only; never leaves the server. */
  readonly detail?: string;
  /** True if a foreign page can make any browser send the request, so that it is no offence of the address. */
  readonly blameless?: boolean;
  /** Further headers of the answer, such as `WWW-Authenticate`. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Optional fields of a refusal. `retryAfter` is in seconds, `detail` is for the log only. */
export type RefusalExtras = Pick<Refusal, "retryAfter" | "detail" | "headers" | "blameless">;

/**
 * Creates the refusal for a reason, with the headers that its status requires (RFC 9110 sections 11.6.1 and 15.5.22,
 * RFC 6455 section 4.4).
 */
export function refuse(reason: Reason, extras: RefusalExtras = {}): Refusal {
  const { status } = REFUSALS[reason];
  const headers: Record<string, string> = { ...extras.headers };
  if (status === 401) headers["WWW-Authenticate"] = "Bearer";
  if (status === 426) Object.assign(headers, { "Upgrade": "websocket", "Sec-WebSocket-Version": "13" });
  return { ...extras, accepted: false, status, reason, headers };
}

/** Whole seconds for `Retry-After`, at least one, from milliseconds. */
export function retrySeconds(milliseconds: number): number {
  return Math.max(1, Math.ceil(milliseconds / 1000));
}

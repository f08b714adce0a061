/** The closed list of refusal reasons of the public port, each with its status. */

const STATUS = {
  bad_request: 400,
  subprotocol_unsupported: 400,
  subprotocol_required: 400,
  token_missing: 401,
  token_invalid: 401,
  token_expired: 401,
  token_revoked: 401,
  ticket_invalid: 401,
  origin_missing: 403,
  origin_not_allowed: 403,
  forbidden: 403,
  not_found: 404,
  method_not_allowed: 405,
  timeout: 408,
  upgrade_required: 426,
  rate_limited: 429,
  banned: 429,
  too_many_connections: 429,
  headers_too_large: 431,
  server_full: 503,
  draining: 503,
  overloaded: 503,
} as const;

/** The reason of a refusal: the `error` of its body and the label of its metric. */
export type Reason = keyof typeof STATUS;

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

/** Every {@linkcode Reason}, for tables of metrics and tests. */
export const REASONS: readonly Reason[] = Object.keys(STATUS) as Reason[];

/** The HTTP status that goes with a reason. */
export function statusOf(reason: Reason): number {
  return STATUS[reason];
}

/** Optional fields of a refusal. `retryAfter` is in seconds, `detail` is for the log only. */
export type RefusalExtras = Pick<Refusal, "retryAfter" | "detail" | "headers" | "blameless">;

/** Builds the refusal for a reason, with the headers its status demands (RFC 9110 sections 11.6.1 and 15.5.22, RFC 6455 section 4.4). */
export function refuse(reason: Reason, extras: RefusalExtras = {}): Refusal {
  const status = STATUS[reason];
  const headers: Record<string, string> = { ...extras.headers };
  if (status === 401) headers["WWW-Authenticate"] = "Bearer";
  if (status === 426) Object.assign(headers, { "Upgrade": "websocket", "Sec-WebSocket-Version": "13" });
  return { ...extras, accepted: false, status, reason, headers };
}

/** Whole seconds for `Retry-After`, at least one, from milliseconds. */
export function retrySeconds(milliseconds: number): number {
  return Math.max(1, Math.ceil(milliseconds / 1000));
}

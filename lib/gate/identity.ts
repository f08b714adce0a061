/**
 * Who was admitted, as every later part of the server sees it. Nothing here keeps the token itself, so nothing behind
 * admission can log it.
 */

/** The bearer of a verified token or redeemed ticket. */
export interface Identity {
  /** The token's `sub`; nothing else becomes the user id. */
  readonly user: string;
  readonly roles: readonly string[];
  /** The verified claims, as parsed from the token. */
  readonly claims: Readonly<Record<string, unknown>>;
  /** Milliseconds since the epoch at which the token, and so the session, ends. */
  readonly expiresAt: number;
  /** Milliseconds since the epoch at which the token was issued. */
  readonly issuedAt: number;
  /** The token's `jti`, when it has one. */
  readonly tokenId?: string;
}

/** What became of a token. `detail` is for the log only and never holds any part of the token. */
export type Verified =
  | { readonly ok: true; readonly identity: Identity }
  | {
    readonly ok: false;
    readonly reason: "token_invalid" | "token_expired" | "token_revoked";
    readonly detail: string;
  };

/** The identity of an admitted client. It does not contain the token, so no later part of the server can log it. */

/** The holder of a verified token or redeemed ticket. */
export interface Identity {
  /** The user id: the token's `sub`. */
  readonly user: string;
  readonly roles: readonly string[];
  /** The verified claims. */
  readonly claims: Readonly<Record<string, unknown>>;
  /** Milliseconds since the epoch at which the token, and so the session, ends. */
  readonly expiresAt: number;
  /** Milliseconds since the epoch at which the token was issued. */
  readonly issuedAt: number;
  /** The token's `jti`, when it has one. */
  readonly tokenId?: string;
}

/** The result of verifying a token. `detail` is for the log only and never contains any part of the token. */
export type Verified =
  | { readonly ok: true; readonly identity: Identity }
  | {
    readonly ok: false;
    readonly reason: "token_invalid" | "token_expired" | "token_revoked";
    readonly detail: string;
  };

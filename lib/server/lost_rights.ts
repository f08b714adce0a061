/** Closes sessions whose credential is revoked or whose user is banned. */
import type { Revocation, Revocations } from "../admission/admission.ts";
import type { Config } from "../config/config.ts";
import type { Bans } from "../limits/limits.ts";
import type { Registry, Session } from "../session/session.ts";

/** Sessions checked between two rounds of the event loop. */
const SESSIONS_A_ROUND = 500;

export interface LostRightsDeps {
  /** Read at each revocation, because a reload replaces it. */
  readonly config: Config;
  readonly revocations: Revocations;
  readonly limits: { readonly bans: Bans };
  readonly registry: Registry<Session>;
  /** Wall clock, milliseconds since the epoch. */
  readonly now: () => number;
}

export class LostRights {
  readonly #deps: LostRightsDeps;

  /**
   * Subscribes to revocations and bans. A revocation closes its sessions with 4401 `token_revoked`, a ban with 1008
   * `banned`.
   */
  constructor(deps: LostRightsDeps) {
    this.#deps = deps;
    deps.limits.bans.onAdded = (key) => this.#closeBanned(key);
    deps.revocations.onChange((revocation) => {
      if (revocation === null) void this.#closeAll();
      else this.#close(this.#candidates(revocation));
    });
  }

  /**
   * Stores a revocation until `expiresAt` (milliseconds since the epoch), and closes the affected sessions.
   *
   * @returns the number of closed sessions
   */
  revoke(revocation: Revocation, expiresAt?: number): number {
    const { revocations, config } = this.#deps;
    const open = this.#candidates(revocation).filter(({ ending }) => !ending);
    const what = "sub" in revocation ? { ...revocation, issuedUntil: this.#lastIssue(open) } : revocation;
    // The issuer's clock, from which the operator may have taken the expiry, may differ from this one.
    const { clock_skew } = config.auth;
    revocations.add(what, expiresAt === undefined ? undefined : expiresAt + clock_skew);
    return open.filter(({ identity }) => revocations.isRevoked(identity)).length;
  }

  /** Closes the sessions of a banned user. A ban of an address closes none, because several users may share it. */
  #closeBanned(key: string): void {
    if (!key.startsWith("user:")) return;
    for (const session of this.#deps.registry.ofUser(key.slice("user:".length))) session.end("banned");
  }

  /** Sessions that a revocation may affect. */
  #candidates(revocation: Revocation): Session[] {
    const { registry } = this.#deps;
    return "sub" in revocation ? registry.ofUser(revocation.sub) : registry.all();
  }

  /** Now, or the latest `iat` of the sessions: an issuer's clock may be ahead, and these tokens exist already. */
  #lastIssue(sessions: readonly Session[]): number {
    return sessions.reduce((latest, { identity }) => Math.max(latest, identity.issuedAt), this.#deps.now());
  }

  #close(sessions: readonly Session[]): void {
    for (const session of sessions) {
      if (!session.ending && this.#deps.revocations.isRevoked(session.identity)) session.end("token_revoked");
    }
  }

  /** Checks every session once, a part of them in each round of the event loop. */
  async #closeAll(): Promise<void> {
    const sessions = this.#deps.registry.all();
    for (let at = 0; at < sessions.length; at += SESSIONS_A_ROUND) {
      this.#close(sessions.slice(at, at + SESSIONS_A_ROUND));
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
}

/** Closes sessions whose credential is revoked or whose user is banned. */
import type { Revocation, Revocations, SharedRevocation } from "../admission/admission.ts";
import type { Config } from "../config/config.ts";
import type { Bans } from "../limits/limits.ts";
import type { Registry, Session } from "../session/session.ts";

/** Sessions checked between two rounds of the event loop. */
const SESSIONS_A_ROUND = 500;

/** Begin of the names of revocations of users. */
const SUB = "sub:";

/** The time within which a revocation reaches a node, generously. One that comes later is older than that. */
const FRESH_MS = 5_000;

export interface LostRightsDeps {
  /** Read at each revocation, because a reload replaces it. */
  readonly config: Config;
  readonly revocations: Revocations;
  readonly limits: { readonly bans: Bans };
  readonly registry: Registry<Session>;
  /** Wall clock, milliseconds since the epoch. */
  readonly now: () => number;
}

/** Revocations of other nodes whose numbers of closed sessions are kept. */
const MAX_CLOSURES = 1_000;

export class LostRights {
  readonly #deps: LostRightsDeps;
  /** Sessions that the revocation that is being adopted has closed so far. */
  #closed = 0;
  /** Sessions that each revocation of another node closed, by its name; oldest first. */
  readonly #closures = new Map<string, { readonly at: number; readonly closed: number }>();

  /**
   * Subscribes to revocations and bans. A revocation closes its sessions with 4401 `token_revoked`, a ban with 1008
   * `banned`.
   */
  constructor(deps: LostRightsDeps) {
    this.#deps = deps;
    deps.limits.bans.onAdded = (key) => this.#closeBanned(key);
    deps.revocations.onChange((revocation) => {
      if (revocation === null) void this.#closeAll();
      else this.#closed += this.#close(this.#candidates(revocation));
    });
  }

  /**
   * Stores a revocation until `expiresAt` (milliseconds since the epoch), and closes the affected sessions.
   *
   * @returns the number of closed sessions, and the revocation as it is in force
   */
  revoke(revocation: Revocation, expiresAt?: number): { readonly closed: number; readonly kept: SharedRevocation } {
    const { revocations, config } = this.#deps;
    const open = this.#candidates(revocation).filter(({ ending }) => !ending);
    const what = "sub" in revocation ? { ...revocation, issuedUntil: this.#lastIssue(open) } : revocation;
    // The issuer's clock, from which the operator may have taken the expiry, may differ from this one.
    const { clock_skew } = config.auth;
    const kept = revocations.add(what, expiresAt === undefined ? undefined : expiresAt + clock_skew);
    return { closed: open.filter(({ identity }) => revocations.isRevoked(identity)).length, kept };
  }

  /**
   * Takes over a revocation of another node, and closes the affected sessions. A fresh one of a user covers all tokens
   * that have a session here: their issuer's clock may be ahead, and the other node did not know them.
   *
   * @returns the revocation as it is in force; null if its name is invalid
   */
  adopt(revocation: SharedRevocation): SharedRevocation | null {
    const { revocations, registry, config, now } = this.#deps;
    const { name, issuedUntil } = revocation;
    let covered = issuedUntil;
    if (name.startsWith(SUB) && Math.abs(now() - issuedUntil) < FRESH_MS) {
      const last = issuedUntil + config.auth.clock_skew;
      for (const { identity: { issuedAt }, ending } of registry.ofUser(name.slice(SUB.length))) {
        if (!ending && issuedAt <= last) covered = Math.max(covered, issuedAt);
      }
    }
    this.#closed = 0;
    const kept = revocations.adopt({ ...revocation, issuedUntil: covered });
    this.#remember(name, this.#closed);
    return kept;
  }

  /** The number of sessions that the revocation of that name, of another node, closed within the last seconds. */
  closedBy(name: string): number {
    const closure = this.#closures.get(name);
    return closure !== undefined && this.#deps.now() - closure.at < FRESH_MS ? closure.closed : 0;
  }

  /** A revocation may be told more than once: the first time, its sessions are closed. */
  #remember(name: string, closed: number): void {
    const sum = this.closedBy(name) + closed;
    this.#closures.delete(name);
    if (sum > 0) this.#closures.set(name, { at: this.#deps.now(), closed: sum });
    const [oldest] = this.#closures.keys();
    if (this.#closures.size > MAX_CLOSURES && oldest !== undefined) this.#closures.delete(oldest);
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

  /** Closes those of the sessions whose token is revoked, and returns their number. */
  #close(sessions: readonly Session[]): number {
    const revoked = sessions.filter(({ ending, identity }) => !ending && this.#deps.revocations.isRevoked(identity));
    for (const session of revoked) session.end("token_revoked");
    return revoked.length;
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

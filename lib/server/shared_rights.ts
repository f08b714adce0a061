/** Bans and revocations of all nodes: this node's own are told to the others, theirs apply here. */
import type { Revocation, SharedRevocation } from "../admission/admission.ts";
import type { Control, Notice } from "../cluster/cluster.ts";
import type { Bans, KeptBan, SharedBan } from "../limits/limits.ts";
import { LostRights, type LostRightsDeps } from "./lost_rights.ts";

export interface SharedRightsDeps extends LostRightsDeps {
  readonly limits: { readonly bans: Bans };
  /** Monotonic clock of bans, milliseconds since the epoch. */
  readonly steady: () => number;
  readonly cluster: { readonly control: Pick<Control, "announce"> };
}

/** A change of bans or revocations. `shared`: whether the other nodes have been told. */
export interface SharedChange {
  readonly shared: Promise<boolean>;
}

/**
 * Bans and revocations by operators, of this node and of the others. A node keeps all of them in its own store, so they
 * hold when the link is down and after a restart without it.
 *
 * When two nodes have the same ban or revocation with different ends, the later end applies on both.
 */
export class SharedRights {
  readonly #deps: SharedRightsDeps;
  readonly #sessions: LostRights;

  /** Announces each ban that is added from now on. */
  constructor(deps: SharedRightsDeps) {
    this.#deps = deps;
    this.#sessions = new LostRights(deps);
    deps.limits.bans.onShared = (kept) => void this.#announce(this.#banNotice(kept));
  }

  /**
   * Stores a revocation until `expiresAt` (milliseconds since the epoch), and closes the affected sessions of this node,
   * whose number is `closed`. `name` is that of the revocation among nodes.
   */
  revoke(
    revocation: Revocation,
    expiresAt?: number,
  ): SharedChange & { readonly closed: number; readonly name: string } {
    const { closed, kept } = this.#sessions.revoke(revocation, expiresAt);
    return { closed, name: kept.name, shared: this.#announce(revocationNotice(kept)) };
  }

  /** The number of sessions of this node that the revocation of that name, told by another node, closed just now. */
  closedBy(name: string): number {
    return this.#sessions.closedBy(name);
  }

  /** Lifts a revocation by its `jti:VALUE`, `sub:VALUE` or `before:RFC3339`; null if there is none. */
  liftRevocation(key: string): SharedChange | null {
    const lifted = this.#deps.revocations.lift(key);
    return lifted && { shared: this.#announce({ ...revocationNotice(lifted), record: null }) };
  }

  /** Lifts a ban by its key; null if there is none in force. */
  liftBan(key: string): SharedChange | null {
    const { bans } = this.#deps.limits;
    const kept = bans.kept(key);
    if (!bans.lift(key) || kept === undefined) return null;
    return { shared: this.#announce({ ...this.#banNotice(kept), record: null }) };
  }

  /** All bans and revocations that this node holds. */
  *held(): Iterable<Notice> {
    for (const kept of this.#deps.limits.bans.shared()) yield this.#banNotice(kept);
    for (const kept of this.#deps.revocations.shared()) yield revocationNotice(kept);
  }

  /** Applies a ban or revocation of another node, or its lift. What is not understood is ignored. */
  learn(notice: Notice): void {
    if (notice.kind === BAN) this.#learnBan(notice);
    else if (notice.kind === REVOCATION) this.#learnRevocation(notice);
  }

  #learnBan({ key, record }: Notice): void {
    const { bans } = this.#deps.limits;
    if (record === null) return bans.adopt(key, null);
    const ban = parse(record) as SharedBan | null;
    if (ban === null) return;
    bans.adopt(key, { ...ban, until: ban.until - this.#offset });
    const kept = bans.kept(key);
    if (kept !== undefined && kept.ban.until > ban.until - this.#offset + SAME_MS) {
      void this.#announce(this.#banNotice(kept));
    }
  }

  #learnRevocation({ key, record, until }: Notice): void {
    if (record === null) return void this.#deps.revocations.adoptLift(key);
    const parsed = parse(record) as { issued_until?: unknown } | null;
    if (parsed === null) return;
    const { issued_until } = parsed;
    const learned = { name: key, until, issuedUntil: typeof issued_until === "number" ? issued_until : Infinity };
    const kept = this.#sessions.adopt(learned);
    if (kept === null) return;
    const isWider = kept.issuedUntil > learned.issuedUntil || kept.until > learned.until + SAME_MS;
    if (isWider) void this.#announce(revocationNotice(kept));
  }

  #announce(notice: Notice): Promise<boolean> {
    return this.#deps.cluster.control.announce(notice);
  }

  #banNotice({ key, ban, keptUntil }: KeptBan): Notice {
    const record = JSON.stringify({ ...ban, until: ban.until + this.#offset });
    return { kind: BAN, key, record, until: keptUntil + this.#offset };
  }

  /** The wall clock's lead on the monotonic one. Nodes tell one another moments of the wall clock. */
  get #offset(): number {
    return Math.round(this.#deps.now() - this.#deps.steady());
  }
}

const BAN = "ban";
const REVOCATION = "revocation";
/** Ends that differ by less are the same: clocks differ. */
const SAME_MS = 1_000;

function revocationNotice({ name, issuedUntil, until }: SharedRevocation): Notice {
  const record = JSON.stringify(issuedUntil === Infinity ? {} : { issued_until: issuedUntil });
  return { kind: REVOCATION, key: name, record, until };
}

/** The object of a JSON text; null for anything else. */
function parse(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" ? value : null;
  } catch {
    return null;
  }
}

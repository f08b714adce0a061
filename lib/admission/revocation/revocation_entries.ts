/** A set of revocations with lookup by token, user and moment of issue. */
import type { Identity } from "../../gate/gate.ts";

/**
 * Revokes one token, the tokens of one user, or all tokens issued before a moment. Moments are milliseconds since the
 * epoch.
 *
 * `issuedUntil` limits a revocation of a user to tokens issued until then. Without it, all tokens of the user are
 * revoked.
 */
export type Revocation =
  | { readonly jti: string }
  | { readonly sub: string; readonly issuedUntil?: number }
  | { readonly before: number };

/** The end of a revocation, and the last moment of issue that it covers. */
export interface RevocationTerm {
  readonly until: number;
  readonly issuedUntil: number;
}

const FOR_GOOD: RevocationTerm = { until: Infinity, issuedUntil: Infinity };

/** Additions after which expired entries are removed. */
const ADDITIONS_BETWEEN_PURGES = 1024;

/**
 * A growing Map copies all its entries at once, which takes 100 ms with 500,000 names. With this many maps each copy
 * takes less than 1 ms.
 */
const SHARDS = 256;

/** Revocations by name (`jti:VALUE`, `sub:VALUE`, `before:MILLISECONDS`), each with its term. */
export class RevocationEntries {
  readonly #shards = Array.from({ length: SHARDS }, () => new Map<string, RevocationTerm>());
  /** The `before` moments with their ends, without those that a later moment with a later end covers. */
  #befores: readonly (readonly [before: number, until: number])[] = [];
  #additions = 0;

  get size(): number {
    return this.#shards.reduce((sum, { size }) => sum + size, 0);
  }

  /** Adds a revocation until `until`. For two with the same name, the later end and the later moment apply. */
  add(revocation: Revocation, until: number, now: number): RevocationTerm {
    if (++this.#additions % ADDITIONS_BETWEEN_PURGES === 0 && until !== Infinity) this.#purge(now);
    const name = nameOf(revocation);
    const shard = this.#shard(name);
    const term = later(shard.get(name), until, "sub" in revocation ? revocation.issuedUntil ?? Infinity : Infinity);
    shard.set(name, term);
    if ("before" in revocation) this.#addBefore(revocation.before, term.until);
    return term;
  }

  /** The term of the revocation of that name. */
  get(name: string): RevocationTerm | undefined {
    return this.#shard(name).get(name);
  }

  has(name: string): boolean {
    return this.#shard(name).has(name);
  }

  /** False if there is none of that name. */
  delete(name: string): boolean {
    if (!this.#shard(name).delete(name)) return false;
    if (name.startsWith("before:")) this.#recallBefores();
    return true;
  }

  /** Those in force at the time. */
  *list(now: number): Iterable<[name: string, term: RevocationTerm]> {
    for (const shard of this.#shards) {
      for (const [name, term] of shard) if (term.until > now) yield [name, term];
    }
  }

  match(identity: Identity, now: number): boolean {
    const { user, tokenId, issuedAt } = identity;
    for (const [before, until] of this.#befores) if (issuedAt < before && now < until) return true;
    return this.#holds(`sub:${user}`, issuedAt, now) ||
      (tokenId !== undefined && this.#holds(`jti:${tokenId}`, issuedAt, now));
  }

  #holds(name: string, issuedAt: number, now: number): boolean {
    const term = this.#shard(name).get(name);
    return term !== undefined && term.until > now && issuedAt <= term.issuedUntil;
  }

  #addBefore(before: number, until: number): void {
    if (this.#befores.some(([other, end]) => other >= before && end >= until)) return;
    this.#befores = [...this.#befores.filter(([other, end]) => other > before || end > until), [before, until]];
  }

  /** Recomputes the `before` moments after one was removed. */
  #recallBefores(): void {
    this.#befores = [];
    for (const [name, { until }] of this.list(-Infinity)) {
      const revocation = name.startsWith("before:") ? parseName(name) : null;
      if (revocation !== null && "before" in revocation) this.#addBefore(revocation.before, until);
    }
  }

  #purge(now: number): void {
    for (const shard of this.#shards) {
      for (const [name, { until }] of shard) if (until <= now) this.delete(name);
    }
  }

  #shard(name: string): Map<string, RevocationTerm> {
    let hash = name.length;
    for (let i = Math.max(0, name.length - 8); i < name.length; i++) hash = (hash * 31 + name.charCodeAt(i)) | 0;
    return this.#shards[hash & (SHARDS - 1)]!;
  }
}

function later(known: RevocationTerm | undefined, until: number, issuedUntil: number): RevocationTerm {
  const term = {
    until: Math.max(until, known?.until ?? -Infinity),
    issuedUntil: Math.max(issuedUntil, known?.issuedUntil ?? -Infinity),
  };
  return term.until === Infinity && term.issuedUntil === Infinity ? FOR_GOOD : term;
}

export function nameOf(revocation: Revocation): string {
  if ("jti" in revocation) return `jti:${revocation.jti}`;
  if ("sub" in revocation) return `sub:${revocation.sub}`;
  return `before:${revocation.before}`;
}

/** Parses a name; null when it is invalid. */
export function parseName(name: string): Revocation | null {
  const colon = name.indexOf(":");
  const value = name.slice(colon + 1);
  switch (name.slice(0, colon)) {
    case "jti":
      return { jti: value };
    case "sub":
      return { sub: value };
    case "before":
      return Number.isFinite(Number(value)) ? { before: Number(value) } : null;
    default:
      return null;
  }
}

/** Single revocations, and a set of them that is quick to ask. */
import type { Identity } from "./identity.ts";

/** One token, all tokens of one user, or all tokens issued before a moment (milliseconds since the epoch). */
export type Revocation = { readonly jti: string } | { readonly sub: string } | { readonly before: number };

/** Whether a revocation means this identity. */
export function revokes(revocation: Revocation, identity: Identity): boolean {
  if ("jti" in revocation) return identity.tokenId === revocation.jti;
  if ("sub" in revocation) return identity.user === revocation.sub;
  return identity.issuedAt < revocation.before;
}

/** After so many additions, what has expired is forgotten. */
const ADDITIONS_BETWEEN_PURGES = 1024;

/** Revocations by name (`jti:VALUE`, `sub:VALUE`, `before:MILLISECONDS`), each with its end. */
export class RevocationEntries {
  readonly names = new Map<string, number>();
  /** Moments everything before which is revoked, with their ends: only those that no later one outlasts. */
  readonly #befores = new Map<number, number>();
  #additions = 0;

  add(revocation: Revocation, until: number, now: number): { name: string; until: number } {
    if (++this.#additions % ADDITIONS_BETWEEN_PURGES === 0) {
      for (const [name, end] of this.names) if (end <= now) this.names.delete(name);
    }
    const name = nameOf(revocation);
    const kept = Math.max(until, this.names.get(name) ?? 0);
    this.names.set(name, kept);
    if ("before" in revocation) this.#addBefore(revocation.before, kept);
    return { name, until: kept };
  }

  match(identity: Identity, now: number): boolean {
    const { user, tokenId, issuedAt } = identity;
    for (const [before, until] of this.#befores) if (issuedAt < before && now < until) return true;
    return this.#holds(`sub:${user}`, now) || (tokenId !== undefined && this.#holds(`jti:${tokenId}`, now));
  }

  #addBefore(before: number, until: number): void {
    for (const [other, end] of this.#befores) {
      if (other >= before && end >= until) return;
      if (other <= before && end <= until) this.#befores.delete(other);
    }
    this.#befores.set(before, until);
  }

  #holds(name: string, now: number): boolean {
    return (this.names.get(name) ?? 0) > now;
  }
}

function nameOf(revocation: Revocation): string {
  if ("jti" in revocation) return `jti:${revocation.jti}`;
  if ("sub" in revocation) return `sub:${revocation.sub}`;
  return `before:${revocation.before}`;
}

/** The revocation of such a name, null when it is none. */
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

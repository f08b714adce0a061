/** Separates the changes that a reload (SIGHUP) applies from those that need a restart. */
import { isDeepStrictEqual } from "node:util";
import type { Config } from "./schema.ts";

/** Keys and sections that take effect without a restart. */
const LIVE: readonly string[] = [
  "tls.cert_file",
  "tls.key_file",
  "admission.origins",
  "auth.public_key_file",
  "auth.secret_file",
  "auth.jwks_file",
  "auth.jwks_url",
  "auth.private_key_file",
  "auth.revoked_file",
  "limits",
  "log.level",
];

export interface Changes {
  /** Changed keys that a reload applies. The contents of named files always count as changed: they are read again. */
  readonly live: readonly string[];
  /** Changed keys that need a restart. Any of these makes the reload fail as a whole. */
  readonly restart: readonly string[];
}

/**
 * The keys in which two configurations differ. A reload is all or nothing: if `restart` is not empty, the old
 * configuration stays, so that a running server always matches one file.
 */
export function reloadable(old: Config, next: Config): Changes {
  const live: string[] = [];
  const restart: string[] = [];
  for (const key of changedKeys(old, next)) {
    const isLive = LIVE.some((prefix) => key === prefix || key.startsWith(`${prefix}.`));
    (isLive ? live : restart).push(key);
  }
  return { live, restart };
}

function changedKeys(old: Config, next: Config): string[] {
  const keys: string[] = [];
  for (const section of unionOfKeys(old, next)) {
    const [before, after] = [field(old, section), field(next, section)];
    if (isDeepStrictEqual(before, after)) continue;
    if (!isTable(before) || !isTable(after)) {
      keys.push(section);
      continue;
    }
    for (const key of unionOfKeys(before, after)) {
      if (!isDeepStrictEqual(field(before, key), field(after, key))) keys.push(`${section}.${key}`);
    }
  }
  return keys;
}

function unionOfKeys(a: object, b: object): string[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])];
}

function field(table: object, key: string): unknown {
  return Object.getOwnPropertyDescriptor(table, key)?.value;
}

function isTable(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

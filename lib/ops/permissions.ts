/** What the running server still needs; everything else is given up. Paths are absolute. */
export interface Needs {
  /** Files and folders to read: what a reload reads, and what cells that are started again load. */
  readonly read: readonly string[];
  /** Files and folders to write: the store's, the service manager's socket. */
  readonly write: readonly string[];
  /** Listening again (reload of certificates with `serve`), fetching keys, a backplane, handlers with `net`. */
  readonly net: boolean;
  /** Kinds that are left as they were granted. */
  readonly keep?: readonly ("env" | "run" | "sys")[];
}

/** `none`, `all`, or the paths. Kinds with no finer state than granted are `all` or `none`. */
export type Extent = "none" | "all" | readonly string[];

const KINDS = ["read", "write", "net", "env", "run", "ffi", "sys", "import"] as const;
type Kind = typeof KINDS[number];

/** What this process may do, by kind of permission. */
export type PermissionReport = Readonly<Record<Kind, Extent>>;

/** What a process that never gave anything up may do. */
export function currentPermissions(): PermissionReport {
  return report({ read: [], write: [] });
}

/**
 * Gives up, for the rest of the process, every permission not named in `needs`, and returns what is left. Call it once
 * listeners are up and cells run; workers started later can't have more than what is left.
 *
 * Deno can't narrow a permission that was granted without a list. The server therefore runs with `--allow-read=/` and
 * `--allow-write=/`, a list of one: each path that stays is granted by itself, then `/` is revoked. Where a permission was
 * granted without a list (`-A`) it stays whole, and the report says `all`. `--no-prompt` turns what is revoked into errors.
 */
export function narrowPermissions(needs: Needs): PermissionReport {
  const { keep = [] } = needs;
  for (const name of ["env", "run", "ffi", "sys", "import"] as const) {
    if (!keep.some((kept) => kept === name)) Deno.permissions.revokeSync({ name });
  }
  if (!needs.net) Deno.permissions.revokeSync({ name: "net" });
  return report({ read: narrow("read", needs.read), write: narrow("write", needs.write) });
}

function narrow(name: "read" | "write", paths: readonly string[]): readonly string[] {
  if (paths.length === 0) {
    Deno.permissions.revokeSync({ name });
    return [];
  }
  const kept = paths.filter((path) => Deno.permissions.requestSync({ name, path }).state === "granted");
  Deno.permissions.revokeSync({ name, path: "/" });
  return [...new Set(kept)].sort();
}

function report(kept: { read: readonly string[]; write: readonly string[] }): PermissionReport {
  const extents = KINDS.map((name): [Kind, Extent] => {
    if (granted({ name })) return [name, "all"];
    if (name !== "read" && name !== "write") return [name, "none"];
    if (granted({ name, path: "/" })) return [name, "all"];
    return [name, kept[name].length > 0 ? kept[name] : "none"];
  });
  return Object.fromEntries(extents) as Record<Kind, Extent>;
}

function granted(descriptor: Deno.PermissionDescriptor): boolean {
  return Deno.permissions.querySync(descriptor).state === "granted";
}

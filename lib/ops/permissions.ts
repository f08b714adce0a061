/** Permissions that the running server keeps; all others are given up. Paths are absolute. */
export interface Needs {
  /** Files and folders to read: those of a reload, and those that restarted cells load. */
  readonly read: readonly string[];
  /** Files and folders to write: those of the store, and the service manager's socket. */
  readonly write: readonly string[];
  /** For listening again (certificate reload with `serve`), fetching keys, a backplane, handlers with `net`. */
  readonly net: boolean;
  /** Kinds of permissions that stay unchanged. */
  readonly keep?: readonly ("env" | "run" | "sys")[];
}

/** `none`, `all`, or a list of paths. Kinds without paths are `all` or `none`. */
export type Extent = "none" | "all" | readonly string[];

const KINDS = ["read", "write", "net", "env", "run", "ffi", "sys", "import"] as const;
type Kind = typeof KINDS[number];

/** Permissions of this process by kind. */
export type PermissionReport = Readonly<Record<Kind, Extent>>;

/** The current permissions of this process. */
export function currentPermissions(): PermissionReport {
  return report({ read: [], write: [] });
}

/**
 * Gives up every permission that `needs` does not name, for the rest of the process, and returns the remaining ones.
 * Call it once listeners and cells are running. Workers started later can't have more permissions.
 *
 * Deno can't narrow a permission that was granted without a list. The server therefore runs with `--allow-read=/` and
 * `--allow-write=/`, lists of one entry: each path that stays is granted individually, then `/` is revoked. A
 * permission that was granted without a list (`-A`) stays, and the report says `all`. With `--no-prompt`, use of a
 * revoked permission is an error.
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

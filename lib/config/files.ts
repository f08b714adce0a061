/**
 * Checks of the named files: they must exist, be readable, and, if they contain a secret, be accessible to their owner
 * only. Each file is opened but not read.
 */
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Draft } from "./rules.ts";

/** A named file. A `secret` file must not be accessible to group and others. */
export interface NamedFile {
  readonly key: string;
  readonly path: string;
  readonly secret: boolean;
  /** Whether the server opens the file. The private key is only for the command `token`, under any account. */
  readonly opened: boolean;
}

/** Makes every path absolute, relative to the folder of the configuration file. Changes the draft. */
export function resolvePaths(draft: Draft, base: string): void {
  const { server, tls, auth, store, cluster, ops } = draft;
  if (server?.unix !== undefined) server.unix = resolve(base, server.unix);
  if (tls?.cert_file !== undefined) tls.cert_file = resolve(base, tls.cert_file);
  if (tls?.key_file !== undefined) tls.key_file = resolve(base, tls.key_file);
  for (const key of ["public_key_file", "secret_file", "jwks_file", "private_key_file", "revoked_file"] as const) {
    const path = auth?.[key];
    if (auth && path !== undefined) auth[key] = resolve(base, path);
  }
  for (const key of ["url_file", "ca_file", "cert_file", "key_file", "password_file", "secret_file"] as const) {
    const path = cluster?.[key];
    if (cluster && path !== undefined) cluster[key] = resolve(base, path);
  }
  if (store?.path !== undefined) store.path = resolve(base, store.path);
  if (ops?.admin_token_file !== undefined) ops.admin_token_file = resolve(base, ops.admin_token_file);
  for (const handler of draft.handlers ?? []) {
    if (handler.module !== undefined) {
      handler.module = handler.module.startsWith("file://")
        ? fileURLToPath(handler.module)
        : resolve(base, handler.module);
    }
    for (const key of ["read", "write"] as const) {
      const paths = handler.permissions?.[key];
      if (handler.permissions && paths) handler.permissions[key] = paths.map((path) => resolve(base, path));
    }
  }
}

/** All files that must exist before the server starts. */
export function namedFiles(draft: Draft): NamedFile[] {
  const files: NamedFile[] = [];
  const add = (key: string, path: string | undefined, secret = false) => {
    if (path !== undefined) files.push({ key, path, secret, opened: key !== "auth.private_key_file" });
  };
  add("tls.cert_file", draft.tls?.cert_file);
  add("tls.key_file", draft.tls?.key_file, true);
  add("auth.public_key_file", draft.auth?.public_key_file);
  add("auth.secret_file", draft.auth?.secret_file, true);
  add("auth.jwks_file", draft.auth?.jwks_file);
  add("auth.private_key_file", draft.auth?.private_key_file, true);
  add("auth.revoked_file", draft.auth?.revoked_file);
  // A URL may contain a password.
  add("cluster.url_file", draft.cluster?.url_file, true);
  add("cluster.ca_file", draft.cluster?.ca_file);
  add("cluster.cert_file", draft.cluster?.cert_file);
  add("cluster.key_file", draft.cluster?.key_file, true);
  add("cluster.password_file", draft.cluster?.password_file, true);
  add("cluster.secret_file", draft.cluster?.secret_file, true);
  add("ops.admin_token_file", draft.ops?.admin_token_file, true);
  draft.handlers?.forEach((handler, index) => add(`handlers[${index}].module`, handler.module));
  return files;
}

/** Reports every missing, unreadable or too accessible file, and every missing folder. */
export function checkFiles(
  draft: Draft,
  credentials: string | undefined,
  report: (key: string, message: string) => void,
): void {
  for (const file of namedFiles(draft)) {
    const problem = fileProblem(file, credentials);
    if (problem !== null) report(file.key, problem);
  }
  const made = {
    "server.unix": draft.server?.unix,
    "store.path": draft.store?.kind === "sqlite" ? draft.store.path : undefined,
  };
  for (const [key, path] of Object.entries(made)) {
    const problem = path === undefined ? null : placeProblem(path);
    if (problem !== null) report(key, problem);
  }
}

/**
 * The problem of a file, or null.
 *
 * @param credentials the folder of systemd credentials, if any. systemd grants access to credentials by an access
 * control list, which shows as a group-read bit although no group has access. In that folder the bit is ignored.
 */
function fileProblem(file: NamedFile, credentials?: string): string | null {
  const named = `names ${JSON.stringify(file.path)}, `;
  try {
    const info = Deno.statSync(file.path);
    if (!info.isFile) return `${named}which is not a file, must be a file`;
    const tolerated = credentials !== undefined && isInside(file.path, credentials) ? 0o040 : 0;
    const open = (info.mode ?? 0) & 0o077 & ~tolerated;
    if (file.secret && open !== 0) {
      const mode = ((info.mode ?? 0) & 0o777).toString(8).padStart(4, "0");
      return `${named}which others than its owner can access (mode ${mode}), must be 0600 or 0400: chmod 600 it`;
    }
    if (file.opened) Deno.openSync(file.path, { read: true }).close();
    return null;
  } catch (error) {
    return `${named}${accessProblem(error)}`;
  }
}

/** The problem of a path where a file will be created, or null. */
function placeProblem(path: string): string | null {
  const named = `names ${JSON.stringify(path)}, whose folder `;
  try {
    if (isFolder(path)) return `names ${JSON.stringify(path)}, which is a folder, must be a file in one`;
    return Deno.statSync(dirname(path)).isDirectory ? null : `${named}is not a folder, must be in an existing folder`;
  } catch (error) {
    return error instanceof Deno.errors.NotFound
      ? `${named}does not exist, must be in an existing folder`
      : `${named}${accessProblem(error)}`;
  }
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    // The path does not exist yet, or its folder has a problem of its own.
    return false;
  }
}

function accessProblem(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "which does not exist, must be an existing file";
  if (error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable) {
    return "which can't be read (permission denied), must be a file this user can read";
  }
  return `which can't be read (${error instanceof Error ? error.name : "unknown error"}), must be a readable file`;
}

function isInside(path: string, folder: string): boolean {
  return path.startsWith(folder.endsWith("/") ? folder : `${folder}/`);
}

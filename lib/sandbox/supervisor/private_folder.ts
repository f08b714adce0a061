/** The folder of the sockets between fronts and cells, and among fronts. */
import { join } from "node:path";

/** Maximum length of a unix socket path (`sun_path` of unix(7), without its final zero). */
const MAX_SOCKET_PATH_BYTES = 107;
const PREFIX = "sallyport-";

/** A folder that only this user can enter, removed at the end. */
export class PrivateFolder {
  readonly #parent: string;
  #path: string | undefined;
  #sockets = 0;

  /** The folder is in the service's runtime directory of systemd, otherwise among temporary files. */
  constructor(env: (name: string) => string | undefined) {
    this.#parent = env("RUNTIME_DIRECTORY")?.split(":")[0] ?? env("TMPDIR") ?? "/tmp";
  }

  /** The folder, created at the first use: late, so that little can happen before its removal is guaranteed. */
  get path(): string {
    return this.#path ??= make(this.#parent);
  }

  /**
   * A new path for the socket of a front's cells.
   *
   * @throws {Error} if the folder can't be created, or its path is too long for a socket
   */
  nextSocket(front = 0): string {
    return join(this.path, `cells-${front}-${++this.#sockets}`);
  }

  /** The path of the socket on which a front answers the others. */
  opsSocket(front: number): string {
    return join(this.path, `ops-${front}`);
  }

  /** Removes the sockets of a front that ended. Creates the folder again if it was removed. */
  clear(front = 0): void {
    const { path } = this;
    try {
      for (const { name } of Deno.readDirSync(path)) {
        if (name.split("-")[1] === String(front)) Deno.removeSync(join(path, name), { recursive: true });
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      Deno.mkdirSync(path, { recursive: true, mode: 0o700 });
    }
  }

  /** Removes the folder, if it exists. */
  remove(): void {
    if (this.#path !== undefined) removeFolder(this.#path);
  }
}

function make(parent: string): string {
  const path = Deno.realPathSync(Deno.makeTempDirSync({ dir: parent, prefix: PREFIX }));
  if (new TextEncoder().encode(join(path, "cells-63-000000")).length > MAX_SOCKET_PATH_BYTES) {
    removeFolder(path);
    throw new Error(`${parent}: the path is too long for a socket, set TMPDIR to a shorter one`);
  }
  Deno.chmodSync(path, 0o700);
  return path;
}

/** Removes a folder recursively, if it exists. */
function removeFolder(path: string): void {
  try {
    Deno.removeSync(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

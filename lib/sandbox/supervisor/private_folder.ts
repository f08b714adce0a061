/** The folder of the socket between front and cells. */
import { join } from "node:path";

/** Longest path of a unix socket (`sun_path` of unix(7), less its final zero). */
const MAX_SOCKET_PATH_BYTES = 107;
const PREFIX = "sallyport-";

/** A folder that only this user may enter, removed at the end. */
export class PrivateFolder {
  readonly #parent: string;
  #path: string | undefined;
  #sockets = 0;

  /** It will be where systemd made a folder for the service, else where temporary files go. */
  constructor(env: (name: string) => string | undefined) {
    this.#parent = env("RUNTIME_DIRECTORY")?.split(":")[0] ?? env("TMPDIR") ?? "/tmp";
  }

  /** The folder, which is made when it is first asked for: late, so that little can happen before somebody removes it. */
  get path(): string {
    return this.#path ??= make(this.#parent);
  }

  /**
   * A path for a socket that no other had before.
   *
   * @throws {Error} When the folder can't be made, or its path is too long for a socket.
   */
  nextSocket(): string {
    return join(this.path, `cells-${++this.#sockets}`);
  }

  /** Removes what is in the folder. Makes the folder again where something has removed it. */
  clear(): void {
    const { path } = this;
    try {
      for (const { name } of Deno.readDirSync(path)) Deno.removeSync(join(path, name), { recursive: true });
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      Deno.mkdirSync(path, { recursive: true, mode: 0o700 });
    }
  }

  /** Removes the folder; one that is gone already is no fault. */
  remove(): void {
    if (this.#path !== undefined) removeFolder(this.#path);
  }
}

function make(parent: string): string {
  const path = Deno.realPathSync(Deno.makeTempDirSync({ dir: parent, prefix: PREFIX }));
  if (new TextEncoder().encode(join(path, "cells-000000")).length > MAX_SOCKET_PATH_BYTES) {
    removeFolder(path);
    throw new Error(`${parent}: the path is too long for a socket, set TMPDIR to a shorter one`);
  }
  Deno.chmodSync(path, 0o700);
  return path;
}

/** Removes a folder with everything in it, if it is there. */
function removeFolder(path: string): void {
  try {
    Deno.removeSync(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

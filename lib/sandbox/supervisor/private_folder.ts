/** The folder of the socket between front and cells. */
import { join } from "node:path";

/** Longest path of a unix socket (`sun_path` of unix(7), less its final zero). */
const MAX_SOCKET_PATH_BYTES = 107;
const PREFIX = "sallyport-";

/** A folder that only this user may enter, removed at the end. */
export class PrivateFolder {
  #sockets = 0;

  private constructor(readonly path: string) {}

  /**
   * Makes the folder where systemd made one for the service, else where temporary files go.
   *
   * @throws {Error} When it can't be made, or its path is too long for a socket.
   */
  static make(env: (name: string) => string | undefined): PrivateFolder {
    const dir = env("RUNTIME_DIRECTORY")?.split(":")[0] ?? env("TMPDIR") ?? "/tmp";
    const path = Deno.realPathSync(Deno.makeTempDirSync({ dir, prefix: PREFIX }));
    const folder = new PrivateFolder(path);
    if (new TextEncoder().encode(join(path, "cells-000000")).length > MAX_SOCKET_PATH_BYTES) {
      folder.remove();
      throw new Error(`${dir}: the path is too long for a socket, set TMPDIR to a shorter one`);
    }
    Deno.chmodSync(path, 0o700);
    return folder;
  }

  /** A path for a socket that no other had before. */
  nextSocket(): string {
    return join(this.path, `cells-${++this.#sockets}`);
  }

  /** Removes what is in the folder. */
  clear(): void {
    for (const { name } of Deno.readDirSync(this.path)) Deno.removeSync(join(this.path, name), { recursive: true });
  }

  /** Removes the folder; one that is gone already is no fault. */
  remove(): void {
    removeFolder(this.path);
  }
}

/** Removes a folder with everything in it, if it is there. */
export function removeFolder(path: string): void {
  try {
    Deno.removeSync(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

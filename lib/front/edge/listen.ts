/** Binds the listener to an address and port, or to a unix socket. */

import { chmod, lstat, unlink } from "node:fs/promises";
import { connect, type ListenOptions, type Server } from "node:net";
import type { Config } from "../../config/config.ts";

export interface Bound {
  /** The address, or the path of the unix socket. */
  readonly hostname: string;
  /** The port in fact bound; 0 on a unix socket. */
  readonly port: number;
}

/** Connections the kernel may keep ready for us; it caps the number itself (net.core.somaxconn). */
const BACKLOG = 4096;

/** Owner and group may connect to a unix socket. */
const SOCKET_MODE = 0o660;

/** @throws {Error} when the address can't be bound */
export async function listen(server: Server, config: Config["server"]): Promise<Bound> {
  const { unix } = config;
  if (unix === undefined) {
    await bind(server, { host: config.host, port: config.port, backlog: BACKLOG });
    const address = server.address();
    return { hostname: config.host, port: typeof address === "object" && address !== null ? address.port : 0 };
  }
  await removeStale(unix);
  await bind(server, { path: unix, backlog: BACKLOG });
  await chmod(unix, SOCKET_MODE);
  return { hostname: unix, port: 0 };
}

function bind(server: Server, options: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(options, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

/** A socket file nobody answers on is left over from a server that was killed. Anything else is not ours to remove. */
async function removeStale(path: string): Promise<void> {
  const found = await lstat(path).catch(() => null);
  if (found === null) return;
  if (!found.isSocket()) throw new Error(`Cannot listen on ${path}: it exists and is no socket`);
  if (await answers(path)) throw new Error(`Cannot listen on ${path}: another server does`);
  await unlink(path);
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

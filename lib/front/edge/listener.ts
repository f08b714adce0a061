/** Accepts connections on an address and port, or on a unix socket. */

import { chmod, lstat, unlink } from "node:fs/promises";
import { connect, createServer, type ListenOptions, type Server, type Socket } from "node:net";
import type { Config } from "../../config/config.ts";

/** Connections the kernel may keep ready for us; it caps the number itself (net.core.somaxconn). */
const BACKLOG = 4096;

/** Owner and group may connect to a unix socket. */
const SOCKET_MODE = 0o660;

/** How long nobody may come in before the listener is armed anew, in ms. */
const REARM_INTERVAL = 1_000;

/**
 * A listener that outlives running out of file descriptors.
 *
 * The platform polls its listener until there is nothing to accept; an error such as EMFILE ends the polling for good,
 * without an event (Deno 2.9). Listening on the same handle once more starts it again, so that is done whenever a second
 * goes by without a connection. It costs one `accept` call.
 */
export class Listener {
  readonly #accept: (socket: Socket) => void;
  readonly #failed: (error: Error) => void;
  #server: Server;
  #timer: ReturnType<typeof setInterval> | undefined;
  #idle = true;
  /** The address, or the path of the unix socket. */
  hostname = "";
  /** The port in fact bound; 0 on a unix socket. */
  port = 0;

  constructor(accept: (socket: Socket) => void, failed: (error: Error) => void) {
    this.#accept = accept;
    this.#failed = failed;
    this.#server = this.#create();
  }

  /** @throws {Error} when the address can't be bound */
  async start(server: Pick<Config["server"], "host" | "port" | "unix" | "reuse_port">): Promise<void> {
    const { host, port, unix, reuse_port } = server;
    if (unix !== undefined) {
      await removeStale(unix);
      await bind(this.#server, { path: unix, backlog: BACKLOG });
      await chmod(unix, SOCKET_MODE);
      this.hostname = unix;
    } else {
      // SO_REUSEPORT: the kernel spreads connections over all who listen; all must ask for it, and be of the same user.
      await bind(this.#server, { host, port, backlog: BACKLOG, reusePort: reuse_port });
      const address = this.#server.address();
      this.hostname = host;
      this.port = typeof address === "object" && address !== null ? address.port : 0;
      // The handles of unix sockets can't be listened on twice.
      this.#timer = setInterval(() => this.#rearm(), REARM_INTERVAL);
    }
    this.#server.on("error", this.#failed);
  }

  /** Stops accepting; what was accepted stays. With `reuse_port` new connections go to the others who listen. */
  stop(): void {
    clearInterval(this.#timer);
    // Its callback waits for the last connection; accepting ends at once.
    if (this.#server.listening) this.#server.close();
  }

  #create(): Server {
    return createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
      this.#idle = false;
      this.#accept(socket);
    });
  }

  #rearm(): void {
    if (this.#idle) {
      const next = this.#create();
      next.on("error", this.#failed);
      next.listen(this.#server);
      this.#server = next;
    }
    this.#idle = true;
  }
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

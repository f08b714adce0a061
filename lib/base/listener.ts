/** Accepts connections on an address and port, or on a unix socket. */

import { chmod, lstat, unlink } from "node:fs/promises";
import { connect, createServer, type ListenOptions, type NetConnectOpts, type Server, type Socket } from "node:net";

/** Owner and group may connect to a unix socket. */
const SOCKET_MODE = 0o660;

/** Time without a new connection after which the listener is checked. */
const IDLE_MS = 500;

/** Delay of the next accept after a connection was refused for lack of room. */
const NUDGE_MS = 10;

/** Maximum time to accept a probe connection, and lifetime of its result. */
const PROBE_TIMEOUT_MS = 500;
const PROBE_TTL_MS = 1_000;

/** Time after which the socket file of a closed listener is removed. */
const REMOVAL_MS = 100;

/** Address to listen on: `unix`, or else `host` and `port`. */
export interface ListenAddress {
  readonly host: string;
  /** 0 selects a free port. */
  readonly port: number;
  readonly unix?: string | undefined;
  /**
   * SO_REUSEPORT: the kernel distributes connections over all listeners. All must set it, and belong to the same user.
   */
  readonly reuse_port?: boolean;
  /** Connections that the kernel may queue. */
  readonly backlog: number;
}

export interface ListenerOptions {
  /** Receives a connection; half-open ones stay open. */
  accept(socket: Socket): void;
  failed(error: Error): void;
  /** Whether descriptors are short. The listener is not restarted then. */
  readonly short?: () => boolean;
}

/** A probe connection of this process, to test whether the listener accepts. */
interface Probe {
  readonly done: (accepted: boolean) => void;
  /** The client end. Its address identifies it once it is connected. */
  readonly socket: Socket;
  /** Sockets accepted before the client end had an address. */
  readonly held: Socket[];
  connected: boolean;
}

/**
 * A listener that survives a shortage of file descriptors.
 *
 * The platform polls its listener until there is nothing to accept. An error such as EMFILE ends the polling
 * permanently, without an event (Deno 2.9). On TCP, listening on the same handle again restarts it, so this is done
 * when no connection has arrived for a while; it costs one `accept` call. The handle of a unix socket can't be reused:
 * there a probe connection shows whether the listener accepts, and if not, a new listener takes the path.
 */
export class Listener {
  readonly #options: ListenerOptions;
  #server: Server;
  #timer: ReturnType<typeof setInterval> | undefined;
  #nudge: ReturnType<typeof setTimeout> | undefined;
  #idle = true;
  #stopped = false;
  #renewing = false;
  #address: ListenAddress = { host: "", port: 0, backlog: 0 };
  #probe: Probe | null = null;
  #probed: { readonly at: number; readonly accepted: Promise<boolean> } | null = null;
  /** The bound port; 0 on a unix socket. */
  port = 0;

  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#server = this.#create();
  }

  /** @throws {Error} if the address can't be bound */
  async start(address: ListenAddress): Promise<void> {
    this.#address = address;
    const { host, port, unix, reuse_port, backlog } = address;
    if (unix !== undefined) {
      await removeStale(unix);
      await bindUnix(this.#server, unix, backlog);
    } else {
      await bind(this.#server, { host, port, backlog, reusePort: reuse_port ?? false });
      const bound = this.#server.address();
      this.port = typeof bound === "object" && bound !== null ? bound.port : 0;
    }
    this.#server.on("error", this.#options.failed);
    this.#timer = setInterval(() => this.#lookAfter(), IDLE_MS);
  }

  /** Stops accepting. Accepted connections stay. With `reuse_port`, new connections go to the other listeners. */
  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
    clearTimeout(this.#nudge);
    // The callback waits for the last connection, but accepting ends at once.
    if (this.#server.listening) this.#server.close();
  }

  /**
   * Whether a connection is accepted now. A probe connection is made, at most once a second. With `reuse_port` it may
   * reach another process, so there a successful connect is enough.
   */
  accepts(maxAgeMs = PROBE_TTL_MS): Promise<boolean> {
    if (this.#stopped) return Promise.resolve(false);
    const now = performance.now();
    if (this.#probed === null || this.#probe === null && now - this.#probed.at >= maxAgeMs) {
      this.#probed = { at: now, accepted: this.#dial() };
    }
    return this.#probed.accepted;
  }

  /**
   * A connection was refused for lack of room. Of a full accept queue, the platform may have accepted as many as there
   * were descriptors, before it freed any. The rest is accepted as soon as it has.
   */
  crowded(): void {
    if (this.#address.unix !== undefined || this.#stopped) return;
    this.#nudge ??= setTimeout(() => {
      this.#nudge = undefined;
      this.#rearm();
    }, NUDGE_MS);
  }

  #create(): Server {
    return createServer({ noDelay: true, allowHalfOpen: true }, (socket) => this.#accepted(socket));
  }

  #accepted(socket: Socket): void {
    this.#idle = false;
    const probe = this.#probe;
    if (probe === null) return this.#options.accept(socket);
    if (this.#address.unix !== undefined) {
      // Connections on a unix path can't be told apart; any accepted one answers the probe.
      probe.done(true);
      return this.#options.accept(socket);
    }
    if (!probe.connected) probe.held.push(socket);
    else if (isOtherEnd(socket, probe.socket)) {
      socket.on("error", () => {}).destroy();
      probe.done(true);
    } else this.#options.accept(socket);
  }

  #dial(): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const { unix, host, reuse_port } = this.#address;
    const target: NetConnectOpts = unix === undefined ? { host: dialable(host), port: this.port } : { path: unix };
    const socket = connect(target);
    const timer = setTimeout(() => probe.done(false), PROBE_TIMEOUT_MS);
    const release = () => {
      for (const held of probe.held.splice(0)) this.#accepted(held);
    };
    const probe: Probe = {
      socket,
      held: [],
      connected: false,
      done: (accepted) => {
        if (this.#probe === probe) this.#probe = null;
        clearTimeout(timer);
        socket.destroy();
        resolve(accepted);
        release();
      },
    };
    this.#probe = probe;
    socket.on("error", () => probe.done(false));
    socket.on("connect", () => {
      probe.connected = true;
      if (reuse_port) probe.done(true);
      release();
    });
    return promise;
  }

  #lookAfter(): void {
    const idle = this.#idle;
    this.#idle = true;
    if (!idle || this.#renewing || this.#options.short?.() === true) return;
    if (this.#address.unix === undefined) return this.#rearm();
    this.#lookAfterUnix(this.#address.unix).catch(this.#options.failed);
  }

  async #lookAfterUnix(path: string): Promise<void> {
    this.#renewing = true;
    try {
      if (!await this.accepts(0)) await this.#renew(path);
    } finally {
      this.#renewing = false;
    }
  }

  #rearm(): void {
    const next = this.#create();
    next.on("error", this.#options.failed);
    next.listen(this.#server);
    this.#server = next;
  }

  /** Connections that the old listener has not accepted are reset. */
  async #renew(path: string): Promise<void> {
    if (this.#stopped || this.#options.short?.() === true) return;
    this.#server.close();
    // The platform removes the file some time after `close`, when it may already be the new listener's.
    const end = performance.now() + REMOVAL_MS;
    while (await lstat(path).catch(() => null) !== null && performance.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await unlink(path).catch(() => {});
    const next = this.#create();
    await bindUnix(next, path, this.#address.backlog);
    next.on("error", this.#options.failed);
    if (this.#stopped) next.close();
    this.#server = next;
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

async function bindUnix(server: Server, path: string, backlog: number): Promise<void> {
  await bind(server, { path, backlog });
  await chmod(path, SOCKET_MODE);
}

/** Removes a socket file without a listener, left over from a killed server. Any other file is left. */
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

/** An address at which this process can be reached. The unspecified address is for listening only. */
export function dialable(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  return host === "::" ? "::1" : host;
}

/** Whether `accepted` is the server end of `dialled`. */
function isOtherEnd(accepted: Socket, dialled: Socket): boolean {
  return accepted.remotePort === dialled.localPort &&
    plain(accepted.remoteAddress ?? "") === plain(dialled.localAddress ?? "");
}

/** Converts an IPv4-mapped address to IPv4. */
function plain(address: string): string {
  return address.replace(/^::ffff:/i, "");
}

/** Accepts connections on an address and port, or on a unix socket. */

import { chmod, lstat, unlink } from "node:fs/promises";
import { connect, createServer, type ListenOptions, type NetConnectOpts, type Server, type Socket } from "node:net";

/** Owner and group may connect to a unix socket. */
const SOCKET_MODE = 0o660;

/** How long nobody may come in before the listener is looked after, in ms. */
const IDLE_MS = 500;

/** How soon to look whether there are more, after one that was turned away for want of room, in ms. */
const NUDGE_MS = 10;

/** How long a connection of our own may take to be accepted, in ms, and for how long the answer holds. */
const PROBE_TIMEOUT_MS = 500;
const PROBE_TTL_MS = 1_000;

/** How long the file of a closed listener may stay before we remove it, in ms. */
const REMOVAL_MS = 100;

/** Where to listen: on `unix`, else on `host` and `port`. */
export interface ListenAddress {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  readonly unix?: string | undefined;
  /** SO_REUSEPORT: the kernel spreads connections over all who listen; all must ask for it, and be of the same user. */
  readonly reuse_port?: boolean;
  /** Connections the kernel may keep ready. */
  readonly backlog: number;
}

export interface ListenerOptions {
  /** Takes a connection; half-open ones stay open. */
  accept(socket: Socket): void;
  failed(error: Error): void;
  /** Whether descriptors are short: nothing is armed anew meanwhile. */
  readonly short?: () => boolean;
}

/** A connection of our own that shows whether we accept. */
interface Probe {
  readonly done: (accepted: boolean) => void;
  /** Our end; its address tells it from others once it is connected. */
  readonly socket: Socket;
  /** Accepted before our end had an address. */
  readonly held: Socket[];
  connected: boolean;
}

/**
 * A listener that outlives running out of file descriptors.
 *
 * The platform polls its listener until there is nothing to accept; an error such as EMFILE ends the polling for good,
 * without an event (Deno 2.9). On TCP, listening on the same handle once more starts it again, so that is done whenever
 * nobody has come in for a while; it costs one `accept` call. The handle of a unix socket can't be listened on twice: there
 * a connection of our own shows whether we still accept, and if not, a new listener takes the path.
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
  /** The address, or the path of the unix socket. */
  hostname = "";
  /** The port in fact bound; 0 on a unix socket. */
  port = 0;

  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#server = this.#create();
  }

  /** @throws {Error} when the address can't be bound */
  async start(address: ListenAddress): Promise<void> {
    this.#address = address;
    const { host, port, unix, reuse_port, backlog } = address;
    if (unix !== undefined) {
      await removeStale(unix);
      await bindUnix(this.#server, unix, backlog);
      this.hostname = unix;
    } else {
      await bind(this.#server, { host, port, backlog, reusePort: reuse_port ?? false });
      const bound = this.#server.address();
      this.hostname = host;
      this.port = typeof bound === "object" && bound !== null ? bound.port : 0;
    }
    this.#server.on("error", this.#options.failed);
    this.#timer = setInterval(() => this.#lookAfter(), IDLE_MS);
  }

  /** Stops accepting; what was accepted stays. With `reuse_port` new connections go to the others who listen. */
  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
    clearTimeout(this.#nudge);
    // Its callback waits for the last connection; accepting ends at once.
    if (this.#server.listening) this.#server.close();
  }

  /**
   * Whether a connection is accepted now: one of our own is made, at most once a second, and accepted by nobody else. With
   * `reuse_port` it may reach another process, so there it is enough that it is made.
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
   * A connection was turned away for want of room. Of many that wait, the platform may have taken as many as there were
   * descriptors, before it gave back any; the rest is taken as soon as it has.
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
      // Which of those on the path is ours can't be told; that somebody comes in is what was asked.
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
    // The platform removes the file some time after `close`; it must not be the next one's.
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

/** An address to reach ourselves at: the unspecified one is for listening only. */
export function dialable(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  return host === "::" ? "::1" : host;
}

/** Whether `accepted` is the server's end of `dialled`. */
function isOtherEnd(accepted: Socket, dialled: Socket): boolean {
  return accepted.remotePort === dialled.localPort &&
    plain(accepted.remoteAddress ?? "") === plain(dialled.localAddress ?? "");
}

/** An IPv4-mapped address as IPv4. */
function plain(address: string): string {
  return address.replace(/^::ffff:/i, "");
}

/** A small HTTP server for a few operators: bounded in connections and time, and not ended by a want of descriptors. */
import { createServer, type IncomingMessage, type Server as HttpServer, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { Listener } from "../base/listener.ts";

/** Connections at a time. One more takes the place of the oldest: idle ones keep nobody out. */
export const MAX_CONNECTIONS = 16;

/** Connections that the kernel may keep ready. */
const BACKLOG = 64;

/** From accept to the end of the answer, in ms: each connection carries one request. */
const DEADLINE_MS = 15_000;

/** Bytes of a request head; more gets 431. */
const MAX_HEAD_BYTES = 16 * 1024;

export interface HttpOptions {
  /** Answers a request of `ip`. */
  handle(request: Request, ip: string): Promise<Response>;
  /** `handle` threw, or listening failed. */
  failed(error: unknown): Response;
  /** Says that a request can't be read: 400, or 405 for a method that no request can have. */
  refused(status: number): Response;
}

/**
 * `node:http` behind a {@linkcode Listener} of our own. `Deno.serve` can't bound its connections, and ends, with the
 * process where nobody catches it, when it can't accept for want of a descriptor.
 */
export class BoundedHttpServer {
  readonly #options: HttpOptions;
  readonly #http: HttpServer;
  readonly #listener: Listener;
  /** With its deadline, the oldest first. */
  readonly #connections = new Map<Socket, ReturnType<typeof setTimeout>>();
  #emptied: (() => void) | undefined;

  constructor(options: HttpOptions) {
    this.#options = options;
    this.#http = createServer({ maxHeaderSize: MAX_HEAD_BYTES }, (request, response) => {
      void this.#answer(request, response);
    });
    this.#http.on("clientError", (_error, socket) => socket.destroy());
    this.#listener = new Listener({
      accept: (socket) => this.#accept(socket),
      failed: (error) => void options.failed(error),
    });
  }

  get port(): number {
    return this.#listener.port;
  }

  /** @throws {Error} when the address can't be bound */
  start(host: string, port: number): Promise<void> {
    return this.#listener.start({ host, port, backlog: BACKLOG });
  }

  /** Accepts nobody any more and waits, up to the deadline, until what is under way is answered. */
  async close(): Promise<void> {
    this.#listener.stop();
    if (this.#connections.size === 0) return;
    const emptied = new Promise<void>((resolve) => this.#emptied = resolve);
    for (const socket of this.#connections.keys()) if (socket.bytesRead === 0) socket.destroy();
    await emptied;
  }

  #accept(socket: Socket): void {
    if (this.#connections.size >= MAX_CONNECTIONS) {
      const [oldest] = this.#connections.keys();
      oldest!.destroy();
      // Its own event comes later than others may.
      this.#left(oldest!);
      this.#listener.crowded();
    }
    this.#connections.set(socket, setTimeout(() => socket.destroy(), DEADLINE_MS));
    socket.on("error", () => {});
    socket.on("close", () => this.#left(socket));
    // How to give a server connections that somebody else accepted.
    this.#http.emit("connection", socket);
  }

  #left(socket: Socket): void {
    clearTimeout(this.#connections.get(socket));
    this.#connections.delete(socket);
    if (this.#connections.size === 0) this.#emptied?.();
  }

  async #answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const request = toRequest(incoming);
    let response: Response;
    try {
      response = typeof request === "number"
        ? this.#options.refused(request)
        : await this.#options.handle(request, incoming.socket.remoteAddress ?? "");
    } catch (error) {
      response = this.#options.failed(error);
    }
    const body = new Uint8Array(await response.arrayBuffer());
    outgoing.writeHead(response.status, {
      ...Object.fromEntries(response.headers),
      "content-length": body.length,
      connection: "close",
    });
    outgoing.end(incoming.method === "HEAD" ? undefined : body);
  }
}

/** The request, or the status with which it is refused. */
function toRequest(incoming: IncomingMessage): Request | number {
  const { method = "GET", url = "", headers } = incoming;
  const parsed = url.startsWith("/") ? URL.parse(`http://${headers.host ?? ""}${url}`) : null;
  if (parsed === null) return 400;
  try {
    const fields = new Headers();
    for (let index = 0; index < incoming.rawHeaders.length; index += 2) {
      fields.append(incoming.rawHeaders[index]!, incoming.rawHeaders[index + 1]!);
    }
    const bare = method === "GET" || method === "HEAD";
    // Not `Readable.toWeb`, which throws out of reach when a body is cancelled (Deno 2.9). What is left unread is cut off
    // behind the answer.
    const body = bare ? null : ReadableStream.from<Uint8Array>(incoming.iterator({ destroyOnReturn: false }));
    return new Request(parsed, { method, headers: fields, body });
  } catch {
    return 405;
  }
}

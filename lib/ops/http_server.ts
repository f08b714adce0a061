/**
 * A small HTTP server for operators, with bounds on connections and time. A shortage of descriptors does not end it.
 */
import { createServer, type IncomingMessage, type Server as HttpServer, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { Listener } from "../base/listener.ts";

/** Maximum number of connections. A further one replaces the oldest, so idle connections don't block the server. */
export const MAX_CONNECTIONS = 16;

/** Connections that the kernel may queue. */
const BACKLOG = 64;

/** From accept to the end of the answer. Each connection carries one request. */
const DEADLINE_MS = 15_000;

/** Maximum size of a request head; above it 431. */
const MAX_HEAD_BYTES = 16 * 1024;

export interface HttpOptions {
  /** Answers a request from `ip`. */
  handle(request: Request, ip: string): Promise<Response>;
  /** Answers after `handle` threw, or listening failed. */
  failed(error: unknown): Response;
  /** Answers a request that can't be parsed: 400, or 405 for an invalid method. */
  refused(status: number): Response;
}

/**
 * `node:http` behind a {@linkcode Listener}. `Deno.serve` can't limit its connections. It ends when it can't accept for
 * lack of a descriptor, with an error that ends the process if uncaught.
 */
export class BoundedHttpServer {
  readonly #options: HttpOptions;
  readonly #http: HttpServer;
  readonly #listener: Listener;
  /** Connections with their deadlines, oldest first. */
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

  /** @throws {Error} if the address can't be bound */
  start(address: { readonly host: string; readonly port: number; readonly unix?: string }): Promise<void> {
    return this.#listener.start({ ...address, backlog: BACKLOG });
  }

  /** Stops accepting, and waits for pending answers up to the deadline. */
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
      // Its close event comes later than events of other connections.
      this.#left(oldest!);
      this.#listener.crowded();
    }
    this.#connections.set(socket, setTimeout(() => socket.destroy(), DEADLINE_MS));
    socket.on("error", () => {});
    socket.on("close", () => this.#left(socket));
    // This event passes an externally accepted connection to a server.
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

/** The request, or the status of its refusal. */
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
    // `Readable.toWeb` throws an uncatchable error when a body is cancelled (Deno 2.9). Unread data is discarded when
    // the connection closes after the answer.
    const body = bare ? null : ReadableStream.from<Uint8Array>(incoming.iterator({ destroyOnReturn: false }));
    return new Request(parsed, { method, headers: fields, body });
  } catch {
    return 405;
  }
}

/**
 * A small raw client for tests: says exactly the bytes it is told to, over TLS, TCP or a unix socket.
 *
 * ```ts
 * const client = await RawClient.connect({ port, caCerts: [pem] });            // TLS; { port } alone is plain TCP; { unix: path }
 * const response = await client.upgrade("/ws", { origin, authorization });     // sends the head, reads the answer: status 101 or a refusal
 * await client.frame({ opcode: 1, payload: "hello" });                         // any frame, right or wrong (client_frames.ts)
 * const { fin, opcode, payload } = await client.nextFrame(2000);               // rejects at the deadline or when the connection ends
 * await client.closed(2000);                                                   // resolves once the server has ended the connection
 * client.close();
 * ```
 * Every wait has a deadline in milliseconds. Nothing is left behind after {@linkcode RawClient.close}, which may be
 * called twice.
 */
import { type ClientFrame, closePayload, frame } from "./client_frames.ts";
import { type ServerFrame, ServerFrameReader } from "./server_frames.ts";

/** Where the client connects to, and how. */
export interface RawClientOptions {
  readonly port?: number;
  /** Default: `localhost` with TLS (the development certificate's name), else `127.0.0.1`. */
  readonly hostname?: string;
  /** PEM certificates to trust: makes the connection a TLS one. */
  readonly caCerts?: string[];
  /** Protocols to offer by ALPN. */
  readonly alpnProtocols?: string[];
  /** Path of a unix socket, in place of host and port. */
  readonly unix?: string;
}

/** A response of HTTP. */
export interface RawResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

/** Header fields as a list where one name comes twice, else as an object. */
export type RawHeaders = Record<string, string> | readonly (readonly [string, string])[];

/** The key of RFC 6455 1.3: its answer is s3pPLMBiTxaQ9kYGzzhZRbK+xOo=. */
export const EXAMPLE_KEY = "dGhlIHNhbXBsZSBub25jZQ==";

/** How long a client waits for bytes. */
export const DEFAULT_DEADLINE_MS = 5000;

const READ_SIZE = 64 * 1024;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The server ended the connection, or the deadline came first: `kind` says which. */
export class RawClientError extends Error {
  readonly kind: "ended" | "deadline";

  constructor(kind: "ended" | "deadline", message: string) {
    super(message);
    this.name = "RawClientError";
    this.kind = kind;
  }
}

/** One connection, whose bytes the test chooses. */
export class RawClient implements Disposable {
  /** For what this class doesn't do: half-closing, reading slowly. */
  readonly connection: Deno.Conn;
  readonly #host: string;
  #received: Uint8Array = new Uint8Array(0);
  readonly #reader = new ServerFrameReader();
  readonly #frames: ServerFrame[] = [];
  #reading: Promise<Uint8Array | null> | null = null;
  #ended = false;

  private constructor(connection: Deno.Conn, host: string) {
    this.connection = connection;
    this.#host = host;
  }

  static async connect(options: RawClientOptions): Promise<RawClient> {
    if (options.unix !== undefined) {
      return new RawClient(await Deno.connect({ transport: "unix", path: options.unix }), "localhost");
    }
    const port = options.port ?? 0;
    const hostname = options.hostname ?? (options.caCerts === undefined ? "127.0.0.1" : "localhost");
    const plain = await Deno.connect({ hostname, port });
    // Small writes leave at once, so that the server sees the cuts a test makes, and no test waits for an ACK.
    plain.setNoDelay(true);
    const host = `${hostname}:${port}`;
    if (options.caCerts === undefined) return new RawClient(plain, host);
    const alpn = options.alpnProtocols === undefined ? {} : { alpnProtocols: options.alpnProtocols };
    const secure = await Deno.startTls(plain, { hostname, caCerts: options.caCerts, ...alpn });
    return new RawClient(secure, host);
  }

  /** Sends all bytes; rejects when the server has gone. */
  async send(data: Uint8Array | string): Promise<void> {
    const bytes = typeof data === "string" ? encoder.encode(data) : data;
    for (let at = 0; at < bytes.length;) at += await this.connection.write(bytes.subarray(at));
  }

  /** One HTTP request with `Host` unless given, without a body unless given, and its answer. Default: GET. */
  async request(
    path: string,
    headers: RawHeaders = {},
    options: { method?: string; body?: string; deadlineMs?: number } = {},
  ): Promise<RawResponse> {
    const method = options.method ?? "GET";
    const fields = fieldList(headers);
    if (!fields.some(([name]) => name.toLowerCase() === "host")) fields.unshift(["Host", this.#host]);
    if (options.body !== undefined) fields.push(["Content-Length", `${encoder.encode(options.body).length}`]);
    const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`).join("");
    await this.send(`${method} ${path} HTTP/1.1\r\n${lines}\r\n${options.body ?? ""}`);
    return await this.response(options.deadlineMs, method === "HEAD");
  }

  /** The opening handshake of RFC 6455 4.1. Fields given here replace those of the same name; null leaves one out. */
  async upgrade(
    path = "/ws",
    headers: Record<string, string | null> = {},
    deadlineMs: number = DEFAULT_DEADLINE_MS,
  ): Promise<RawResponse> {
    const fields = new Map<string, [string, string]>([
      ["host", ["Host", this.#host]],
      ["upgrade", ["Upgrade", "websocket"]],
      ["connection", ["Connection", "Upgrade"]],
      ["sec-websocket-key", ["Sec-WebSocket-Key", EXAMPLE_KEY]],
      ["sec-websocket-version", ["Sec-WebSocket-Version", "13"]],
    ]);
    for (const [name, value] of Object.entries(headers)) {
      if (value === null) fields.delete(name.toLowerCase());
      else fields.set(name.toLowerCase(), [name, value]);
    }
    const lines = [...fields.values()].map(([name, value]) => `${name}: ${value}\r\n`).join("");
    await this.send(`GET ${path} HTTP/1.1\r\n${lines}\r\n`);
    return await this.response(deadlineMs);
  }

  /** Reads one HTTP answer: for requests sent by {@linkcode send}. Bytes after it stay for what is read next. */
  async response(deadlineMs: number = DEFAULT_DEADLINE_MS, headOnly = false): Promise<RawResponse> {
    const until = Date.now() + deadlineMs;
    let end: number;
    while ((end = indexOfHeadEnd(this.#received)) < 0) await this.#receive(until, "a response head");
    const [statusLine = "", ...lines] = decoder.decode(this.#received.subarray(0, end)).split("\r\n");
    const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(statusLine)?.[1]);
    if (Number.isNaN(status)) throw new Error(`Not a status line: ${statusLine}`);
    const headers = new Headers();
    for (const line of lines) {
      const colon = line.indexOf(":");
      if (colon > 0) headers.append(line.slice(0, colon), line.slice(colon + 1).trim());
    }
    this.#received = this.#received.subarray(end + 4);
    const bodyless = headOnly || status === 101 || status === 204 || status === 304;
    return { status, headers, body: bodyless ? "" : await this.#body(headers, until) };
  }

  async #body(headers: Headers, until: number): Promise<string> {
    if (headers.get("transfer-encoding")?.toLowerCase() === "chunked") return await this.#chunkedBody(until);
    const announced = headers.get("content-length");
    if (announced === null) {
      while (await this.#receiveMore(until));
      return decoder.decode(this.#take(this.#received.length));
    }
    return decoder.decode(await this.#takeExactly(Number(announced), until));
  }

  async #chunkedBody(until: number): Promise<string> {
    let body = "";
    for (;;) {
      let line: number;
      while ((line = decoder.decode(this.#received).indexOf("\r\n")) < 0) await this.#receive(until, "a chunk");
      const size = parseInt(decoder.decode(this.#take(line + 2)), 16);
      body += decoder.decode((await this.#takeExactly(size + 2, until)).subarray(0, size));
      if (size === 0) return body;
    }
  }

  /** Sends one frame. */
  frame(spec: ClientFrame): Promise<void> {
    return this.send(frame(spec));
  }

  /** Sends a text message in one frame. */
  text(payload: string): Promise<void> {
    return this.frame({ opcode: 1, payload });
  }

  /** Sends a close frame. */
  sendClose(code = 1000, reason = ""): Promise<void> {
    return this.frame({ opcode: 8, payload: closePayload(code, reason) });
  }

  /** The server's next frame. Rejects with a {@linkcode RawClientError} when the connection ends or time is up. */
  async nextFrame(deadlineMs: number = DEFAULT_DEADLINE_MS): Promise<ServerFrame> {
    const until = Date.now() + deadlineMs;
    for (;;) {
      if (this.#received.length > 0) this.#frames.push(...this.#reader.push(this.#take(this.#received.length)));
      const next = this.#frames.shift();
      if (next !== undefined) return next;
      await this.#receive(until, "a frame");
    }
  }

  /** The server's next frame, which must be text. Pings before it are answered: on a slow machine they come at any time. */
  async nextText(deadlineMs: number = DEFAULT_DEADLINE_MS): Promise<string> {
    const until = Date.now() + deadlineMs;
    let { opcode, payload } = await this.nextFrame(deadlineMs);
    while (opcode === 9) {
      await this.frame({ opcode: 10, payload });
      ({ opcode, payload } = await this.nextFrame(until - Date.now()));
    }
    if (opcode !== 1) throw new Error(`Expected a text frame, got opcode ${opcode} (${decoder.decode(payload)})`);
    return decoder.decode(payload);
  }

  /** Reads until the close frame and says what it carries (1005 when nothing); other frames on the way are dropped. */
  async nextClose(deadlineMs: number = DEFAULT_DEADLINE_MS): Promise<{ code: number; reason: string }> {
    const until = Date.now() + deadlineMs;
    for (;;) {
      const { opcode, payload } = await this.nextFrame(until - Date.now());
      if (opcode !== 8) continue;
      if (payload.length < 2) return { code: 1005, reason: "" };
      return { code: (payload[0]! << 8) | payload[1]!, reason: decoder.decode(payload.subarray(2)) };
    }
  }

  /** Resolves when the server has ended the connection (also by a reset); what it sent before is kept to be read. */
  async closed(deadlineMs: number = DEFAULT_DEADLINE_MS): Promise<void> {
    const until = Date.now() + deadlineMs;
    while (await this.#receiveMore(until));
  }

  /** Ends the connection without a word. */
  close(): void {
    try {
      this.connection.close();
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Waits for more bytes; rejects at the end. */
  async #receive(until: number, what: string): Promise<void> {
    if (!await this.#receiveMore(until)) throw new RawClientError("ended", `Connection ended before ${what}`);
  }

  /** Waits for more bytes; false at the end. A read that outlives its deadline is taken up by the next wait. */
  async #receiveMore(until: number): Promise<boolean> {
    if (this.#ended) return false;
    this.#reading ??= this.#read();
    const waiting = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => waiting.reject(new RawClientError("deadline", "Nothing came before the deadline")),
      Math.max(0, until - Date.now()),
    );
    try {
      const bytes = await Promise.race([this.#reading, waiting.promise]);
      this.#reading = null;
      if (bytes === null) {
        this.#ended = true;
        return false;
      }
      const grown = new Uint8Array(this.#received.length + bytes.length);
      grown.set(this.#received);
      grown.set(bytes, this.#received.length);
      this.#received = grown;
      return true;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Never rejects: resets, TLS without close_notify and our own {@linkcode close} are the end of the stream, too. */
  async #read(): Promise<Uint8Array | null> {
    const buffer = new Uint8Array(READ_SIZE);
    try {
      const count = await this.connection.read(buffer);
      return count === null ? null : buffer.subarray(0, count);
    } catch {
      return null;
    }
  }

  #take(count: number): Uint8Array {
    const taken = this.#received.subarray(0, count);
    this.#received = this.#received.subarray(count);
    return taken;
  }

  async #takeExactly(count: number, until: number): Promise<Uint8Array> {
    while (this.#received.length < count) await this.#receive(until, `${count} bytes of body`);
    return this.#take(count);
  }
}

function fieldList(headers: RawHeaders): [string, string][] {
  const entries: Iterable<readonly [string, string]> = Array.isArray(headers) ? headers : Object.entries(headers);
  return [...entries].map(([name, value]) => [name, value]);
}

function indexOfHeadEnd(bytes: Uint8Array): number {
  for (let at = 0; at + 3 < bytes.length; at++) {
    if (bytes[at] === 13 && bytes[at + 1] === 10 && bytes[at + 2] === 13 && bytes[at + 3] === 10) return at;
  }
  return -1;
}

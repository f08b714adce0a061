/** A client of a hostile module: reads whatever comes, and keeps what is no valid message. */
import { assertEquals } from "../../assert.ts";
import type { TestServer } from "../../helpers/test_server.ts";
import { RawClient } from "../../helpers/raw_client.ts";

/** A JSON-RPC answer, or how the connection ended before it. */
export interface Answer {
  readonly result?: unknown;
  readonly error?: { readonly code: number };
  readonly closed?: string;
}

export interface PeerOptions {
  /** The module takes raw frames. */
  readonly raw?: boolean;
  /** Counts as broken wherever it comes. */
  readonly taboo?: string;
  /** Takes messages that are no JSON-RPC (any text will do where the module takes raw frames), or hold what is taboo. */
  readonly broken?: string[];
}

const READ_DEADLINE_MS = 600_000;
const HANDSHAKE_DEADLINE_MS = 30_000;

export class Peer implements Disposable {
  readonly #client: RawClient;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  readonly #texts = new Set<(text: string) => void>();
  /** How the connection ended. */
  ended: string | undefined;
  #next = 1;

  private constructor(client: RawClient, readonly options: PeerOptions) {
    this.#client = client;
    void this.#read();
  }

  static async join(server: TestServer, subprotocol: string, user: string, options: PeerOptions = {}): Promise<Peer> {
    const secure = server.url.startsWith("wss:") ? { caCerts: [server.caPem] } : {};
    const client = await RawClient.connect({ port: server.port, ...secure });
    const { status, body } = await client.upgrade("/ws", {
      origin: server.origin,
      authorization: `Bearer ${server.token(user)}`,
      "sec-websocket-protocol": subprotocol,
    }, HANDSHAKE_DEADLINE_MS);
    assertEquals(status, 101, body);
    return new Peer(client, options);
  }

  /** Resolves with the answer, also when the connection ends instead; rejects at the deadline. */
  async call(method: string, params: unknown, deadlineMs: number): Promise<Answer> {
    const id = this.#next++;
    const answer = new Promise<Answer>((resolve) => this.#waiting.set(id, resolve));
    if (this.ended !== undefined) return { closed: this.ended };
    await this.send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
    return await within(answer, deadlineMs, `an answer to ${method}`);
  }

  /** Sends a frame, unless the connection has ended. */
  async send(text: string): Promise<void> {
    await this.#client.text(text).catch((error) => this.#end(String(error)));
  }

  /** The next text frame that `accept` takes; null when the connection ends or none comes in time. */
  async text(accept: (text: string) => boolean, deadlineMs: number): Promise<string | null> {
    if (this.ended !== undefined) return null;
    const got = Promise.withResolvers<string | null>();
    const look = (text: string) => (text === "" || accept(text)) && got.resolve(text === "" ? null : text);
    const timer = setTimeout(() => got.resolve(null), deadlineMs);
    this.#texts.add(look);
    const text = await got.promise;
    this.#texts.delete(look);
    clearTimeout(timer);
    return text;
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder("utf-8", { fatal: true });
    try {
      for (;;) {
        const { opcode, payload } = await this.#client.nextFrame(READ_DEADLINE_MS);
        if (opcode === 8) {
          const code = payload.length < 2 ? 1005 : (payload[0]! << 8) | payload[1]!;
          return this.#end(`${code} ${decoder.decode(payload.subarray(2))}`);
        }
        if (opcode === 9) await this.#client.frame({ opcode: 10, payload });
        if (opcode === 1) this.#take(decoder.decode(payload));
      }
    } catch (error) {
      this.#end(String(error));
    }
  }

  #take(text: string): void {
    for (const look of this.#texts) look(text);
    const { taboo, raw } = this.options;
    if (taboo !== undefined && text.includes(taboo)) this.options.broken?.push(text);
    if (raw) return;
    try {
      const message = JSON.parse(text) as { jsonrpc?: unknown; id?: unknown; method?: unknown } & Answer;
      const isNotification = typeof message.method === "string" && !("id" in message);
      const isAnswer = "id" in message && ("result" in message) !== ("error" in message);
      if (message.jsonrpc !== "2.0" || !(isNotification || isAnswer)) this.options.broken?.push(text);
      if (isAnswer) this.#settle(Number(message.id), message);
    } catch {
      this.options.broken?.push(text);
    }
  }

  #settle(id: number, answer: Answer): void {
    this.#waiting.get(id)?.(answer);
    this.#waiting.delete(id);
  }

  #end(why: string): void {
    this.ended ??= why;
    for (const id of [...this.#waiting.keys()]) this.#settle(id, { closed: this.ended });
    for (const look of this.#texts) look("");
  }
}

async function within<T>(promise: Promise<T>, deadlineMs: number, what: string): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`Waited ${deadlineMs} ms for ${what}`)), deadlineMs);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

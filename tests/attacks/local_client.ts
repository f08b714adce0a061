/** A well-behaved client with an address of its own on the loopback network. */
import { Buffer } from "node:buffer";
import type { TcpNetConnectOpts } from "node:net";
import * as tls from "node:tls";
import type { TestServer } from "../helpers/test_server.ts";
import { frame } from "../helpers/client_frames.ts";
import { ServerFrameReader } from "../helpers/server_frames.ts";

const DEADLINE_MS = 10_000;

interface Waiting {
  readonly resolve: (text: string) => void;
  readonly reject: (error: Error) => void;
}

/** Opens a WebSocket to the echo handler from `address`, and echoes. */
export class LocalClient implements Disposable {
  readonly #socket: tls.TLSSocket;
  readonly #reader = new ServerFrameReader();
  readonly #opened = Promise.withResolvers<void>();
  readonly #decoder = new TextDecoder();
  #head: Buffer | null = Buffer.alloc(0);
  #waiting: Waiting[] = [];

  constructor(server: TestServer, address: string, user: string) {
    const options: tls.ConnectionOptions & TcpNetConnectOpts = {
      host: "127.0.0.1",
      port: server.port,
      servername: "localhost",
      ca: server.caPem,
      localAddress: address,
    };
    this.#opened.promise.catch(() => {});
    this.#socket = tls.connect(options, () => this.#socket.write(requestHead(server, user)));
    this.#socket.setNoDelay(true);
    this.#socket.on("data", (bytes: Buffer) => this.#received(bytes));
    this.#socket.on("error", (error) => this.#failed(error));
    this.#socket.on("close", () => this.#failed(new Error(`The server closed the connection of ${user}`)));
  }

  /** Resolves with the 101. */
  opened(): Promise<void> {
    return within(this.#opened.promise, "the handshake");
  }

  /** Sends a request and gives the text of its answer. */
  async echo(text: string): Promise<string> {
    const answer = new Promise<string>((resolve, reject) => this.#waiting.push({ resolve, reject }));
    const request = { jsonrpc: "2.0", id: 1, method: "echo", params: { text } };
    this.#socket.write(frame({ opcode: 1, payload: JSON.stringify(request) }));
    const message = await within(answer, "an answer");
    const { result, error } = JSON.parse(message) as { result?: { text: string }; error?: { code: number } };
    return result?.text ?? `error ${error?.code}`;
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  #received(bytes: Buffer): void {
    if (this.#head !== null) {
      this.#head = Buffer.concat([this.#head, bytes]);
      const end = this.#head.indexOf("\r\n\r\n");
      if (end < 0) return;
      const status = this.#head.toString("latin1", 9, 12);
      bytes = this.#head.subarray(end + 4);
      this.#head = null;
      if (status === "101") this.#opened.resolve();
      else this.#failed(new Error(`The server answered ${status}`));
    }
    for (const { opcode, payload } of this.#reader.push(new Uint8Array(bytes))) {
      const text = this.#decoder.decode(payload);
      if (opcode === 1) this.#waiting.shift()?.resolve(text);
      else this.#failed(new Error(`The server sent a frame with opcode ${opcode}: ${text}`));
    }
  }

  #failed(error: Error): void {
    this.#opened.reject(error);
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}

function requestHead(server: TestServer, user: string): string {
  return [
    "GET /ws HTTP/1.1",
    `Host: localhost:${server.port}`,
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Protocol: echo.v1",
    `Origin: ${server.origin}`,
    `Authorization: Bearer ${server.token(user)}`,
  ].join("\r\n") + "\r\n\r\n";
}

async function within<T>(promise: Promise<T>, what: string): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`Waited ${DEADLINE_MS} ms for ${what}`)), DEADLINE_MS);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

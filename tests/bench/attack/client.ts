/** A WebSocket client for both sides of an attack: it has an address of its own on the loopback network, and says what it met. */
import { Buffer } from "node:buffer";
import type { TcpNetConnectOpts } from "node:net";
import * as tls from "node:tls";
import type { Victim } from "./job.ts";

export interface ClientEvents {
  open?(): void;
  /** A whole text message; long ones arrive shortened to their first bytes. */
  text?(text: string): void;
  /** Exactly once, last: `closed CODE REASON`, `refused STATUS`, `reset`, or `closed without an answer`. */
  ended(how: string): void;
}

const LONGEST_KEPT = 1024;

export class Client {
  readonly socket: tls.TLSSocket;
  readonly #events: ClientEvents;
  #opened = false;
  #ended = false;
  #how = "closed without an answer";
  #input: Buffer = Buffer.alloc(0);
  #skip = 0;

  /** Connects from `localAddress` (127.0.0.0/8). */
  constructor(victim: Victim, localAddress: string, token: string | undefined, events: ClientEvents) {
    this.#events = events;
    const options: tls.ConnectionOptions & TcpNetConnectOpts = {
      host: "127.0.0.1",
      port: victim.port,
      servername: "localhost",
      ca: victim.caPem,
      localAddress,
    };
    this.socket = tls.connect(options);
    this.socket.setNoDelay(true);
    this.socket.once("secureConnect", () => this.socket.write(requestHead(victim, token)));
    this.socket.on("data", (bytes) => this.#data(bytes));
    this.socket.on("error", () => {
      if (this.#how === "closed without an answer" && this.#opened) this.#how = "reset";
    });
    this.socket.on("close", () => {
      if (this.#ended) return;
      this.#ended = true;
      this.#events.ended(this.#how);
    });
  }

  get isOpen(): boolean {
    return this.#opened && !this.#ended;
  }

  /** Whether the socket wants more at once. */
  write(frame: Uint8Array): boolean {
    return this.isOpen && this.socket.write(frame);
  }

  end(): void {
    this.socket.destroy();
  }

  #data(bytes: Buffer): void {
    this.#input = this.#input.length === 0 ? bytes : Buffer.concat([this.#input, bytes]);
    if (!this.#opened && !this.#head()) return;
    while (this.#frame()) continue;
  }

  #head(): boolean {
    const end = this.#input.indexOf("\r\n\r\n");
    if (end < 0) return false;
    const status = this.#input.toString("latin1", 9, 12);
    this.#input = this.#input.subarray(end + 4);
    if (status === "101") {
      this.#opened = true;
      this.#events.open?.();
      return true;
    }
    this.#how = `refused ${status}`;
    this.end();
    return false;
  }

  /** Takes one frame from the input; false when there is none yet. */
  #frame(): boolean {
    const input = this.#input;
    const skipped = Math.min(this.#skip, input.length);
    if (skipped > 0) {
      this.#skip -= skipped;
      this.#input = input.subarray(skipped);
      return true;
    }
    if (input.length < 2) return false;
    const short = (input[1] ?? 0) & 0x7f;
    const size = short === 127 ? 10 : short === 126 ? 4 : 2;
    if (input.length < size) return false;
    const length = short === 127 ? Number(input.readBigUInt64BE(2)) : short === 126 ? input.readUInt16BE(2) : short;
    const kept = Math.min(length, LONGEST_KEPT);
    if (input.length < size + kept) return false;
    const payload = input.subarray(size, size + kept);
    const opcode = (input[0] ?? 0) & 0x0f;
    this.#skip = length - kept;
    this.#input = input.subarray(size + kept);
    if (opcode === 1) this.#events.text?.(payload.toString());
    if (opcode === 8) {
      const code = payload.length < 2 ? 1005 : payload.readUInt16BE(0);
      this.#how = `closed ${code} ${payload.toString("utf8", 2)}`.trim();
      this.end();
    }
    return true;
  }
}

function requestHead(victim: Victim, token: string | undefined): string {
  const lines = [
    `GET ${victim.path} HTTP/1.1`,
    `Host: localhost:${victim.port}`,
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    `Origin: ${victim.origin}`,
  ];
  if (victim.subprotocol !== undefined) lines.push(`Sec-WebSocket-Protocol: ${victim.subprotocol}`);
  if (token !== undefined) lines.push(`Authorization: Bearer ${token}`);
  return lines.join("\r\n") + "\r\n\r\n";
}

/** Plain WebSocket connections that count what they receive, in a closed loop with one publisher. */
import { maskedFrame, TEXT } from "../load/connection.ts";

/** How to join a server, in text messages after the handshake. */
export interface Protocol {
  /** The request target. */
  readonly path: string;
  readonly headers: readonly string[];
  /** Sent by each receiver, each with a part of the answer; "" waits only. The publisher does not send the last one. */
  readonly join: readonly (readonly [message: string, answer: string])[];
  /** Sent by the publisher for `count` events, the first one with the number `n`. */
  publish(n: number, count: number): string;
  /** A part of each event. */
  readonly mark: string;
}

/** Events of one request, so that the cost of events is more than that of an idle server. */
const BURST = 20;
/** After so long without all deliveries of a burst, the missing ones are lost. */
const LOST_MS = 5_000;

const decoder = new TextDecoder();

/** Connects without TLS. The text has what came with the head of the answer. */
async function open(port: number, { path, headers }: Protocol): Promise<[connection: Deno.TcpConn, text: string]> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  connection.setNoDelay(true);
  const lines = [
    `GET ${path} HTTP/1.1`,
    `Host: localhost:${port}`,
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ...headers,
  ];
  await connection.write(new TextEncoder().encode(lines.join("\r\n") + "\r\n\r\n"));
  const buffer = new Uint8Array(4096);
  const read = await connection.read(buffer);
  const head = decoder.decode(buffer.subarray(0, read ?? 0));
  if (!head.startsWith("HTTP/1.1 101")) throw new Error(`Handshake refused: ${head.split("\r\n")[0]}`);
  return [connection, head];
}

async function join(port: number, protocol: Protocol): Promise<Deno.TcpConn> {
  const [connection, head] = await open(port, protocol);
  let text = head;
  const buffer = new Uint8Array(4096);
  for (const [message, answer] of protocol.join) {
    if (message !== "") await connection.write(maskedFrame(TEXT, message));
    while (!text.includes(answer)) {
      const read = await connection.read(buffer);
      if (read === null) throw new Error(`The server closed a receiver instead of ${answer}`);
      text += decoder.decode(buffer.subarray(0, read));
    }
    text = "";
  }
  return connection;
}

/** A room of receivers at one or more servers, and a publisher at the first one. */
export class Room implements Disposable {
  readonly #receivers: Deno.TcpConn[] = [];
  readonly #protocol: Protocol;
  readonly #publisher: Deno.TcpConn;
  /** Deliveries that never came. */
  lost = 0;
  #published = 0;
  #missing = 0;
  #closed = false;
  #complete: (error?: Error) => void = () => {};

  private constructor(protocol: Protocol, publisher: Deno.TcpConn) {
    this.#protocol = protocol;
    this.#publisher = publisher;
  }

  static async open(ports: readonly number[], receivers: number, protocol: Protocol): Promise<Room> {
    const room = new Room(protocol, await join(ports[0]!, { ...protocol, join: protocol.join.slice(0, -1) }));
    for (let n = 0; n < receivers; n += 50) {
      const batch = Array.from({ length: Math.min(50, receivers - n) }, (_, at) => ports[(n + at) % ports.length]!);
      room.#receivers.push(...await Promise.all(batch.map((port) => join(port, protocol))));
    }
    void room.#drop(room.#publisher);
    for (const receiver of room.#receivers) void room.#receive(receiver);
    return room;
  }

  /** Publishes a burst of events after the other, each when all receivers have the one before; returns how many events. */
  async run(milliseconds: number): Promise<number> {
    const end = performance.now() + milliseconds;
    const before = this.#published;
    while (performance.now() < end) {
      if (this.#closed) throw new Error("The server closed a receiver");
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      this.#missing = this.#receivers.length * BURST;
      this.#complete = (error) => error === undefined ? resolve() : reject(error);
      await this.#publisher.write(maskedFrame(TEXT, this.#protocol.publish(this.#published, BURST)));
      const timer = setTimeout(() => {
        this.lost += this.#missing;
        resolve();
      }, LOST_MS);
      await promise.finally(() => clearTimeout(timer));
      this.#published += BURST;
    }
    return this.#published - before;
  }

  [Symbol.dispose](): void {
    for (const connection of [this.#publisher, ...this.#receivers]) connection.close();
  }

  async #receive(receiver: Deno.TcpConn): Promise<void> {
    const { mark } = this.#protocol;
    const buffer = new Uint8Array(16 * 1024);
    // The end of what was read may be the beginning of a mark.
    let rest = "";
    try {
      for (let read; (read = await receiver.read(buffer)) !== null;) {
        const text = rest + decoder.decode(buffer.subarray(0, read));
        rest = text.slice(1 - mark.length);
        this.#missing -= text.split(mark).length - 1;
        if (this.#missing === 0) this.#complete();
      }
    } catch {
      // The room is closed.
    }
    this.#closed = true;
    this.#complete(new Error("The server closed a receiver"));
  }

  async #drop(connection: Deno.TcpConn): Promise<void> {
    const buffer = new Uint8Array(4096);
    try {
      while (await connection.read(buffer) !== null) continue;
    } catch {
      // The room is closed.
    }
  }
}

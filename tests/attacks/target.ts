/**
 * A server under attack: the real process, what it costs the machine, and an honest client from another address.
 *
 * Linux only: figures come from /proc, and all of 127.0.0.0/8 is this machine.
 */
import { DECODER_OVERHEAD_BYTES } from "../../lib/websocket/websocket.ts";
import { assertEquals, assertLess } from "../assert.ts";
import { type ServerOptions, startServer, type TestServer } from "../helpers/test_server.ts";
import { parseScrape, value } from "../helpers/prometheus.ts";
import { RawClient } from "../helpers/raw_client.ts";
import { LocalClient } from "./local_client.ts";
import { until } from "../helpers/until.ts";

const KIB = 1024;
export const MIB = 1024 * KIB;

/** Attackers come from 127.0.0.1, as every client that does not choose. */
const HONEST_ADDRESS = "127.0.0.2";

/** The configuration's defaults, which these tests leave as they are unless they say so. */
const MAX_BYTES = 64 * KIB;
const SEND_QUEUE = 64 * KIB;

/**
 * The memory that one connection may make the server hold, as lib/front/edge/edge.ts says: a message, the chunk being read and one
 * in the platform, what waits to be sent, a TLS record each way; and what an idle connection costs.
 */
export const PER_CONNECTION = MAX_BYTES + DECODER_OVERHEAD_BYTES + 2 * 64 * KIB + SEND_QUEUE + 2 * 16 * KIB + 30 * KIB;

/** Memory that the collector has not freed yet, compiled code, and pages the allocator keeps. */
const SLACK = 96 * MIB;

const SAMPLE_MS = 100;

export interface Outcome<T> {
  readonly result: T;
  /** Bytes of resident memory before, at its peak, and after. */
  readonly rss: { readonly before: number; readonly peak: number; readonly after: number };
}

export class Target implements AsyncDisposable {
  #visitors = 0;

  private constructor(readonly server: TestServer) {}

  /** Sections of `config` are merged into the configuration of the test server. */
  static async start(options: ServerOptions = {}): Promise<Target> {
    const { server, ...others } = options.config ?? {};
    const target = new Target(
      await startServer({
        ...options,
        config: {
          server: { host: "127.0.0.1", port: 0, send_queue: SEND_QUEUE, ...server },
          ops: { host: "127.0.0.1", port: 0 },
          ...others,
        },
      }),
    );
    await target.honestClientIsServed();
    return target;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.stop();
  }

  /** A connection without TLS. */
  tcp(): Promise<RawClient> {
    return RawClient.connect({ port: this.server.port });
  }

  /** A connection with TLS. */
  tls(): Promise<RawClient> {
    return RawClient.connect({ port: this.server.port, caCerts: [this.server.caPem] });
  }

  /** A client from the address of the honest, not yet let in. */
  visitor(): LocalClient {
    return new LocalClient(this.server, HONEST_ADDRESS, `visitor-${this.#visitors++}`);
  }

  /** A new client, from another address than the attackers', is let in and answered. */
  async honestClientIsServed(): Promise<void> {
    using client = this.visitor();
    await client.opened();
    assertEquals(await client.echo("honest"), "honest");
  }

  /** Resident memory of the front in bytes. */
  async rss(): Promise<number> {
    const status = await output("cat", `/proc/${await this.server.frontPid()}/status`);
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * KIB;
  }

  async openFiles(): Promise<number> {
    return (await output("ls", `/proc/${await this.server.frontPid()}/fd`)).trim().split("\n").length;
  }

  async threads(): Promise<number> {
    return (await output("ls", `/proc/${await this.server.frontPid()}/task`)).trim().split("\n").length;
  }

  /** One figure of the ops server; 0 while nothing was counted. */
  async metric(name: string, labels: Record<string, string> = {}): Promise<number> {
    const text = await (await fetch(`${this.server.opsUrl}/metrics`)).text();
    return value(parseScrape(text).samples, name, labels) ?? 0;
  }

  /** Handshakes refused for `reason` so far. */
  refused(reason: string): Promise<number> {
    return this.metric("sallyport_handshakes_total", { result: "rejected", reason });
  }

  /** Waits until all connections have ended; their number counts those before the 101 as well. */
  async emptied(): Promise<void> {
    await until(async () => await this.metric("sallyport_connections") === 0, "the end of all sessions");
  }

  /**
   * Runs an attack by `connections` clients. An honest client is served right after it, and memory stayed within what
   * that number of connections may hold, and `more` bytes.
   */
  async survives<T>(connections: number, attack: () => Promise<T>, more = 0): Promise<Outcome<T>> {
    const before = await this.rss();
    let peak = before;
    let over = false;
    const sampling = (async () => {
      while (!over) {
        peak = Math.max(peak, await this.rss());
        await new Promise((resolve) => setTimeout(resolve, SAMPLE_MS));
      }
    })();
    try {
      const result = await attack();
      await this.honestClientIsServed();
      const after = await this.rss();
      peak = Math.max(peak, after);
      assertLess(peak, before + connections * PER_CONNECTION + SLACK + more, "resident memory at its peak");
      return { result, rss: { before, peak, after } };
    } finally {
      over = true;
      await sampling;
      if (Deno.env.get("ATTACK_FIGURES")) {
        const mib = (bytes: number) => (bytes / MIB).toFixed(0);
        Deno.stderr.writeSync(
          new TextEncoder().encode(`RSS ${mib(before)} peak ${mib(peak)} after ${mib(await this.rss())} MiB\n`),
        );
      }
    }
  }
}

/** `count` things at a time, `action` gets the number of each. */
export function times<T>(count: number, action: (index: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => action(index)));
}

/** Writes `bytes` again and again until the server has had enough or `most` bytes went; tells how many did. */
export async function pour(
  client: RawClient,
  bytes: Uint8Array,
  most: number,
  stopped: () => boolean = () => false,
): Promise<number> {
  let sent = 0;
  try {
    for (; sent < most && !stopped(); sent += bytes.length) await client.send(bytes);
  } catch {
    // The connection has ended.
  }
  return sent;
}

async function output(program: string, ...args: string[]): Promise<string> {
  const { stdout } = await new Deno.Command(program, { args, stderr: "null" }).output();
  return new TextDecoder().decode(stdout);
}

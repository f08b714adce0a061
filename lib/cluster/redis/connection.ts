/** One connection to a server of Redis. It is never opened again: what follows a failure is a new connection. */
import { Buffer } from "node:buffer";
import { createClient, ErrorReply } from "@redis/client";
import type { Address, Endpoint } from "./url.ts";
import type { RedisSettings } from "./settings.ts";

/** A reply: RESP3 without maps, because scripts answer with arrays. */
export type Reply = string | number | null | Reply[];

export type Argument = string | Buffer;

/** A message of a channel. */
export type OnMessage = (message: Buffer, channel: Buffer) => void;

const CONNECT_MS = 2_000;

/** How to reach the servers of an endpoint. */
export interface Access {
  readonly endpoint: Endpoint;
  readonly settings: RedisSettings;
}

/** An open connection. Calls reject once it has failed, and when Redis answers with an error. */
export class Connection {
  readonly #client: ReturnType<typeof newClient>;
  #failed: ((reason: string) => void) | null;

  private constructor(client: ReturnType<typeof newClient>, failed: (reason: string) => void) {
    this.#client = client;
    this.#failed = failed;
    // Without a listener of "error", the process would end.
    client.on("error", (error) => this.#fail(describe(error)));
    client.on("end", () => this.#fail("closed"));
    // A slot has moved to another master, which has the messages of its channels from now on.
    client.on("sharded-channel-moved", () => this.#fail("a slot has moved"));
  }

  /**
   * Connects. `failed` is called once when the connection fails later.
   *
   * @throws {Error} if it can't be opened within two seconds
   */
  static async open(
    access: Access,
    address: Address | undefined,
    failed: (reason: string) => void,
  ): Promise<Connection> {
    const client = newClient(access, address);
    let opened = false;
    const connection = new Connection(client, (reason) => {
      if (opened) failed(reason);
    });
    const timer = setTimeout(() => connection.close(), CONNECT_MS);
    try {
      await client.connect();
    } catch (error) {
      connection.close();
      throw new Error(describe(error));
    } finally {
      clearTimeout(timer);
    }
    if (connection.#failed === null) throw new Error("not open after two seconds");
    opened = true;
    return connection;
  }

  send(args: readonly Argument[]): Promise<Reply> {
    return this.#client.sendCommand(args);
  }

  /** Subscribes to channels of one slot. */
  subscribe(channels: string[], onMessage: OnMessage): Promise<unknown> {
    return this.#client.sSubscribe(channels, onMessage, true);
  }

  /** `onMessage` is that of `subscribe`; without it, a `subscribe` that follows at once would have no effect. */
  unsubscribe(channels: string[], onMessage: OnMessage): Promise<unknown> {
    return this.#client.sUnsubscribe(channels, onMessage, true);
  }

  close(): void {
    this.#failed = null;
    // Not within an event of the client: its parser would begin again with the bytes it has.
    queueMicrotask(() => {
      try {
        this.#client.destroy();
      } catch {
        // It was not open.
      }
    });
  }

  #fail(reason: string): void {
    const failed = this.#failed;
    this.close();
    failed?.(reason);
  }
}

function newClient({ endpoint, settings }: Access, address: Address | undefined) {
  const { ca, cert, key } = settings;
  const password = settings.password ?? endpoint.password;
  const { path, tls, username, database } = endpoint;
  const common = { connectTimeout: CONNECT_MS, reconnectStrategy: false as const };
  const files = { ...(ca === undefined ? {} : { ca }), ...(cert === undefined ? {} : { cert, key: key! }) };
  return createClient({
    RESP: 3,
    socket: path !== undefined
      ? { ...common, path, tls: false }
      : tls
      ? { ...common, ...address!, ...files, tls: true, servername: nameFor(address!.host) }
      : { ...common, ...address!, tls: false },
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    database,
    disableOfflineQueue: true,
    disableClientInfo: true,
    // It would read the environment, whose permission is given up after the start.
    maintNotifications: "disabled",
  });
}

/** An address is no name for SNI (RFC 6066 3). */
function nameFor(host: string): string {
  return host.includes(":") || /^[\d.]+$/.test(host) ? "" : host;
}

/** An error about the key or the arguments of one command, from a server that works otherwise. */
export function isAboutOneCall(error: unknown): error is Error {
  return error instanceof ErrorReply && /^(?:WRONGTYPE|ERR)\b/.test(error.message);
}

/**
 * The reason of a failure, without anything secret: errors of Redis and of sockets name commands and addresses. Where
 * Redis does not know a command, it repeats the arguments, such as the password of HELLO; they are left out.
 */
export function describe(error: unknown): string {
  if (error instanceof AggregateError) return describe(error.errors[0]);
  if (!(error instanceof Error) || error.message === "") return "failed";
  return error.message.replace(/, with args beginning with.*/is, "").slice(0, 200);
}

/** Bytes as the client takes them, not copied. */
export function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

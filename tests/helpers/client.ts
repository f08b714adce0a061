/** A raw client that is let in, and speaks JSON-RPC. */
import { RawClient, type RawResponse } from "./raw_client.ts";
import { assertEquals } from "../assert.ts";
import type { TestServer } from "./test_server.ts";

/** The engines of the front, for tests of both. */
export const ENGINES = ["edge", "serve"] as const;
/** One of the engines. */
export type Engine = typeof ENGINES[number];

/** A JSON-RPC response. */
export interface Answer {
  readonly id?: unknown;
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: Record<string, unknown> };
  readonly method?: string;
  readonly params?: Record<string, unknown>;
}

/** The parts of a handshake that a test chooses. */
export interface JoinOptions {
  readonly subprotocol?: string;
  readonly user?: string;
  readonly token?: string;
  readonly headers?: Record<string, string>;
}

/** Connects without a word of HTTP yet. */
export function connectTo(server: TestServer): Promise<RawClient> {
  return RawClient.connect({ port: server.port, caCerts: [server.caPem] });
}

/** The header fields of a handshake that is let in. */
export function goodHeaders(server: TestServer, options: JoinOptions = {}): Record<string, string> {
  const { subprotocol = "echo.v1", user = "ann", token = server.token(user), headers = {} } = options;
  return {
    origin: server.origin,
    authorization: `Bearer ${token}`,
    "sec-websocket-protocol": subprotocol,
    ...headers,
  };
}

/** Sends a handshake and gives the answer; the connection is closed. */
export async function handshake(
  server: TestServer,
  headers: Record<string, string>,
  path = "/ws",
): Promise<RawResponse> {
  using client = await connectTo(server);
  return await client.upgrade(path, headers);
}

/** An open connection. */
export async function join(server: TestServer, options: JoinOptions = {}): Promise<RawClient> {
  const client = await connectTo(server);
  const response = await client.upgrade("/ws", goodHeaders(server, options));
  assertEquals(response.status, 101, response.body);
  return client;
}

/** Sends a request and gives the next message. */
export async function call(client: RawClient, method: string, params?: unknown, id: unknown = 1): Promise<Answer> {
  await client.text(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
  return await nextAnswer(client);
}

/** The next message, which has to be a response. */
export async function nextAnswer(client: RawClient): Promise<Answer> {
  return JSON.parse(await client.nextText());
}

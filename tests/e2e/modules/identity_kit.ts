/** Shared by the tests of identity: an operator at the ops interface, and many sessions at once. */
import { assertEquals } from "../../assert.ts";
import { type ServerOptions, startServer, type TestServer } from "../../helpers/test_server.ts";
import { RawClient, RawClientError, type RawResponse } from "../../helpers/raw_client.ts";
import { goodHeaders } from "../../helpers/client.ts";

export const ADMIN_TOKEN = "admin-token-kept-out-of-every-log-line-0123456789";
export const ROOMS = { subprotocol: "rooms.v1", module: "tests/e2e/modules/identity_rooms.ts", cells: 1 };

/** Connecting many at once takes its time on a busy machine. */
const PATIENCE_MS = 30_000;
const AT_A_TIME = 50;

/** A server with the rooms module and the ops interface. */
export function startRooms(options: ServerOptions = {}): Promise<TestServer> {
  return startServer({
    handlers: [ROOMS],
    ...options,
    config: { ops: { port: 0, admin_token_file: "admin.token" }, ...options.config },
    files: { "admin.token": ADMIN_TOKEN, ...options.files },
  });
}

/** The configuration under which hundreds of sessions from one address are nothing special, without TLS to be quick. */
export const CROWDED = {
  server: { host: "127.0.0.1", max_connections_per_ip: 2_000, max_connections_per_user: 1_000 },
  tls: undefined,
  limits: { handshake: { rate: 10_000, burst: 10_000 }, ip: { rate: 10_000, burst: 10_000 }, adaptive: false },
};

export interface OpsAnswer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

/** One request to the ops interface with the admin token. */
export async function operate(server: TestServer, method: string, path: string, body?: unknown): Promise<OpsAnswer> {
  const response = await fetch(`${server.opsUrl}${path}`, {
    method,
    headers: { authorization: `Bearer ${ADMIN_TOKEN}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: await response.json() };
}

/** Connects, by TLS or not as the server does. */
export function connectAnyhow(server: TestServer): Promise<RawClient> {
  const { port, caPem } = server;
  return RawClient.connect(server.url.startsWith("wss:") ? { port, caCerts: [caPem] } : { port });
}

/** Opens `count` sessions in the rooms, each with the token of its number. */
export async function crowd(
  server: TestServer,
  count: number,
  token: (index: number) => string,
): Promise<RawClient[]> {
  const clients: RawClient[] = [];
  for (let first = 0; first < count; first += AT_A_TIME) {
    const size = Math.min(AT_A_TIME, count - first);
    clients.push(
      ...await Promise.all(Array.from({ length: size }, async (_, index) => {
        const client = await connectAnyhow(server);
        const headers = goodHeaders(server, { subprotocol: ROOMS.subprotocol, token: token(first + index) });
        const response = await client.upgrade("/ws", headers, PATIENCE_MS);
        assertEquals(response.status, 101, response.body);
        return client;
      })),
    );
  }
  return clients;
}

/** All of them are closed that way; they answer as RFC 6455 section 5.5.1 wants it, so that the connections end. */
export async function assertClosed(clients: readonly RawClient[], code: number, reason: string): Promise<void> {
  const closes = await Promise.all(clients.map(async (client) => {
    const close = await client.nextClose(PATIENCE_MS);
    await client.sendClose(close.code).catch(() => {}); // the server may not wait for it
    return close;
  }));
  for (const close of closes) assertEquals(close, { code, reason });
}

/** All of them are open: each gets an answer. */
export async function assertAlive(clients: readonly RawClient[]): Promise<void> {
  await Promise.all(clients.map(async (client, index) => {
    await client.text(
      JSON.stringify({ jsonrpc: "2.0", id: index, method: "room.echo", params: { text: String(index) } }),
    );
    assertEquals(JSON.parse(await client.nextText(PATIENCE_MS)), { jsonrpc: "2.0", id: index, result: String(index) });
  }));
}

export function closeAll(clients: readonly RawClient[]): void {
  for (const client of clients) client.close();
}

/** The answer to a handshake, or null when the server ended the connection without one. */
export async function tryHandshake(
  server: TestServer,
  headers: Record<string, string | null>,
  path = "/ws",
): Promise<RawResponse | null> {
  try {
    using client = await connectAnyhow(server);
    return await client.upgrade(path, headers, PATIENCE_MS);
  } catch (error) {
    const ended = error instanceof RawClientError ? error.kind === "ended" : isEndOfConnection(error);
    if (ended) return null;
    throw error;
  }
}

function isEndOfConnection(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BrokenPipe ||
    error instanceof Deno.errors.UnexpectedEof || error instanceof Deno.errors.ConnectionAborted ||
    error instanceof Deno.errors.ConnectionRefused ||
    (error instanceof Deno.errors.InvalidData && /tls|handshake|eof/i.test(error.message));
}

/** The reason in the body of a refusal. */
export function reasonOf(response: RawResponse | null): string {
  return response === null ? "(no answer)" : response.status === 101 ? "(let in)" : JSON.parse(response.body).error;
}

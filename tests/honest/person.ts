/** One person of an office: comes in with a token or a ticket, obeys what is said, and keeps the books. */
import { ORIGIN, signToken, type TestServer } from "../helpers/test_server.ts";
import { RawClient, RawClientError, type RawResponse } from "../helpers/raw_client.ts";

export type Via = "header" | "ticket";

const PATIENCE_MS = 20_000;

/** A refusal, as the books have it. */
export interface Refused {
  readonly status: number;
  readonly reason: string;
  /** Seconds that were waited for it. */
  readonly retryAfter: number;
}

export class Person {
  /** The answers to this person other than 101, 200 and 204. */
  readonly refused: Refused[] = [];
  /** Refusals that named no time to come back. */
  readonly puzzled: string[] = [];
  client: RawClient | null = null;
  readonly #token: string;
  #calls = 0;

  constructor(readonly name: string, readonly via: Via) {
    this.#token = signToken(name);
  }

  /** Comes in, waiting as long as it is told to. Rejects when it takes too long, or a refusal says not when to come back. */
  async arrive(server: TestServer): Promise<void> {
    const deadline = Date.now() + PATIENCE_MS;
    while (Date.now() < deadline) {
      const refusal = await this.#try(server);
      if (refusal === null) return;
      await pause(refusal.retryAfter * 1000);
    }
    throw new Error(`${this.name} was not let in within ${PATIENCE_MS} ms: ${JSON.stringify(this.refused)}`);
  }

  /** A call and its answer; rejects when the connection has ended. */
  async work(): Promise<void> {
    const id = ++this.#calls;
    await this.client!.text(JSON.stringify({ jsonrpc: "2.0", id, method: "echo", params: { text: this.name } }));
    const answer = JSON.parse(await this.#next());
    if (answer.id !== id || answer.error !== undefined) throw new Error(`${this.name}: ${JSON.stringify(answer)}`);
  }

  /** Waits to be told when to come back, and for the end. Milliseconds. */
  async told(): Promise<number> {
    const message = JSON.parse(await this.#next());
    if (message.method !== "session.reconnect") throw new Error(`${this.name}: ${JSON.stringify(message)}`);
    const { code, reason } = await this.client!.nextClose(PATIENCE_MS);
    if (code !== 1001) throw new Error(`${this.name} was closed ${code} ${reason}`);
    this.leave();
    return Number(message.params.after_ms);
  }

  /** The connection is gone without a word, as when the network is. */
  leave(): void {
    this.client?.close();
    this.client = null;
  }

  async #next(): Promise<string> {
    for (;;) {
      const { opcode, payload } = await this.client!.nextFrame(PATIENCE_MS);
      if (opcode === 9) await this.client!.frame({ opcode: 10, payload });
      else if (opcode === 1) return new TextDecoder().decode(payload);
      else throw new Error(`${this.name} got opcode ${opcode}: ${new TextDecoder().decode(payload)}`);
    }
  }

  async #try(server: TestServer): Promise<Refused | null> {
    const fields = { origin: ORIGIN, "sec-websocket-protocol": "echo.v1" };
    const bearer = { authorization: `Bearer ${this.#token}` };
    if (this.via === "header") return await this.#upgrade(server, "/ws", { ...fields, ...bearer });
    // As a browser does, whose preflight is perhaps not remembered.
    const asked = { origin: ORIGIN, "access-control-request-method": "POST" };
    const preflight = await request(server, (client) => client.request("/ticket", asked, { method: "OPTIONS" }));
    if (preflight.status !== 204) return this.#note(preflight);
    const post = { method: "POST", body: "" };
    const bought = await request(server, (client) => client.request("/ticket", { origin: ORIGIN, ...bearer }, post));
    if (bought.status !== 200) return this.#note(bought);
    return await this.#upgrade(server, `/ws?ticket=${JSON.parse(bought.body).ticket}`, fields);
  }

  async #upgrade(server: TestServer, path: string, headers: Record<string, string>): Promise<Refused | null> {
    const client = await connect(server);
    try {
      const response = await client.upgrade(path, headers, PATIENCE_MS);
      if (response.status === 101) {
        this.client = client;
        return null;
      }
      client.close();
      return this.#note(response);
    } catch (error) {
      client.close();
      throw error;
    }
  }

  #note({ status, headers, body }: RawResponse): Refused {
    const retryAfter = Number(headers.get("retry-after"));
    const { error: reason } = JSON.parse(body);
    const refused = { status, reason, retryAfter };
    this.refused.push(refused);
    if (!(retryAfter > 0)) throw new Error(`${this.name} was refused for good: ${JSON.stringify(refused)}`);
    return refused;
  }
}

export function connect(server: TestServer): Promise<RawClient> {
  const { port, caPem } = server;
  return RawClient.connect(server.url.startsWith("wss:") ? { port, caCerts: [caPem] } : { port });
}

async function request(
  server: TestServer,
  ask: (client: RawClient) => Promise<RawResponse>,
): Promise<RawResponse> {
  using client = await connect(server);
  return await ask(client);
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Repeats something until disposed of, as a page or a script does that goes wrong; what the server does to it is its own. */
export function nuisance(
  times: number,
  act: (round: number) => Promise<unknown>,
): AsyncDisposable & { rounds: number } {
  let over = false;
  const state = { rounds: 0 };
  const loops = Array.from({ length: times }, async () => {
    while (!over) {
      await act(state.rounds++).catch((error: unknown) => {
        const network = error instanceof RawClientError || error instanceof Deno.errors.ConnectionReset ||
          error instanceof Deno.errors.BrokenPipe || error instanceof Deno.errors.UnexpectedEof ||
          error instanceof Deno.errors.InvalidData || error instanceof Deno.errors.ConnectionRefused ||
          error instanceof Deno.errors.ConnectionAborted;
        if (!network) throw error;
      });
      await pause(1);
    }
  });
  const done = Promise.all(loops);
  done.catch(() => {}); // is thrown when disposed of
  return {
    get rounds() {
      return state.rounds;
    },
    async [Symbol.asyncDispose]() {
      over = true;
      await done;
    },
  };
}

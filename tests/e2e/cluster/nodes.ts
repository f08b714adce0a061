/** Real nodes of one cluster, each with its own way to Redis. */
import { until } from "../../helpers/until.ts";
import { assertEquals } from "../../assert.ts";
import { runs } from "../../helpers/optional.ts";
import { ORIGIN, startServer, type TestServer } from "../../helpers/test_server.ts";
import { RawClient, type RawResponse } from "../../helpers/raw_client.ts";
import { parseScrape, type Sample } from "../../helpers/prometheus.ts";
import { PASSWORD, TestLink, TestRedis } from "../../helpers/proxied_redis.ts";

/** The needs of tests of a cluster on the machine. */
export const REDIS = { "redis-server": runs("redis-server", "--version") };

/** Longer than the lease of a dead node. */
export const LEASE_DEADLINE_MS = 25_000;

const ADMIN = "cluster-test-admin-token-0001";
const ROOM = [{ subprotocol: "room.v1", module: "tests/e2e/cluster/modules/room.ts", cells: 1 }];

type Table = Record<string, unknown>;

export interface NodeOptions {
  /** Merged into the configuration of each node. */
  readonly config?: Record<string, Table | undefined>;
  /** Nodes connect to Redis without the proxy of the test, whose own work would delay it. */
  readonly direct?: boolean;
  /** Of another Redis than the one of the test, without a password. */
  readonly url?: string;
}

/** A node with its operations interface. */
export class TestNode {
  constructor(readonly server: TestServer, readonly link: TestLink) {}

  /** A request of an administrator. */
  async admin(
    method: string,
    path: string,
    body?: unknown,
  ): Promise<{ status: number; body: Record<string, unknown> }> {
    const response = await fetch(this.server.opsUrl + path, {
      method,
      headers: { authorization: `Bearer ${ADMIN}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: await response.json() };
  }

  async ready(): Promise<{ status: number; conditions: Record<string, boolean> }> {
    const response = await fetch(`${this.server.opsUrl}/readyz`);
    return { status: response.status, conditions: (await response.json()).conditions };
  }

  async metrics(): Promise<Sample[]> {
    return [...parseScrape(await (await fetch(`${this.server.opsUrl}/metrics`)).text()).samples];
  }
}

/** A user with a new token, a token, or a ticket. */
export interface Credential {
  readonly user?: string;
  readonly token?: string;
  readonly ticket?: string;
}

/** The reason for which a node refuses a credential. */
export async function refusal(node: TestNode, credential: Credential): Promise<string> {
  const answer = await TestClient.connect(node, credential);
  if (!(answer instanceof TestClient)) return JSON.parse(answer.body).error;
  answer[Symbol.dispose]();
  return "none";
}

/** A client of a node, which keeps what it receives. */
export class TestClient implements Disposable {
  readonly events: number[] = [];
  /** The close frame: code and reason. */
  ended: string | undefined;
  /** When `ended` was set, by `performance.now`. */
  endedAt = Infinity;
  readonly #raw: RawClient;
  readonly #answers = new Map<number, (answer: Record<string, unknown>) => void>();
  #id = 0;

  private constructor(raw: RawClient) {
    this.#raw = raw;
    void this.#read();
  }

  /** Connects, and resolves to the client, or to the refusal. */
  static async connect(node: TestNode, credential: Credential): Promise<TestClient | RawResponse> {
    const raw = await RawClient.connect({ port: node.server.port });
    const headers = { origin: ORIGIN, "sec-websocket-protocol": "room.v1" };
    const { user = "", ticket, token = node.server.token(user) } = credential;
    const response = ticket === undefined
      ? await raw.upgrade("/ws", { ...headers, authorization: `Bearer ${token}` }, 20_000)
      : await raw.upgrade(`/ws?ticket=${ticket}`, headers, 20_000);
    if (response.status === 101) return new TestClient(raw);
    raw.close();
    return response;
  }

  /** Connects, or fails the test. */
  static async join(node: TestNode, user: string): Promise<TestClient> {
    const client = await TestClient.connect(node, { user });
    if (client instanceof TestClient) return client;
    throw new Error(`refused with ${client.status}: ${client.body}`);
  }

  /** Sends a request, and resolves to its answer. */
  async call(method: string, params: unknown): Promise<{ result?: unknown; error?: { code: number } }> {
    const id = ++this.#id;
    const { promise, resolve } = Promise.withResolvers<Record<string, unknown>>();
    this.#answers.set(id, resolve);
    await this.#raw.text(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
    const timer = setTimeout(() => resolve({ error: { code: 0, message: `no answer to ${method}` } }), 20_000);
    return await promise.finally(() => clearTimeout(timer));
  }

  async subscribe(topic: string): Promise<void> {
    assertEquals((await this.call("topic.subscribe", { topic })).result, {});
  }

  [Symbol.dispose](): void {
    this.#raw.close();
  }

  async #read(): Promise<void> {
    try {
      for (;;) {
        const { opcode, payload } = await this.#raw.nextFrame(3_600_000);
        if (opcode === 8) {
          this.endedAt = performance.now();
          this.ended = `${payload[0]! * 256 + payload[1]!} ${new TextDecoder().decode(payload.subarray(2))}`;
          await this.#raw.sendClose();
        } else if (opcode === 9) await this.#raw.frame({ opcode: 10, payload });
        else if (opcode === 1) this.#message(JSON.parse(new TextDecoder().decode(payload)));
      }
    } catch {
      // The connection has ended.
      this.ended ??= "1006 ";
    }
  }

  #message(message: Record<string, unknown>): void {
    if (message.method === "topic.event") this.events.push((message.params as { data: { n: number } }).data.n);
    else this.#answers.get(Number(message.id))?.(message);
  }
}

/** A client on a quick machine sends more messages than the defaults allow. */
const ANY_RATE = { rate: 10_000, burst: 10_000 };

/** Redis with nodes. */
export class TestCluster implements AsyncDisposable {
  readonly nodes: TestNode[] = [];

  private constructor(readonly redis: TestRedis, readonly options: NodeOptions) {}

  /** Starts so many nodes, and waits until each is ready and knows the others. */
  static async start(count: number, options: NodeOptions = {}): Promise<TestCluster> {
    const cluster = new TestCluster(await TestRedis.start(), options);
    try {
      await Promise.all(Array.from({ length: count }, () => cluster.add()));
      for (const node of cluster.nodes) await cluster.knows(node, count);
      return cluster;
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Starts one more node. */
  async add(config: Record<string, Table | undefined> = {}): Promise<TestNode> {
    const link = await TestLink.open(this.redis);
    const { ops, cluster, limits, ...sections } = { ...this.options.config, ...config };
    const { url, direct } = this.options;
    const server = await startServer({
      handlers: ROOM,
      config: {
        ...sections,
        limits: { connection: ANY_RATE, user: ANY_RATE, ip: ANY_RATE, ...limits },
        tls: undefined,
        ops: { host: "127.0.0.1", port: 0, admin_token_file: "admin.token", ...ops },
        cluster: {
          url_file: "redis.url",
          ...(url === undefined ? { password_file: "redis.password" } : {}),
          secret_file: "cluster.secret",
          ...cluster,
        },
      },
      files: {
        "admin.token": ADMIN,
        "redis.url": url ?? (direct ? `unix://${this.redis.socket}` : link.url),
        "redis.password": PASSWORD,
        "cluster.secret": "the-secret-of-the-nodes-of-a-test",
      },
    }).catch(async (error) => {
      await link[Symbol.asyncDispose]();
      throw error;
    });
    await server.logged("listening", ({ ops_url }) => ops_url !== null);
    const node = new TestNode(server, link);
    this.nodes.push(node);
    return node;
  }

  /** Waits until a node is ready and knows that so many nodes live. */
  async knows(node: TestNode, count: number): Promise<void> {
    await until(
      async () => {
        const { status } = await node.ready();
        const { nodes } = (await node.admin("GET", "/nodes")).body as { nodes: unknown[] };
        return status === 200 && nodes.length === count;
      },
      `${count} nodes known`,
      LEASE_DEADLINE_MS,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.nodes.map(({ server }) => server.stop().catch(() => {})));
    await Promise.all(this.nodes.map(({ link }) => link[Symbol.asyncDispose]()));
    await this.redis[Symbol.asyncDispose]();
  }
}

/** Asserts that an administrator's answer covers all nodes. */
export function assertComplete({ status, body }: { status: number; body: Record<string, unknown> }): void {
  assertEquals({ status, complete: body.complete, missing: body.missing }, {
    status: 200,
    complete: true,
    missing: [],
  });
}

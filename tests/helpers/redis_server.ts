/** Real servers of Redis for tests: on free ports, in folders of their own, ended with the test. */
import { until } from "./until.ts";
import { join } from "node:path";
import { runs } from "./optional.ts";

/** The needs of tests of the cluster, for `optional`. */
export const NEEDS = { "redis-server": runs("redis-server", "--version"), "redis-cli": runs("redis-cli", "--version") };

/** Options of {@linkcode RedisServer.start}. */
export interface RedisOptions {
  /** Lines of the configuration. */
  readonly config?: readonly string[];
  readonly sentinel?: boolean;
  /** Arguments of redis-cli, such as a password. */
  readonly cli?: readonly string[];
  /** Of a server that is started again. */
  readonly port?: number;
}

/** A server of Redis, or a sentinel. */
export class RedisServer implements AsyncDisposable {
  #process: Deno.ChildProcess;

  private constructor(
    process: Deno.ChildProcess,
    readonly port: number,
    readonly folder: string,
    readonly options: RedisOptions,
  ) {
    this.#process = process;
  }

  /** Starts a server on 127.0.0.1, without persistence. */
  static async start(options: RedisOptions = {}): Promise<RedisServer> {
    const folder = await Deno.makeTempDir({ prefix: "sallyport-redis-" });
    for (let attempt = 0;; attempt++) {
      // The bus of a Redis Cluster is 10,000 ports above.
      const port = options.port ?? 20_000 + Math.floor(Math.random() * 30_000);
      const process = await spawn(folder, port, options);
      if (process !== null) return new RedisServer(process, port, folder, options);
      if (attempt === 20) throw new Error("No free port for redis-server");
    }
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** The reply of one command, as redis-cli prints it. */
  async cli(...args: string[]): Promise<string> {
    const all = ["-p", String(this.port), ...this.options.cli ?? [], ...args];
    const { stdout, stderr } = await new Deno.Command("redis-cli", { args: all, stdout: "piped", stderr: "piped" })
      .output();
    return new TextDecoder().decode(stdout.length > 0 ? stdout : stderr).trim();
  }

  /** Stops the process without ending it: connections stay open, and nothing answers. */
  freeze(): void {
    this.#process.kill("SIGSTOP");
  }

  thaw(): void {
    this.#process.kill("SIGCONT");
  }

  async kill(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.status;
  }

  /** Starts it again after `kill`, empty, on the same port. */
  async restart(): Promise<void> {
    let process: Deno.ChildProcess | null = null;
    await until(async () => {
      process = await spawn(this.folder, this.port, this.options);
      return process !== null;
    }, "redis-server to start again");
    this.#process = process!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#process.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await this.#process.status;
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** Starts the process and waits until it is ready; null when it ended, because the port is taken. */
async function spawn(folder: string, port: number, options: RedisOptions): Promise<Deno.ChildProcess | null> {
  const { config = [], sentinel = false } = options;
  const file = join(folder, "redis.conf");
  const common = [
    `dir ${folder}`,
    "bind 127.0.0.1",
    ...(config.some((line) => /^port /.test(line)) ? [] : [`port ${port}`]),
  ];
  const lines = sentinel ? [...common, ...config] : [...common, 'save ""', "appendonly no", ...config];
  await Deno.writeTextFile(file, lines.join("\n").replaceAll("PORT", String(port)) + "\n");
  const process = new Deno.Command("redis-server", {
    args: sentinel ? [file, "--sentinel"] : [file],
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const ready = Promise.withResolvers<boolean>();
  process.status.then(() => ready.resolve(false));
  // Its output is read to the end, so that it never waits.
  readLines(process.stdout, (text) => /Ready to accept connections|Sentinel ID is/.test(text) && ready.resolve(true));
  return await ready.promise ? process : null;
}

async function readLines(stream: ReadableStream<Uint8Array>, seen: (text: string) => unknown): Promise<void> {
  for await (const text of stream.pipeThrough(new TextDecoderStream())) seen(text);
}

/** Three masters of a Redis Cluster, with a replica each where asked for. */
export async function startRedisCluster(replicas = false): Promise<RedisServer[]> {
  const config = ["cluster-enabled yes", "cluster-config-file nodes.conf", "cluster-node-timeout 2000"]
    .concat("cluster-require-full-coverage no", "repl-diskless-sync-delay 0");
  const count = replicas ? 6 : 3;
  const servers = await Promise.all(Array.from({ length: count }, () => RedisServer.start({ config })));
  const [first] = servers;
  const ranges = [["0", "5460"], ["5461", "10922"], ["10923", "16383"]];
  for (const [index, [from, to]] of ranges.entries()) {
    await servers[index]!.cli("CLUSTER", "ADDSLOTSRANGE", from!, to!);
    await servers[index]!.cli("CLUSTER", "SET-CONFIG-EPOCH", String(index + 1));
  }
  for (const { port } of servers.slice(1)) await first!.cli("CLUSTER", "MEET", "127.0.0.1", String(port));
  const agreed = async () => {
    const known = await Promise.all(servers.map((server) => server.cli("CLUSTER", "INFO")));
    return known.every((info) => info.includes(`cluster_known_nodes:${count}`) && info.includes("cluster_state:ok"));
  };
  await until(agreed, "the Redis Cluster to agree");
  for (const [index, server] of servers.slice(3).entries()) {
    await server.cli("CLUSTER", "REPLICATE", await servers[index]!.cli("CLUSTER", "MYID"));
    await until(async () => (await server.cli("INFO", "replication")).includes("master_link_status:up"), "the replica");
  }
  return servers;
}

/** A master with a replica, and three sentinels that watch it as `main`. */
export async function startSentinels(): Promise<{ servers: RedisServer[]; sentinels: RedisServer[] }> {
  const master = await RedisServer.start();
  const replica = await RedisServer.start({ config: [`replicaof 127.0.0.1 ${master.port}`] });
  await until(async () => (await replica.cli("INFO", "replication")).includes("master_link_status:up"), "the replica");
  const config = [
    `sentinel monitor main 127.0.0.1 ${master.port} 2`,
    "sentinel down-after-milliseconds main 1000",
    "sentinel failover-timeout main 5000",
  ];
  const sentinels = await Promise.all([1, 2, 3].map(() => RedisServer.start({ config, sentinel: true })));
  const ready = async () => {
    const found = await Promise.all(sentinels.map((one) => one.cli("SENTINEL", "CKQUORUM", "main")));
    const replicas = await Promise.all(sentinels.map((one) => one.cli("SENTINEL", "REPLICAS", "main")));
    return found.every((text) => text.includes("OK 3")) && replicas.every((text) => text.includes("slave"));
  };
  await until(ready, "the sentinels to find one another");
  return { servers: [master, replica], sentinels };
}

/** A server with several fronts, as its own processes with the permissions of production. */
import { readProject, ROOT, serverFlags } from "../../tools/project.ts";
import { assertEquals } from "../assert.ts";
import { type LogLine, type ServerOptions, TestServer, writeConfigFor } from "./test_server.ts";
import { RawClient } from "./raw_client.ts";
import { freePort } from "./free_port.ts";
import { until } from "./until.ts";
import { runs } from "./processes.ts";

/** The token of the operators in these tests. */
export const ADMIN_TOKEN = "0123456789abcdef0123456789abcdef";

/** Options of {@linkcode Fronts.start}. */
export interface FrontsOptions extends Pick<ServerOptions, "config" | "handlers" | "env" | "files"> {
  readonly fronts?: number;
  /** URL of a Redis: the fronts are nodes of a cluster, by their configuration. */
  readonly redis?: string;
}

/** A client with the front that it is connected to. */
export interface Placed extends Disposable {
  readonly client: RawClient;
  readonly user: string;
  readonly front: number;
}

/** A running server with several fronts. */
export class Fronts implements AsyncDisposable {
  readonly #seen = new Set<number>();
  #users = 0;

  private constructor(
    readonly server: TestServer,
    readonly count: number,
    readonly runtime: string,
    readonly dir: string,
  ) {}

  /** Starts a server and waits until each front listens. */
  static async start({ fronts = 2, redis, ...options }: FrontsOptions = {}): Promise<Fronts> {
    const dir = await Deno.makeTempDir({ prefix: "sallyport-" });
    const runtime = await Deno.makeTempDir({ prefix: "run-" });
    await writeConfigFor(dir, {
      handlers: [{ subprotocol: "echo.v1", module: "examples/echo/echo.ts" }],
      ...options,
      config: {
        ops: { host: "127.0.0.1", port: 0, admin_token_file: "admin.token" },
        ...options.config,
        server: {
          host: "127.0.0.1",
          port: freePort(),
          reuse_port: true,
          ...(redis === undefined ? {} : { fronts }),
          ...options.config?.["server"],
        },
        ...(redis === undefined ? {} : { cluster: { url_file: "redis.url", secret_file: "cluster.secret" } }),
      },
      files: {
        "admin.token": ADMIN_TOKEN,
        ...(redis === undefined ? {} : { "redis.url": redis, "cluster.secret": crypto.randomUUID().repeat(2) }),
        ...options.files,
      },
    });
    const process = new Deno.Command(Deno.execPath(), {
      args: await serveArgs(redis === undefined ? fronts : undefined, `${dir}/sallyport.toml`),
      cwd: ROOT,
      env: { DENO: Deno.execPath(), RUNTIME_DIRECTORY: runtime, ...options.env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const server = new TestServer(process, dir, await Deno.readTextFile(`${dir}/server.crt`), true);
    const started = new Fronts(server, fronts, runtime, dir);
    const failed = server.exited().then(({ code }) => {
      throw new Error(`The server ended with ${code}:\n${server.noise.join("\n")}\n${JSON.stringify(server.log)}`);
    });
    failed.catch(() => {});
    try {
      await Promise.race([Promise.all(numbers(fronts).map((front) => started.listening(front))), failed]);
      for (const pid of await started.pids()) started.#seen.add(pid);
    } catch (error) {
      await started[Symbol.asyncDispose]();
      throw error;
    }
    return started;
  }

  /** The line with which a front said that it listens: of its first process, or of a later one. */
  listening(front: number, times = 1): Promise<LogLine> {
    const lines = () => this.server.log.filter((line) => line.event === "listening" && line["front"] === front);
    return this.server.logged("listening", (line) => line === lines()[times - 1], 60_000);
  }

  /** Process ids of the fronts that run, in the order of their start. */
  frontPids(): Promise<number[]> {
    return this.#children("front");
  }

  /** Process ids of fronts and cells. */
  async pids(): Promise<number[]> {
    const pids = [...await this.frontPids(), ...await this.#children("cell")];
    for (const pid of pids) this.#seen.add(pid);
    return pids;
  }

  /** The process of a front. */
  async frontPid(front: number): Promise<number> {
    for (const [number, pid] of await this.#processes()) if (number === front) return pid;
    throw new Error(`No process of front ${front}`);
  }

  /** The processes of the fronts by number, from the sockets on which they listen for cells. */
  async #processes(): Promise<[front: number, pid: number][]> {
    const sockets = await Deno.readTextFile("/proc/net/unix");
    const found: [number, number][] = [];
    for (const pid of await this.frontPids()) {
      const inodes = await inodesOf(pid);
      for (const line of sockets.split("\n")) {
        const [, , , , , , inode = "", path = ""] = line.trim().split(/\s+/);
        const front = /\/cells-(\d+)-/.exec(path)?.[1];
        if (front !== undefined && inodes.has(inode)) found.push([Number(front), pid]);
      }
    }
    return found;
  }

  /** The front that has accepted the connection from a local port. */
  async #frontOf(clientPort: number): Promise<number> {
    const connections = await Deno.readTextFile("/proc/net/tcp");
    const ends = [this.server.port, clientPort].map((port) => port.toString(16).toUpperCase().padStart(4, "0"));
    const inode = connections.split("\n").map((line) => line.trim().split(/\s+/)).find(([, local, remote]) =>
      local?.endsWith(`:${ends[0]}`) && remote?.endsWith(`:${ends[1]}`)
    )?.[9];
    for (const [front, pid] of await this.#processes()) {
      if (inode !== undefined && (await inodesOf(pid)).has(inode)) return front;
    }
    throw new Error(`No front has the connection from port ${clientPort}`);
  }

  /** Processes of the cells that are connected to a front. */
  async cellPids(front: number): Promise<number[]> {
    const cells = await this.#children("cell");
    const texts = await Promise.all(cells.map((pid) => Deno.readTextFile(`/proc/${pid}/cmdline`).catch(() => "")));
    return cells.filter((_, index) => texts[index]!.includes(`/cells-${front}-`));
  }

  /** Connects a new user. The kernel chooses the front. */
  async connect(subprotocol = "echo.v1", user = `user${++this.#users}`): Promise<Placed> {
    const { server } = this;
    const client = await RawClient.connect({ port: server.port, caCerts: [server.caPem] });
    const { status } = await client.upgrade("/ws", {
      origin: server.origin,
      authorization: `Bearer ${server.token(user)}`,
      "sec-websocket-protocol": subprotocol,
    });
    assertEquals(status, 101);
    const { port } = client.connection.localAddr as Deno.NetAddr;
    return { client, user, front: await this.#frontOf(port), [Symbol.dispose]: () => client[Symbol.dispose]() };
  }

  /** A client on each front; clients that the kernel gave to a front that has one are closed. */
  async connectEach(subprotocol?: string): Promise<Placed[]> {
    const placed = new Map<number, Placed>();
    await until(async () => {
      const next = await this.connect(subprotocol);
      if (placed.has(next.front)) next[Symbol.dispose]();
      else placed.set(next.front, next);
      return placed.size === this.count;
    }, () => `a connection to each of ${this.count} fronts, there are ${[...placed.keys()]}`);
    return numbers(this.count).map((front) => placed.get(front)!);
  }

  /** An administrative request. */
  async ask(method: string, path: string, body?: unknown): Promise<{ status: number; body: Record<string, unknown> }> {
    const response = await fetch(this.opsUrl + path, {
      method,
      headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: await response.json() };
  }

  async metrics(): Promise<string> {
    return await (await fetch(`${this.opsUrl}/metrics`)).text();
  }

  get opsUrl(): string {
    const lines = this.server.log.filter((line) => line.event === "listening" && line["front"] === 0);
    return String(lines.at(-1)?.["ops_url"]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const stopped = this.server.stop();
    await until(async () => !await runs(this.server.pid), "the end of the supervisor");
    // What outlived its supervisor holds its output open.
    for (const pid of this.#seen) if (await runs(pid)) Deno.kill(pid, "SIGKILL");
    await stopped;
    await Deno.remove(this.runtime, { recursive: true });
  }

  async #children(role: string): Promise<number[]> {
    const { stdout } = await new Deno.Command("ps", { args: ["-o", "pid=,args=", "--ppid", String(this.server.pid)] })
      .output();
    const lines = new TextDecoder().decode(stdout).split("\n").map((line) => line.trim().split(/\s+/));
    return lines.filter((words) => words.includes(role)).map(([pid]) => Number(pid)).sort((a, b) => a - b);
  }
}

/** The numbers of so many fronts. */
export function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, front) => front);
}

/** The inodes of a process' sockets. */
async function inodesOf(pid: number): Promise<Set<string>> {
  const inodes = new Set<string>();
  for await (const { name } of Deno.readDir(`/proc/${pid}/fd`)) {
    const target = await Deno.readLink(`/proc/${pid}/fd/${name}`).catch(() => "");
    const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
    if (inode !== undefined) inodes.add(inode);
  }
  return inodes;
}

/** The arguments of Deno for `serve` with so many fronts, or with `server.fronts`, with the permissions of production. */
export async function serveArgs(fronts: number | undefined, config: string): Promise<string[]> {
  const main = fronts === undefined
    ? [`${ROOT}/main.ts`]
    : [new URL("../fronts/serve.ts", import.meta.url).pathname, String(fronts)];
  return ["run", ...serverFlags(await readProject()), ...main, "serve", "--config", config];
}

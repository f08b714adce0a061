/** A real Redis on a unix socket, with the shipped access list, and a TCP proxy before it for each node. */
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { ROOT } from "../../tools/project.ts";

/** Of the user in the access list. */
export const PASSWORD = "only-for-this-test-run";
const START_DEADLINE_MS = 20_000;

/** One `redis-server` in a folder of its own. It listens on a unix socket, so it needs no free port. */
export class TestRedis implements AsyncDisposable {
  readonly #dir: string;
  readonly #args: readonly string[];
  #process: Deno.ChildProcess;

  private constructor(dir: string, args: readonly string[]) {
    this.#dir = dir;
    this.#args = args;
    this.#process = spawn(dir, args);
  }

  /** `args` are further arguments of `redis-server`. */
  static async start(args: readonly string[] = []): Promise<TestRedis> {
    const dir = await Deno.makeTempDir({ prefix: "sallyport-redis-" });
    const shipped = (await Deno.readTextFile(join(ROOT, "deploy/redis.acl"))).replace(">PASSWORD", `>${PASSWORD}`);
    // A URL of a unix socket names no user, so the default one gets the same rights. The tester may do everything.
    const [, node = ""] = shipped.trim().split("\n");
    const users = [node.replace("user sallyport", "user default"), node, "user tester on nopass ~* &* +@all"];
    await Deno.writeTextFile(join(dir, "users.acl"), users.map((line) => `${line}\n`).join(""));
    const redis = new TestRedis(dir, args);
    await redis.#ready();
    return redis;
  }

  get socket(): string {
    return join(this.#dir, "redis.sock");
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** Runs a command of Redis, and returns what `redis-cli` prints. */
  async command(...words: string[]): Promise<string> {
    const { stdout } = await new Deno.Command("redis-cli", {
      args: ["-s", this.socket, "--user", "tester", "--pass", "x", "--no-auth-warning", ...words],
      stderr: "null",
    }).output();
    return new TextDecoder().decode(stdout).trim();
  }

  signal(signal: Deno.Signal): void {
    this.#process.kill(signal);
  }

  /** Ends Redis with all its content, as a machine that loses its power. */
  async kill(): Promise<void> {
    this.signal("SIGKILL");
    await this.#process.status;
  }

  /** Starts an empty one in the same place. */
  async restart(): Promise<void> {
    this.#process = spawn(this.#dir, this.#args);
    await this.#ready();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.signal("SIGKILL");
    } catch {
      // It has ended already.
    }
    await this.#process.status;
    await Deno.remove(this.#dir, { recursive: true });
  }

  async #ready(): Promise<void> {
    const deadline = Date.now() + START_DEADLINE_MS;
    while (await this.command("PING") !== "PONG") {
      if (Date.now() > deadline) throw new Error("redis-server did not answer PING");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

function spawn(dir: string, args: readonly string[]): Deno.ChildProcess {
  return new Deno.Command("redis-server", {
    args: [
      ...["--port", "0", "--unixsocket", join(dir, "redis.sock"), "--aclfile", join(dir, "users.acl")],
      ...["--dir", dir, "--save", "", "--appendonly", "no"],
      ...args,
    ],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
}

/** The way of one node to Redis. */
export class TestLink implements AsyncDisposable {
  readonly #server: Server;
  readonly #target: string;
  readonly #sockets = new Set<Socket>();
  #cut = false;
  #stalled = false;

  private constructor(server: Server, target: string) {
    this.#server = server;
    this.#target = target;
    server.on("connection", (socket) => this.#accept(socket));
  }

  static async open(redis: TestRedis): Promise<TestLink> {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new TestLink(server, redis.socket);
  }

  get url(): string {
    const address = this.#server.address();
    return `redis://sallyport@127.0.0.1:${typeof address === "object" ? address?.port : 0}`;
  }

  /** Ends all connections and refuses new ones. */
  cut(): void {
    this.#cut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Accepts connections and passes nothing on, as a network that drops all packets. */
  stall(): void {
    this.#stalled = true;
    for (const socket of this.#sockets) socket.pause();
  }

  restore(): void {
    this.#cut = this.#stalled = false;
    for (const socket of this.#sockets) socket.resume();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    const closed = once(this.#server, "close");
    this.#server.close();
    await closed;
  }

  #accept(socket: Socket): void {
    if (this.#cut) return void socket.destroy();
    const upstream = connect(this.#target);
    for (const [from, to] of [[socket, upstream], [upstream, socket]] as const) {
      this.#sockets.add(from);
      from.on("error", () => {});
      from.on("close", () => {
        this.#sockets.delete(from);
        to.destroy();
      });
      from.on("data", (bytes) => to.write(bytes));
      if (this.#stalled) from.pause();
    }
  }
}

/** The tree of processes of a running server: at any end of one of them, nothing is left behind and no other is affected. */
import { assert, assertEquals, assertStringIncludes } from "../../assert.ts";
import { call } from "../../helpers/client.ts";
import { program, startServer, type TestServer } from "../../helpers/test_server.ts";
import { RawClient } from "../../helpers/raw_client.ts";
import { runs } from "../../helpers/processes.ts";
import { until } from "../../helpers/until.ts";

const HANDLERS = [
  { subprotocol: "chat.v1", module: "examples/chat/chat.ts" },
  { subprotocol: "echo.v1", module: "examples/echo/echo.ts" },
];

/** A server whose private folder is in a folder of the test's own. */
class Tree implements AsyncDisposable {
  readonly #seen: number[] = [];

  private constructor(readonly server: TestServer, readonly runtime: string) {}

  static async start(): Promise<Tree> {
    const runtime = await Deno.makeTempDir({ prefix: "run-" });
    try {
      const server = await startServer({ env: { RUNTIME_DIRECTORY: runtime }, handlers: HANDLERS });
      return new Tree(server, runtime);
    } catch (error) {
      await Deno.remove(runtime, { recursive: true });
      throw error;
    }
  }

  /** Sockets and folders for them. */
  get left(): string[] {
    return [...Deno.readDirSync(this.runtime)].map(({ name }) => name);
  }

  async client(subprotocol: string, user = "ann"): Promise<RawClient> {
    const { server } = this;
    const client = await RawClient.connect({ port: server.port, caCerts: [server.caPem] });
    const { status } = await client.upgrade("/ws", {
      origin: server.origin,
      authorization: `Bearer ${server.token(user)}`,
      "sec-websocket-protocol": subprotocol,
    });
    assertEquals(status, 101);
    return client;
  }

  async pids(): Promise<number[]> {
    const pids = [await this.server.frontPid(), ...await this.server.cellPids()];
    this.#seen.push(...pids);
    return pids;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const stopped = this.server.stop();
    // What outlived its supervisor holds its output open.
    await until(async () => !await runs(this.server.pid), "the end of the supervisor");
    for (const pid of this.#seen) await kill(pid, "KILL");
    await stopped;
    await Deno.remove(this.runtime, { recursive: true });
  }
}

async function kill(pid: number, signal: string): Promise<void> {
  await new Deno.Command("kill", { args: [`-${signal}`, String(pid)] }).output();
}

async function gone(pids: readonly number[]): Promise<void> {
  for (const pid of pids) await until(async () => !await runs(pid), `the end of process ${pid}`);
}

const echo = async (client: RawClient, id = 1) =>
  (await call(client, "echo", { text: "still there" }, id)).error === undefined;

Deno.test("a supervisor that is killed takes front, cells and socket with it", async () => {
  await using tree = await Tree.start();
  const pids = await tree.pids();
  assertEquals(pids.length, 3);
  assertEquals(tree.left.length, 1);
  await kill(tree.server.pid, "KILL");
  await gone(pids);
  await until(() => tree.left.length === 0, () => `the end of ${tree.left}`);
});

Deno.test("a supervisor that is killed at any moment of its start leaves nothing", async () => {
  const runtime = await Deno.makeTempDir({ prefix: "run-" });
  try {
    const [file, ...args] = await program();
    await using tree = await Tree.start();
    const config = tree.server.configFile;
    const duration = await startDuration(file!, args, config);
    for (let moment = 1; moment <= 5; moment++) {
      const process = new Deno.Command(file!, {
        args: [...args, "serve", "--config", config],
        env: { DENO: Deno.execPath(), RUNTIME_DIRECTORY: runtime },
        stdin: "null",
        stdout: "null",
        stderr: "null",
      }).spawn();
      await new Promise((resolve) => setTimeout(resolve, duration * moment / 4 * (0.9 + 0.2 * Math.random())));
      process.kill("SIGKILL");
      await process.status;
      const marked = () =>
        new Deno.Command("sh", { args: ["-c", `grep -lsa "${runtime}" /proc/[0-9]*/environ /proc/[0-9]*/cmdline`] });
      // The shell and grep have the marker themselves, but are gone when they have answered.
      await until(async () => {
        const { stdout } = await marked().output();
        const pids = new Set([...new TextDecoder().decode(stdout).matchAll(/\d+/g)].map(([pid]) => Number(pid)));
        const living = await Promise.all([...pids].map(runs));
        return !living.includes(true);
      }, `the end of what a supervisor killed at moment ${moment} has started`);
      assertEquals([...Deno.readDirSync(runtime)], [], `moment ${moment}`);
    }
  } finally {
    await Deno.remove(runtime, { recursive: true });
  }
});

Deno.test("a front that is killed is started again, with other cells and no socket of the old one", async () => {
  await using tree = await Tree.start();
  const pids = await tree.pids();
  const seen = tree.server.log.length;
  await kill(pids[0]!, "KILL");
  const line = await tree.server.logged("front.restarted");
  assertStringIncludes(String(line["detail"]), "SIGKILL");
  await tree.server.logged("listening", (line) => tree.server.log.indexOf(line) >= seen);
  await gone(pids);
  const fresh = await tree.pids();
  assertEquals(fresh.filter((pid) => pids.includes(pid)), []);
  const folder = `${tree.runtime}/${tree.left[0]}`;
  assertEquals([...Deno.readDirSync(folder)].length, 1, "one socket");
  // The old front's port is another's now.
  tree.server.log.splice(0, seen);
  using client = await tree.client("echo.v1");
  assert(await echo(client));
});

Deno.test("a cell that is killed under load is replaced, and sessions of other modules notice nothing", async () => {
  await using tree = await Tree.start();
  using other = await tree.client("chat.v1", "bob");
  using client = await tree.client("echo.v1");
  assert(await echo(client));
  assertEquals((await call(other, "topic.subscribe", { topic: "room:other" })).error, undefined);
  const frontPid = await tree.server.frontPid();
  for (const signal of ["KILL", "ABRT", "KILL"]) {
    const victim = await cellOf(tree.server, "echo.v1");
    await kill(victim, signal);
    let id = 100;
    await until(async () => {
      const { error } = await call(client, "echo", { text: "again" }, ++id);
      if (error !== undefined) assertEquals(error.code, -32004);
      return error === undefined;
    }, "an answer of the next cell");
    assertEquals((await call(other, "session.whoami", {}, id)).error, undefined);
    assertEquals((await call(other, "chat.send", { room: "lobby", text: "x" }, id)).error, undefined);
    await gone([victim]);
  }
  assertEquals(await tree.server.frontPid(), frontPid);
});

Deno.test("a cell that is stopped is killed and replaced", async () => {
  await using tree = await Tree.start();
  using client = await tree.client("echo.v1");
  assert(await echo(client));
  const victim = await cellOf(tree.server, "echo.v1");
  await kill(victim, "STOP");
  await gone([victim]);
  await until(async () => await echo(client, 2), "an answer of the next cell");
});

Deno.test("a front that is stopped is killed and started again", async () => {
  await using tree = await Tree.start();
  const pids = await tree.pids();
  const seen = tree.server.log.length;
  await kill(pids[0]!, "STOP");
  await tree.server.logged("listening", (line) => tree.server.log.indexOf(line) >= seen, 60_000);
  await gone(pids);
});

Deno.test("SIGTERM ends all with 0, a second signal at once with 130, and neither leaves anything", async () => {
  for (const [signals, status] of [[1, 0], [2, 130]] as const) {
    await using tree = await Tree.start();
    using client = await tree.client("echo.v1");
    assert(await echo(client));
    const pids = await tree.pids();
    tree.server.signal("SIGTERM");
    if (signals === 2) {
      await tree.server.logged("drain.started");
      await new Promise((resolve) => setTimeout(resolve, 150)); // a signal sooner is the same wish
      tree.server.signal("SIGTERM");
    }
    assertEquals((await tree.server.exited()).code, status);
    await gone(pids);
    assertEquals(tree.left, []);
  }
});

Deno.test("a signal to every process of the group, as of a terminal, drains and ends with 0", async () => {
  await using tree = await Tree.start();
  const [file, ...args] = await program();
  for (const signal of ["INT", "TERM"]) {
    // The first is the leader of a group of its own.
    const leader = new Deno.Command("setsid", {
      args: ["--wait", file!, ...args, "serve", "--config", tree.server.configFile],
      env: { DENO: Deno.execPath(), RUNTIME_DIRECTORY: tree.runtime },
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    let log = "";
    const reader = leader.stdout.pipeThrough(new TextDecoderStream()).getReader();
    while (!log.includes('"listening"')) log += (await reader.read()).value ?? "";
    const group = await pidOf(leader.pid);
    await new Deno.Command("kill", { args: [`-${signal}`, "--", `-${group}`] }).output();
    for (let part = await reader.read(); !part.done; part = await reader.read()) log += part.value;
    assertEquals((await leader.status).code, 0, signal);
    assertStringIncludes(log, '"drain.finished"', signal);
    assert(!log.includes("restarted"), log);
  }
});

Deno.test("cells run at a lower priority than the front, in its session", async () => {
  await using tree = await Tree.start();
  const figures = async (pid: number) => {
    const { stdout } = await new Deno.Command("ps", { args: ["-o", "sess=,ni=", "-p", String(pid)] }).output();
    return new TextDecoder().decode(stdout).trim().split(/\s+/).map(Number);
  };
  const [frontSession, frontNice] = await figures(await tree.server.frontPid());
  for (const pid of await tree.server.cellPids()) {
    // Otherwise Linux compares sessions, and not processes (autogroup in sched(7)).
    assertEquals(await figures(pid), [frontSession, Math.min(19, frontNice! + 10)]);
  }
});

Deno.test("a port that is taken ends serve with 1, once", async () => {
  using taken = Deno.listen({ hostname: "localhost", port: 0 });
  const message = await startServer({ config: { server: { port: taken.addr.port } } }).then(
    (server) => server.stop().then(() => ""),
    (error) => String(error),
  );
  assertStringIncludes(message, "ended with 1");
  assertEquals(message.split("start.failed").length - 1, 1, message);
});

Deno.test("front and cell refuse to start by hand", async () => {
  const [file, ...args] = await program();
  for (const role of ["front", "cell"]) {
    const { code, stderr } = await new Deno.Command(file!, { args: [...args, role], stdin: "null" }).output();
    assert(code !== 0, role);
    assertStringIncludes(new TextDecoder().decode(stderr), "supervisor");
  }
});

/** The process that `setsid` has started. */
async function pidOf(parent: number): Promise<number> {
  const { stdout } = await new Deno.Command("ps", { args: ["-o", "pid=", "--ppid", String(parent)] }).output();
  const pid = Number(new TextDecoder().decode(stdout).trim());
  // Where it need not fork, it is the program itself.
  return pid > 0 && await leads(pid) ? pid : parent;
}

async function leads(pid: number): Promise<boolean> {
  const { stdout } = await new Deno.Command("ps", { args: ["-o", "sess=", "-p", String(pid)] }).output();
  return Number(new TextDecoder().decode(stdout)) === pid;
}

/** The process of the only cell of a module, by the folder of its module that it may read and by the order of the configuration. */
async function cellOf(server: TestServer, subprotocol: string): Promise<number> {
  const example = { "echo.v1": "examples/echo", "chat.v1": "examples/chat" }[subprotocol]!;
  let found: number | undefined;
  await until(async () => {
    for (const pid of await server.cellPids()) {
      const { stdout } = await new Deno.Command("ps", { args: ["-o", "args=", "-p", String(pid)] }).output();
      if (new TextDecoder().decode(stdout).includes(example)) found = pid;
    }
    return found !== undefined;
  }, `a cell of ${subprotocol}`);
  return found!;
}

/** Milliseconds from the start of a server to its `listening`. */
async function startDuration(file: string, args: readonly string[], config: string): Promise<number> {
  const began = performance.now();
  const child = new Deno.Command(file, { args: [...args, "serve", "--config", config], stdin: "null", stdout: "piped" })
    .spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  const duration = performance.now() - began;
  child.kill("SIGTERM");
  while (!(await reader.read()).done);
  assertEquals((await child.status).code, 0);
  return duration;
}

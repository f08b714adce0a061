/** Several fronts on one port: what happens to one of them does not concern the sessions of the others. */
import { assert, assertEquals } from "../assert.ts";
import { call } from "../helpers/client.ts";
import type { RawClient } from "../helpers/raw_client.ts";
import { until } from "../helpers/until.ts";
import { runs } from "../helpers/processes.ts";
import { Fronts } from "../helpers/fronts.ts";

const echo = async (client: RawClient, id = 1) =>
  (await call(client, "echo", { text: "still there" }, id)).error === undefined;

async function gone(pids: readonly number[]): Promise<void> {
  for (const pid of pids) await until(async () => !await runs(pid), `the end of process ${pid}`);
}

const left = ({ runtime }: Fronts) => [...Deno.readDirSync(runtime)].map(({ name }) => name);

Deno.test("connections are spread over the fronts, and each front has cells of its own", async () => {
  await using fronts = await Fronts.start();
  const [first, second] = await fronts.connectEach();
  using _first = first!;
  using _second = second!;
  assert(await echo(first!.client) && await echo(second!.client));
  const cells = [await fronts.cellPids(0), await fronts.cellPids(1)];
  assertEquals(cells.map((pids) => pids.length), [1, 1]);
});

Deno.test("a front that is killed is started again, and the sessions of the other notice nothing", async () => {
  await using fronts = await Fronts.start();
  const [first, second] = await fronts.connectEach();
  using _first = first!;
  using _second = second!;
  const [stays, dies] = [await fronts.frontPid(0), await fronts.frontPid(1)];
  const cells = [await fronts.cellPids(0), await fronts.cellPids(1)];
  Deno.kill(dies, "SIGKILL");
  const line = await fronts.server.logged("front.restarted");
  assertEquals(line["front"], 1);
  assert(await echo(first!.client));
  await second!.client.closed(20_000);
  await fronts.listening(1, 2);
  await gone([dies, ...cells[1]!]);
  assertEquals([await fronts.frontPid(0), await fronts.cellPids(0)], [stays, cells[0]]);
  assert(await echo(first!.client, 2));
  const again = await fronts.connectEach();
  for (const { client, [Symbol.dispose]: dispose } of again) {
    assert(await echo(client));
    dispose();
  }
});

Deno.test("the front with the operators' address is started again, and has it again", async () => {
  await using fronts = await Fronts.start();
  const [first, second] = await fronts.connectEach();
  first![Symbol.dispose]();
  using _second = second!;
  Deno.kill(await fronts.frontPid(0), "SIGKILL");
  await fronts.listening(0, 2);
  assert(await echo(second!.client));
  const { body } = await fronts.ask("GET", "/connections");
  assertEquals((body["connections"] as { user: string }[]).map(({ user }) => user), [second!.user]);
});

Deno.test("a front that is stopped is killed and started again, and the other continues to serve", async () => {
  await using fronts = await Fronts.start();
  const [first, second] = await fronts.connectEach();
  using _first = first!;
  using _second = second!;
  const stopped = await fronts.frontPid(1);
  Deno.kill(stopped, "SIGSTOP");
  for (let id = 1; await runs(stopped); id++) {
    assert(await echo(first!.client, id));
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await fronts.listening(1, 2);
  assert(await echo(first!.client, 0));
});

Deno.test("a supervisor that is killed takes all fronts, cells and sockets with it", async () => {
  await using fronts = await Fronts.start({ fronts: 3 });
  const pids = await fronts.pids();
  assertEquals([pids.length, left(fronts).length], [6, 1]);
  Deno.kill(fronts.server.pid, "SIGKILL");
  await gone(pids);
  await until(() => left(fronts).length === 0, () => `the end of ${left(fronts)}`);
});

Deno.test("SIGTERM drains every front and ends with 0", async () => {
  await using fronts = await Fronts.start();
  const clients = await fronts.connectEach();
  const pids = await fronts.pids();
  fronts.server.signal("SIGTERM");
  for (const { client } of clients) {
    const told = JSON.parse(await client.nextText());
    assertEquals(told.method, "session.reconnect");
    const { opcode, payload } = await client.nextFrame(20_000);
    assertEquals([opcode, new DataView(payload.buffer, payload.byteOffset).getUint16(0)], [8, 1001]);
    client.close();
  }
  assertEquals((await fronts.server.exited()).code, 0);
  await gone(pids);
  assertEquals(left(fronts), []);
  const drained = fronts.server.log.filter(({ event }) => event === "drain.finished").map((line) => line["front"]);
  assertEquals(drained.sort(), [0, 1]);
});

Deno.test("SIGHUP reloads every front", async () => {
  await using fronts = await Fronts.start();
  const file = `${fronts.dir}/sallyport.toml`;
  const text = await Deno.readTextFile(file);
  await Deno.writeTextFile(file, text.replace('level = "debug"', 'level = "info"'));
  fronts.server.signal("SIGHUP");
  for (const front of [0, 1]) {
    const { changed } = await fronts.server.logged("config.reloaded", (line) => line["front"] === front);
    assertEquals(changed, ["log.level"]);
  }
});

Deno.test("a front that is started again has the configuration of the others, and not that of a changed file", async () => {
  await using fronts = await Fronts.start();
  const file = `${fronts.dir}/sallyport.toml`;
  const text = await Deno.readTextFile(file);
  await Deno.writeTextFile(file, text.replace("[server]", '[server]\npath = "/other"'));
  Deno.kill(await fronts.frontPid(1), "SIGKILL");
  const { problems } = await fronts.server.logged("config.rejected");
  assertEquals(problems, ["server.path: needs a restart"]);
  assertEquals((await fronts.listening(1, 2))["url"], (await fronts.listening(0))["url"]);
  for (const { client, [Symbol.dispose]: dispose } of await fronts.connectEach()) {
    assert(await echo(client));
    dispose();
  }
});

Deno.test("each line of the log says which front it is of", async () => {
  await using fronts = await Fronts.start();
  (await fronts.connect())[Symbol.dispose]();
  await fronts.server.logged("connection.closed");
  assertEquals(fronts.server.log.filter((line) => ![0, 1].includes(line["front"] as number)), []);
});

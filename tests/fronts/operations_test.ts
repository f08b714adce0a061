/** The operators of several fronts have one address, and reach every front by it. */
import { DatabaseSync } from "node:sqlite";
import { assertEquals } from "../assert.ts";
import { call, nextAnswer } from "../helpers/client.ts";
import { until } from "../helpers/until.ts";
import { parseScrape, value } from "../helpers/prometheus.ts";
import { Fronts, type Placed } from "../helpers/fronts.ts";

const CHAT = { handlers: [{ subprotocol: "chat.v1", module: "examples/chat/chat.ts" }] };

interface Listed {
  readonly id: string;
  readonly user: string;
}

async function connectionsOf(fronts: Fronts): Promise<Listed[]> {
  return (await fronts.ask("GET", "/connections")).body["connections"] as Listed[];
}

/** The code of the close frame that comes next. */
async function closeCode({ client }: Placed): Promise<number> {
  const { opcode, payload } = await client.nextFrame(20_000);
  assertEquals(opcode, 8);
  return new DataView(payload.buffer, payload.byteOffset).getUint16(0);
}

Deno.test("connections of every front are listed, kicked, and reached by a publication", async () => {
  await using fronts = await Fronts.start(CHAT);
  const [first, second] = await fronts.connectEach("chat.v1");
  using _first = first!;
  using _second = second!;
  for (const { client } of [first!, second!]) {
    assertEquals((await call(client, "topic.subscribe", { topic: "room:lobby" })).error, undefined);
  }
  const publication = { topic: "room:lobby", event: "message", data: { from: "ops", text: "hello" } };
  assertEquals((await fronts.ask("POST", "/publish", publication)).body, { delivered: 2 });
  for (const { client } of [first!, second!]) assertEquals((await nextAnswer(client)).method, "topic.event");
  // Connections that were closed to get one on each front may still be listed.
  const users = [first!.user, second!.user];
  const listed = (await connectionsOf(fronts)).filter(({ user }) => users.includes(user));
  assertEquals(new Set(listed.map(({ user }) => user)), new Set(users));
  const { id } = listed.find(({ user }) => user === second!.user)!;
  assertEquals(await fronts.ask("DELETE", `/connections/${id}`), { status: 200, body: { kicked: id } });
  assertEquals(await closeCode(second!), 1008);
  assertEquals((await call(first!.client, "session.whoami")).error, undefined);
});

Deno.test("a revocation closes the sessions of every front, and is in the store of each", async () => {
  const store = { kind: "sqlite", path: "state.db" };
  await using fronts = await Fronts.start({ config: { store } });
  const [first, second] = await fronts.connectEach();
  using _first = first!;
  using _second = second!;
  const now = Math.floor(Date.now() / 1000) + 1;
  const { status, body } = await fronts.ask("POST", "/revocations", { before: now });
  assertEquals([status, Number(body["closed"]) >= 2], [200, true], JSON.stringify(body));
  assertEquals([await closeCode(first!), await closeCode(second!)], [4401, 4401]);
  const files = [...Deno.readDirSync(fronts.dir)].map(({ name }) => name).filter((name) => name.endsWith(".db")).sort();
  assertEquals(files, ["state-1.db", "state.db"]);
  for (const file of files) {
    using db = new DatabaseSync(`${fronts.dir}/${file}`, { readOnly: true });
    assertEquals(db.prepare("SELECT count(*) AS n FROM record WHERE space = 'revocation'").get()?.["n"], 1, file);
  }
  Deno.kill(await fronts.frontPid(1), "SIGKILL");
  await fronts.listening(1, 2);
  const kept = (await fronts.ask("GET", "/revocations")).body["revocations"] as { key: string }[];
  assertEquals([kept.length, kept[0]!.key.startsWith("before:")], [1, true]);
  assertEquals((await fronts.ask("DELETE", "/revocations")).body, { lifted: 1 });
  assertEquals((await fronts.ask("GET", "/revocations")).body["revocations"], []);
});

Deno.test("a ban of any front is listed and lifted", async () => {
  const connection = { rate: 0.01, burst: 3, bytes_rate: "1KiB", bytes_burst: "64KiB" };
  const handshake = { rate: 10_000, burst: 10_000 };
  const limits = { handshake, handshake_user: handshake, connection, max_violations: 3, adaptive: false };
  await using fronts = await Fronts.start({ config: { limits } });
  const [first, second] = await fronts.connectEach();
  first![Symbol.dispose]();
  using _second = second!;
  for (let id = 0; id < 6; id++) {
    await second!.client.text(JSON.stringify({ jsonrpc: "2.0", id, method: "session.whoami" }));
  }
  const keys = async () => ((await fronts.ask("GET", "/bans")).body["bans"] as { key: string }[]).map(({ key }) => key);
  const key = `user:${second!.user}`;
  await until(async () => (await keys()).includes(key), `a ban of ${key}`);
  assertEquals((await fronts.ask("DELETE", `/bans/${key}`)).body, { lifted: 1 });
  assertEquals(await keys(), []);
});

Deno.test("readiness and metrics are those of every front, and say which one is silent", async () => {
  await using fronts = await Fronts.start();
  const readyz = async () => {
    const response = await fetch(`${fronts.opsUrl}/readyz`);
    const { conditions } = await response.json();
    return [response.status, conditions.fronts];
  };
  const up = async () => {
    const { samples } = parseScrape(await fronts.metrics());
    return [0, 1].map((front) => value(samples, "sallyport_front_up", { front: String(front) }));
  };
  await until(async () => (await readyz())[0] === 200, "readiness");
  assertEquals(await up(), [1, 1]);
  Deno.kill(await fronts.frontPid(1), "SIGSTOP");
  assertEquals([await readyz(), await up()], [[503, false], [1, 0]]);
  const { body } = await fronts.ask("GET", "/connections");
  assertEquals([body["complete"], body["missing"]], [false, ["front:1"]]);
  await fronts.listening(1, 2);
  await until(async () => (await readyz())[0] === 200, "readiness");
});

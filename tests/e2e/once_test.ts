/** One request, one run, through real sockets: what waits is answered once, and takes its tokens once. */
import { assertEquals } from "../assert.ts";
import { startServer, type TestServer } from "../helpers/test_server.ts";
import type { RawClient } from "../helpers/raw_client.ts";
import { concat, frame } from "../helpers/client_frames.ts";
import { type Answer, call, join, nextAnswer } from "../helpers/client.ts";

const HANDLERS = [
  { subprotocol: "trials.v1", module: "tests/e2e/modules/trials.ts", cells: 1, timeout: "20s" },
  { subprotocol: "mortal.v1", module: "tests/e2e/modules/mortal.ts", cells: 1, timeout: "1s" },
  { subprotocol: "slow.raw.v1", module: "tests/e2e/modules/slow_raw.ts", cells: 1 },
];
const WIDE = { bytes_rate: "1MiB", bytes_burst: "1MiB" };

interface Rates {
  readonly rate: number;
  readonly burst: number;
}

function start(rates: Rates, on_exceed: string, max_in_flight = 64): Promise<TestServer> {
  return startServer({
    handlers: HANDLERS,
    config: {
      limits: {
        handshake: { rate: 1e4, burst: 1e4 },
        connection: { ...WIDE, ...rates },
        on_exceed,
        adaptive: false,
      },
      messages: { max_in_flight },
    },
  });
}

const trial = (server: TestServer) => join(server, { subprotocol: "trials.v1" });
const request = (method: string, id: unknown, params: unknown = {}) => ({ jsonrpc: "2.0", id, method, params });

/** So many answers, behind which nothing comes but the answer to a further request. */
async function exactly(client: RawClient, count: number): Promise<Answer[]> {
  const answers: Answer[] = [];
  while (answers.length < count) {
    answers.push(...[JSON.parse(await client.nextText(30_000)) as Answer | Answer[]].flat());
  }
  assertEquals((await call(client, "session.whoami", {}, "last")).id, "last");
  return answers;
}

// What takes longer than ten seconds to come back is refused with "delay" too.
for (const on_exceed of ["reject", "delay"]) {
  Deno.test(`edge, ${on_exceed}: a request that waits behind 64 slow calls is answered once, and takes one token`, async () => {
    // One token comes back in 100 seconds: those that are left at the end show what was taken.
    await using server = await start({ rate: 0.01, burst: 70 }, on_exceed);
    using client = await trial(server);
    const slow = Array.from({ length: 64 }, (_, id) => request("trial.slow", id, { ms: 500 }));
    for (const one of [...slow, request("session.whoami", "who")]) await client.text(JSON.stringify(one));
    const answers = await exactly(client, 65);
    assertEquals(new Set(answers.map(({ id }) => id)).size, 65);
    assertEquals(answers.filter(({ error }) => error !== undefined), []);
    const codes: unknown[] = [];
    for (let id = 0; id < 5; id++) codes.push((await call(client, "session.whoami", {}, id)).error?.code);
    assertEquals(codes, [undefined, undefined, undefined, undefined, -32001]);
  });
}

/** `session.whoami` is answered by the server itself, at once, the others by a cell. */
const BATCH = [
  request("session.whoami", "who"),
  ...Array.from({ length: 10 }, (_, id) => request("trial.echo", id, { text: `${id}` })),
];

for (const [room, on_exceed] of [[1, "reject"], [2, "reject"], [64, "reject"], [1, "delay"]] as const) {
  Deno.test(`edge, ${on_exceed}: a batch of whoami and ten echoes with room for ${room} is answered once`, async () => {
    await using server = await start({ rate: 0.01, burst: 14 }, on_exceed, room);
    using client = await trial(server);
    await client.text(JSON.stringify(request("trial.slow", "slow", { ms: 300 })));
    await client.text(JSON.stringify(BATCH));
    const answers = await exactly(client, 12);
    assertEquals(
      answers.map(({ id }) => String(id)).sort(),
      ["slow", ...BATCH.map(({ id }) => `${id}`)].sort(),
    );
    assertEquals(answers.filter(({ error }) => error !== undefined), []);
    assertEquals((await call(client, "session.whoami")).error, undefined);
    assertEquals((await call(client, "session.whoami")).error?.code, -32001);
  });
}

Deno.test("edge: a batch of whoami and ten echoes is answered once after the delay for its tokens", async () => {
  await using server = await start({ rate: 20, burst: 2 }, "delay");
  using client = await trial(server);
  const started = performance.now();
  await client.text(JSON.stringify(BATCH));
  await client.text(JSON.stringify([...BATCH].reverse()));
  const answers = await exactly(client, 2 * BATCH.length);
  assertEquals(new Set(answers.map(({ id }) => id)).size, BATCH.length);
  assertEquals(answers.filter(({ error }) => error !== undefined), []);
  // Two batches and the last request are 23 tokens, two of them there at once; timers may be early by a millisecond.
  const least = 21 / 20 * 1000 - 30;
  const took = performance.now() - started;
  assertEquals(took >= least, true, `${took} ms`);
});

Deno.test("edge: raw frames that wait for their tokens and for room run once, in order", async () => {
  await using server = await start({ rate: 20, burst: 2 }, "delay", 2);
  using client = await join(server, { subprotocol: "slow.raw.v1" });
  const frames = [..."abcdefgh"];
  for (const frame of frames) await client.text(frame);
  const answers: string[] = [];
  for (let index = 0; index < frames.length; index++) answers.push(await client.nextText(30_000));
  assertEquals(answers.map((answer) => answer[0]), frames);
  await client.text("z");
  assertEquals((await client.nextText(30_000))[0], "z");
});

Deno.test("edge: a batch that waits for its tokens when a drain begins is answered before 1001", async () => {
  await using server = await start({ rate: 2, burst: 1 }, "delay");
  using client = await trial(server);
  // In one write, so that the batch has been read when the first answer is there.
  const messages = [request("trial.echo", "first", { text: "x" }), BATCH.slice(0, 3)];
  await client.send(concat(...messages.map((message) => frame({ opcode: 1, payload: JSON.stringify(message) }))));
  assertEquals((await nextAnswer(client)).id, "first");
  server.signal("SIGTERM");
  const answers: Answer[] = [];
  while (answers.length < 4) answers.push(...[JSON.parse(await client.nextText(30_000)) as Answer | Answer[]].flat());
  assertEquals(answers.map(({ id, method }) => method ?? id), ["session.reconnect", "who", 0, 1]);
  assertEquals(await client.nextClose(), { code: 1001, reason: "draining" });
});

Deno.test("edge: calls that wait while a cell is lost are answered once, and so are calls until the next one is up", async () => {
  await using server = await start({ rate: 0.01, burst: 40 }, "reject", 2);
  using client = await join(server, { subprotocol: "mortal.v1" });
  const methods = ["mortal.die", "session.whoami", "mortal.live", "mortal.live", "session.whoami", "mortal.live"];
  const messages = [
    ...methods.map((method, id) => request(method, id)),
    BATCH.map((one, id) => request("mortal.live", `b${id}`, one.params)),
  ];
  for (const message of messages) await client.text(JSON.stringify(message));
  const answers = await exactly(client, methods.length + BATCH.length);
  const ids = answers.map(({ id }) => id);
  assertEquals(new Set(ids).size, ids.length);
  for (const { id, result, error } of answers) {
    const method = typeof id === "number" ? methods[id] : "mortal.live";
    if (method === "session.whoami") assertEquals(error, undefined, `${id}`);
    else assertEquals(result === "alive" || [-32004, -32005].includes(error?.code ?? 0), true, `${id}: ${error?.code}`);
  }
  // Six requests, a batch of eleven, and the one that exactly() sent.
  const taken = methods.length + BATCH.length + 1;
  const codes: unknown[] = [];
  for (let id = taken; id <= 40; id++) codes.push((await call(client, "session.whoami", {}, id)).error?.code);
  assertEquals(codes, [...new Array(40 - taken).fill(undefined), -32001]);
});

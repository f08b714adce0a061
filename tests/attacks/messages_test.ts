/** Attacks by whole messages: floods of every kind of nonsense, subscriptions without end, one client against the rest. */
import { delay } from "@std/async/delay";
import { assert, assertEquals, assertGreaterOrEqual, assertLess } from "../assert.ts";
import { type Answer, call, join, nextAnswer } from "../helpers/client.ts";
import { type RawClient, RawClientError } from "../helpers/raw_client.ts";
import { concat, frame } from "../helpers/client_frames.ts";
import { MIB, pour, Target, times } from "./target.ts";

const CLIENTS = 2;
const FAR_TOO_MUCH = 256 * MIB;
/** The heaps of the three cells, which parse what comes through. */
const CELLS_MEMORY = 3 * 64 * MIB;

const request = (method: string, params: unknown, id: unknown = 1) =>
  JSON.stringify({ jsonrpc: "2.0", id, method, params });

interface Flood {
  readonly name: string;
  readonly message: string;
  /** How it ends; null where either the cell that counts invalid ones or the limiter may be first. */
  readonly reason: "invalid_messages" | "rate_limited" | null;
  /** Error codes it may be answered with until then; 0 is a result. */
  readonly answers: readonly number[];
}

const FLOODS: readonly Flood[] = [
  { name: "no JSON", message: "{", reason: "invalid_messages", answers: [-32700] },
  { name: "JSON that is no request", message: "[]", reason: "invalid_messages", answers: [-32600] },
  {
    name: "nesting of 30,000 levels",
    message: "[".repeat(30_000) + "]".repeat(30_000),
    reason: "invalid_messages",
    answers: [-32600],
  },
  {
    name: "nesting within params",
    message: request("echo", { text: "x", more: "DEEP" }).replace(
      '"DEEP"',
      '{"a":'.repeat(9_000) + "1" + "}".repeat(9_000),
    ),
    reason: "invalid_messages",
    answers: [-32600],
  },
  {
    name: "nesting that never closes",
    message: '{"jsonrpc":"2.0","id":1,"params":' + "[".repeat(60_000),
    reason: "invalid_messages",
    answers: [-32700],
  },
  {
    name: "batches of 10,000",
    message: `[${new Array(10_000).fill("{}")}]`,
    reason: "invalid_messages",
    answers: [-32600],
  },
  {
    name: "batches of 20 that are none",
    message: `[${new Array(20).fill("1")}]`,
    reason: "invalid_messages",
    answers: [-32600, -32001],
  },
  {
    name: "batches of 20 good requests",
    message: `[${new Array(20).fill(request("echo", { text: "x" }))}]`,
    reason: "rate_limited",
    answers: [0, -32001],
  },
  {
    name: "__proto__ in every place",
    message: '{"jsonrpc":"2.0","id":1,"method":"echo","__proto__":{"method":"admin"},' +
      '"params":{"text":"x","__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}}',
    reason: "rate_limited",
    answers: [0, -32001],
  },
  { name: "__proto__ as a method", message: request("__proto__", {}), reason: "invalid_messages", answers: [-32601] },
  {
    name: "constructor as a method",
    message: request("constructor", {}),
    reason: "invalid_messages",
    answers: [-32601],
  },
  {
    name: "unknown methods",
    message: request("x".repeat(60_000), {}),
    reason: "invalid_messages",
    answers: [-32601],
  },
  {
    name: "ids of 60 KiB",
    message: request("echo", { text: "x" }, "i".repeat(60_000)),
    reason: "rate_limited",
    answers: [0, -32001],
  },
  {
    name: "texts as long as they may be",
    message: request("echo", { text: "x".repeat(60_000) }),
    reason: "rate_limited",
    answers: [0, -32001],
  },
  {
    name: "texts too long for their schema",
    message: request("echo", { text: "x".repeat(65_000) }),
    reason: null,
    answers: [-32602, -32001],
  },
  {
    name: "one id again and again",
    message: request("echo", { text: "x" }, 7),
    reason: "rate_limited",
    answers: [0, -32001],
  },
  {
    name: "numbers beyond any",
    message: '{"jsonrpc":"2.0","id":1e999,"method":"echo"}',
    reason: "invalid_messages",
    answers: [-32600],
  },
  {
    name: "notifications",
    message: JSON.stringify({ jsonrpc: "2.0", method: "echo", params: { text: "x" } }),
    reason: "rate_limited",
    answers: [],
  },
];

/** Every answer until the close frame: how often each code came (0: a result), and the close. */
async function heard(client: RawClient): Promise<{ codes: Map<number, number>; code: number; reason: string }> {
  const codes = new Map<number, number>();
  for (;;) {
    const { opcode, payload } = await client.nextFrame(30_000);
    const text = new TextDecoder().decode(opcode === 8 ? payload.subarray(2) : payload);
    if (opcode === 8) return { codes, code: (payload[0]! << 8) | payload[1]!, reason: text };
    for (const answer of [JSON.parse(text) as Answer | Answer[]].flat()) {
      const code = answer.error?.code ?? 0;
      codes.set(code, (codes.get(code) ?? 0) + 1);
    }
  }
}

Deno.test("engine.io CVE-2020-36048, socket.io-parser CVE-2020-36049: message floods of every kind at once end as defined", async (t) => {
  // Those of the address are lifted: all attackers share it, and each kind is to meet its own end.
  await using target = await Target.start({
    config: {
      server: { max_connections_per_ip: 1000, send_queue: "8MiB" },
      limits: { handshake: { rate: 1e6, burst: 1e6 }, ip: { rate: 1e6, burst: 1e6 }, adaptive: false },
    },
  });
  const outcomes = new Map<string, Awaited<ReturnType<typeof heard>>[]>();
  const attack = () =>
    times(FLOODS.length * CLIENTS, async (index) => {
      const { name, message } = FLOODS[index % FLOODS.length]!;
      const one = frame({ opcode: 1, payload: message });
      const flood = concat(...new Array<Uint8Array>(Math.max(1, Math.floor(65_536 / one.length))).fill(one));
      using client = await join(target.server, { user: `flooder-${index}` });
      const hearing = heard(client);
      let over = false;
      hearing.finally(() => over = true).catch(() => {});
      const sent = await pour(client, flood, FAR_TOO_MUCH, () => over);
      assertLess(sent, FAR_TOO_MUCH, name);
      outcomes.set(name, [...outcomes.get(name) ?? [], await hearing]);
    });
  await target.survives(FLOODS.length * CLIENTS, attack, CELLS_MEMORY);
  for (const { name, reason, answers } of FLOODS) {
    await t.step(`${name}: 1008 ${reason ?? "of either kind"}`, () => {
      for (const outcome of outcomes.get(name)!) {
        assertEquals([outcome.code, outcome.reason], [1008, reason ?? outcome.reason]);
        for (const code of outcome.codes.keys()) assert(answers.includes(code), `answered ${code}`);
      }
    });
  }
  assertGreaterOrEqual(
    await target.metric("sallyport_messages_total", { direction: "in", result: "parse_error" }),
    CLIENTS * 5,
  );
  await target.server.logged("ban.added", ({ key }) => String(key).startsWith("user:flooder-"));
  for (const { event } of target.server.log) assert(!event.startsWith("handler.restarted"), "a cell fell");
});

Deno.test("one client with 5,000 messages in one write leaves 20 others their turns", async () => {
  const unlimited = { rate: 1e6, burst: 1e6 };
  await using target = await Target.start({
    config: {
      server: { send_queue: "8MiB" },
      limits: {
        handshake: unlimited,
        ip: unlimited,
        user: unlimited,
        connection: { ...unlimited, bytes_rate: "64MiB", bytes_burst: "64MiB" },
        adaptive: false,
      },
    },
  });
  const FLOOD = 5_000;
  const honest = await times(20, (index) => join(target.server, { user: `honest-${index}` }));
  using flooder = await join(target.server, { user: "flooder" });
  for (const client of honest) await call(client, "echo", { text: "warm" });
  const answered = honest.map(() => 0);
  let answers = 0;
  let over = false;
  await target.survives(21, async () => {
    const flood = Array.from(
      { length: FLOOD },
      (_, id) => frame({ opcode: 1, payload: request("echo", { text: "x" }, id) }),
    );
    const pinging = honest.map(async (client, index) => {
      while (!over) {
        assertEquals((await call(client, "echo", { text: "honest" })).result, { text: "honest" });
        if (!over) answered[index]!++;
      }
    });
    await flooder.send(concat(...flood));
    for (; answers < FLOOD; answers++) assertEquals((await nextAnswer(flooder)).id, answers);
    over = true;
    await Promise.all(pinging);
  });
  // 5,000 messages are 40 turns of 128: if each honest client had its message in each of them, it would be 40 as well.
  assertGreaterOrEqual(Math.min(...answered), 5, `answers until then: ${answered}`);
  for (const client of honest) client.close();
});

Deno.test("uWebSockets CVE-2020-36406: endless subscriptions are bounded for each connection, with any handler", async () => {
  const unlimited = { rate: 1e6, burst: 1e6 };
  await using target = await Target.start({
    handlers: [
      { subprotocol: "follow.v1", module: "tests/attacks/modules/follower.ts", cells: 1, timeout: "10s" },
      { subprotocol: "echo.v1", module: "examples/echo/echo.ts", cells: 1 },
      { subprotocol: "chat.v1", module: "examples/chat/chat.ts", cells: 1 },
    ],
    config: {
      limits: { handshake: unlimited, ip: unlimited, user: unlimited, connection: unlimited, adaptive: false },
    },
  });
  const clients = 5;
  const chunk = 2_000;
  await target.survives(clients, () =>
    times(clients, async (index) => {
      using client = await join(target.server, { subprotocol: "follow.v1", user: `follower-${index}` });
      // An answer waits until the module's share of the front is paid back.
      const ask = async (method: string, params: unknown): Promise<Answer> => {
        await client.text(JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }));
        return JSON.parse(await client.nextText(60_000));
      };
      const follow = (from: number) => ask("follow.numbered", { prefix: `${index}-`, from, count: chunk });
      assertEquals((await follow(0)).result, chunk);
      // What goes beyond the allowance of the module, which all of them share, fails.
      for (let from = chunk; from < 100_000; from += chunk) await follow(from);
      const told = async (topic: string) => {
        for (;;) {
          const answer = await ask("follow.tell", { topic: `${index}-${topic}` });
          if (answer.error === undefined) return answer;
          await delay(50);
        }
      };
      // The first ones are kept, the last ones were never taken.
      assertEquals((await told(`9${"x".repeat(400)}`)).method, "told");
      await nextAnswer(client);
      assertEquals(await told(`99999${"x".repeat(400)}`), { jsonrpc: "2.0", id: 1, result: true } as Answer);
      await client.nextText(200).then(
        () => assert(false, "a topic beyond the limit was subscribed"),
        (error) => assert(error instanceof RawClientError && error.kind === "deadline"),
      );
    }), CELLS_MEMORY);
  await target.server.logged("topics.full");
});

/** `ctx`: what a module may hand over, and what becomes of it. */
import { assert, assertEquals, assertRejects, assertThrows } from "../../assert.ts";
import {
  CallError,
  type CallError as CallErrorType,
  type Context,
  type RawContext,
  testHandlers,
  z,
} from "../../../lib/mod.ts";
import { notificationText } from "../../../lib/sandbox/cell/notification.ts";
import { checkTopic } from "../../../lib/sandbox/cell/context.ts";

const params = z.object({});

/** The use of a context by one call: its events, and the error that it fails with. */
async function events(run: (ctx: Context) => unknown) {
  const module = testHandlers({ methods: { run: { params, handle: (_: unknown, ctx: Context) => run(ctx) } } });
  await module.call("run").catch((error) => assert(error instanceof CallError));
  return module.events;
}

async function sent(run: (ctx: RawContext) => unknown) {
  const module = testHandlers({ raw: { message: (_data, ctx) => void run(ctx) } });
  await module.message("go").catch((error) => assert(error instanceof CallError));
  return module.events;
}

const error = (found: Awaited<ReturnType<typeof events>>) => {
  assertEquals(found.map(({ type }) => type), ["failed"]);
  return found[0]!.type === "failed" ? found[0]!.error : "";
};

for (
  const [what, value, type] of [
    ["a toJSON that returns nothing", { toJSON: () => undefined }, "TypeError"],
    ["a toJSON that returns a function", { toJSON: () => () => {} }, "TypeError"],
    ["a toJSON that returns text", { toJSON: () => '{"a":1}' }, "TypeError"],
    ["a toJSON that returns null", { toJSON: () => null }, "TypeError"],
    ["a toJSON that throws", {
      toJSON() {
        throw new RangeError("mine");
      },
    }, "RangeError: mine"],
    ["a date", new Date(0), "TypeError"],
    ["a bigint inside", { a: 1n }, "TypeError"],
    ["text", "text", "TypeError"],
    ["null", null, "TypeError"],
    ["a function", () => {}, "TypeError"],
  ] as const
) {
  Deno.test(`notify() and publish() refuse ${what} as parameters, and nothing is sent`, async () => {
    assert(error(await events((ctx) => ctx.notify("x", value))).startsWith(type));
    assert(error(await events((ctx) => ctx.publish("t", "x", value))).startsWith(type));
  });
}

Deno.test("notify() writes what JSON makes of the parameters, once and whole", async () => {
  const found = await events((ctx) => {
    ctx.notify("a");
    ctx.notify("b", { toJSON: () => [1, Infinity, undefined] });
    ctx.notify('quote"', { a: undefined, b: "\u2028\ud800" });
  });
  assertEquals(found.map((event) => event.type === "notify" && [event.method, event.params]), [
    ["a", undefined],
    ["b", [1, null, null]],
    ['quote"', { b: "\u2028\ud800" }],
  ]);
});

Deno.test("methods of notifications and topics are text of 1 to 512 bytes", async () => {
  const inside = "€".repeat(170) + "ab";
  checkTopic(inside);
  for (const name of ["", inside + "c", 7, null] as never[]) assertThrows(() => checkTopic(name), TypeError);
  for (const name of ["", inside + "c", 7, null, { toString: () => "x" }] as never[]) {
    assert(error(await events((ctx) => ctx.notify(name))).startsWith("TypeError"));
    assert(error(await events((ctx) => ctx.subscribe(name))).startsWith("TypeError"));
    assert(error(await events((ctx) => ctx.publish(name, "x"))).startsWith("TypeError"));
  }
  const found = await events((ctx) => {
    ctx.notify(inside);
    ctx.subscribe(inside);
    ctx.unsubscribe(inside);
    ctx.publish(inside, inside);
  });
  assertEquals(found.map(({ type }) => type), ["notify", "subscribe", "unsubscribe", "publish"]);
});

Deno.test("the bound of a notification counts bytes: just inside, just outside, wide characters", () => {
  const overhead = '{"jsonrpc":"2.0","method":"m","params":{"a":""}}'.length;
  for (const [unit, bytes] of [["a", 1], ["é", 2], ["€", 3], ["😀", 4]] as const) {
    const most = overhead + 100 * bytes;
    const text = notificationText("m", { a: unit.repeat(100) }, most);
    assertEquals(new TextEncoder().encode(text).length, most);
    let thrown: unknown;
    try {
      notificationText("m", { a: unit.repeat(100) }, most - 1);
    } catch (error) {
      thrown = error;
    }
    assert(thrown instanceof RangeError, unit);
  }
});

Deno.test("send() takes real bytes and text, and copies them", async () => {
  const found = await sent((ctx) => {
    const bytes = Uint8Array.of(1, 2, 3);
    ctx.send(bytes);
    bytes.fill(9);
    ctx.send(new Uint8Array(Uint8Array.of(7, 8, 9).buffer, 1, 1));
    ctx.send("text");
    ctx.send(new Uint8Array(0));
  });
  assertEquals(found.map((event) => event.type === "send" && event.data), [
    Uint8Array.of(1, 2, 3),
    Uint8Array.of(8),
    "text",
    new Uint8Array(0),
  ]);
});

const forged: Record<string, () => unknown> = {
  "an object with the prototype of bytes": () => Object.setPrototypeOf({ length: 1, 0: 1 }, Uint8Array.prototype),
  "an object that says it is bytes": () => ({
    [Symbol.toStringTag]: "Uint8Array",
    length: 1,
    buffer: new ArrayBuffer(1),
  }),
  "a proxy of bytes": () => new Proxy(new Uint8Array(4), {}),
  "a forged host object": () => ({ [Symbol.for("Deno.core.hostObject")]: () => ({ type: "x" }) }),
  "other views": () => new Uint16Array(2),
  "clamped bytes": () => new Uint8ClampedArray(2),
  "a view of data": () => new DataView(new ArrayBuffer(2)),
  "a buffer": () => new ArrayBuffer(2),
  "a text object": () => new String("x"),
  "nothing": () => undefined,
};
for (const [what, make] of Object.entries(forged)) {
  Deno.test(`send() refuses ${what}`, async () => {
    assert(error(await sent((ctx) => ctx.send(make() as never))).startsWith("TypeError"));
  });
}

Deno.test("send() counts and copies the real bytes, not the lengths they claim", async () => {
  const lie = (bytes: Uint8Array, claimed: number) => {
    for (const name of ["length", "byteLength", "byteOffset"]) {
      Object.defineProperty(bytes, name, { get: () => claimed });
    }
    Object.defineProperty(bytes, "subarray", { value: () => new Uint8Array(1 << 22) });
    Object.defineProperty(bytes, Symbol.iterator, { value: () => [1, 2, 3][Symbol.iterator]() });
    return bytes;
  };
  const found = await sent((ctx) => {
    ctx.send(lie(Uint8Array.of(1, 2), 1e9));
    ctx.send(lie(Uint8Array.of(3), 0));
  });
  assertEquals(found.map((event) => event.type === "send" && event.data), [Uint8Array.of(1, 2), Uint8Array.of(3)]);
  assert(error(await sent((ctx) => ctx.send(lie(new Uint8Array((1 << 20) + 1), 1)))).startsWith("RangeError"));
});

Deno.test("send() and results have the same bound in bytes: just inside, just outside", async () => {
  const most = 1 << 20;
  for (const text of ["a".repeat(most), "€".repeat(most / 3) + "a"]) {
    const found = await sent((ctx) => ctx.send(text));
    assert(found[0]?.type === "send" && found[0].data === text, found[0]?.type);
    assert(error(await sent((ctx) => ctx.send(text + "a"))).startsWith("RangeError"));
  }
  const results = testHandlers({
    methods: { run: { params: z.object({ text: z.string() }), handle: ({ text }: { text: string }) => text } },
  });
  const inside = "€".repeat((most - 4) / 3) + "aa".slice(0, (most - 2) - 3 * Math.floor((most - 4) / 3));
  assertEquals(new TextEncoder().encode(JSON.stringify(inside)).length, most);
  assertEquals(await results.call("run", { text: inside }), inside);
  const refused: CallErrorType = await assertRejects(() => results.call("run", { text: inside + "a" }), CallError);
  assertEquals(refused.code, -32603);
});

Deno.test("close() cuts a reason at 123 bytes, never inside a character", async () => {
  const found = await events((ctx) => {
    ctx.close("a".repeat(124));
    ctx.close("€".repeat(42));
    ctx.close("a" + "😀".repeat(31));
  });
  const reasons = found.map((event) => event.type === "close" ? event.reason : "");
  assertEquals(reasons, ["a".repeat(123), "€".repeat(41), "a" + "😀".repeat(30)]);
});

Deno.test("a timer's publication after its caller left reaches subscribers; its messages to the client go nowhere", async () => {
  let later = () => {};
  const module = testHandlers({
    methods: {
      run: {
        params,
        handle: (_: unknown, ctx: Context) => {
          later = () => {
            ctx.notify("nobody");
            ctx.subscribe("t");
            ctx.publish("t", "after", { still: true });
            ctx.log("after");
          };
        },
      },
    },
  });
  await module.call("run");
  await module.close();
  later();
  await Promise.resolve();
  assertEquals(module.events.map(({ type }) => type), ["publish", "log"]);
});

Deno.test("a client that leaves while its handler waits for presence is no failure", async () => {
  let left = "";
  let asked = () => {};
  const waits = new Promise<void>((resolve) => asked = resolve);
  const module = testHandlers({
    methods: {
      run: {
        params,
        async handle(_: unknown, ctx: Context) {
          asked();
          ctx.signal.addEventListener("abort", () => left = "aborted");
          await ctx.presence("t");
          await ctx.presence("t");
        },
      },
    },
  });
  // It has asked, and its answer is on its way: the client leaves before it is there.
  const call = module.call("run");
  call.catch(() => {});
  await waits;
  await module.close();
  await assertRejects(() => call, CallError);
  assertEquals(left, "aborted");
  assertEquals(module.events.filter(({ type }) => type === "failed"), []);
});

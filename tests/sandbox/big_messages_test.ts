/** Messages of a module up to `messages.max_bytes`, counted in bytes: they arrive, and larger ones are refused aloud. */
import { assert, assertEquals } from "../assert.ts";
import { call, join } from "../helpers/client.ts";
import type { RawClient } from "../helpers/raw_client.ts";
import { Live } from "../helpers/module_server.ts";

const MIB = 1024 * 1024;
const MAX_BYTES = 20 * MIB;
const DEADLINE_MS = 60_000;

const RAW = `export default { raw: {
  message(data, ctx) {
    if (typeof data !== "string") return ctx.send(data);
    const { length, text } = JSON.parse(data);
    try {
      ctx.send(text === undefined ? new Uint8Array(length).fill(7) : text.repeat(length));
    } catch (error) {
      ctx.send(error.constructor.name);
    }
  },
} };`;

const RPC = `export default ({ z }) => ({
  methods: {
    big: { params: z.object({ length: z.int(), text: z.string() }), handle: ({ length, text }) => text.repeat(length) },
    length: { params: z.object({ text: z.string() }), handle: ({ text }) => text.length },
  },
});`;

const start = () =>
  Live.start({ "raw.v1": RAW, "rpc.v1": RPC }, {
    messages: { max_bytes: "20MiB" },
    server: { host: "localhost", port: 0, send_queue: "64MiB" },
  });

async function ask(client: RawClient, order: unknown): Promise<{ opcode: number; bytes: number; text: string }> {
  await client.text(JSON.stringify(order));
  const { opcode, payload } = await nextMessage(client);
  return { opcode, bytes: payload.length, text: payload.length < 100 ? new TextDecoder().decode(payload) : "" };
}

/** The next frame that is no ping. */
async function nextMessage(client: RawClient): Promise<{ opcode: number; payload: Uint8Array }> {
  for (;;) {
    const { opcode, payload } = await client.nextFrame(DEADLINE_MS);
    if (opcode !== 9) return { opcode, payload };
    await client.frame({ opcode: 10, payload });
  }
}

// Each with a server of its own: a module may send 32 MiB a second that no client asked for.
for (const length of [MIB, MIB + 1, 16 * MIB, MAX_BYTES]) {
  Deno.test(`a raw module sends a binary frame of ${length} bytes`, async () => {
    await using live = await start();
    using client = await join(live.server, { subprotocol: "raw.v1" });
    assertEquals((await ask(client, { length })).bytes, length);
  });

  Deno.test(`a raw module sends a text frame of ${length} bytes`, async () => {
    await using live = await start();
    using client = await join(live.server, { subprotocol: "raw.v1" });
    assertEquals(await ask(client, { length, text: "a" }), { opcode: 1, bytes: length, text: "" });
  });
}

for (const [text, bytes] of [["ä", 2], ["€", 3], ["😀", 4]] as const) {
  Deno.test(`a raw module's text of characters of ${bytes} bytes is counted in bytes`, async () => {
    await using live = await start();
    using client = await join(live.server, { subprotocol: "raw.v1" });
    const most = Math.floor(MAX_BYTES / bytes);
    assertEquals((await ask(client, { length: most, text })).bytes, most * bytes);
    assertEquals((await ask(client, { length: most + 1, text })).text, "RangeError");
  });
}

Deno.test("a frame of one byte more is an error in the handler, and the connection goes on", async () => {
  await using live = await start();
  using client = await join(live.server, { subprotocol: "raw.v1" });
  assertEquals((await ask(client, { length: MAX_BYTES + 1 })).text, "RangeError");
  assertEquals((await ask(client, { length: MAX_BYTES + 1, text: "a" })).text, "RangeError");
  assertEquals((await ask(client, { length: 1, text: "a" })).text, "a");
});

Deno.test("a client's frames of the largest size reach a raw module and come back", async () => {
  await using live = await start();
  using client = await join(live.server, { subprotocol: "raw.v1" });
  for (const length of [MIB + 1, MAX_BYTES]) {
    await client.frame({ opcode: 2, payload: new Uint8Array(length).fill(9) });
    const { opcode, payload } = await nextMessage(client);
    assertEquals([opcode, payload.length, payload[length - 1]], [2, length, 9]);
  }
});

Deno.test("a result of nearly the largest size arrives, a larger one is -32603, and the log says why", async () => {
  await using live = await start();
  using client = await join(live.server, { subprotocol: "rpc.v1" });
  const big = async (length: number, text: string) => {
    await client.text(JSON.stringify({ jsonrpc: "2.0", id: 1, method: "big", params: { length, text } }));
    return JSON.parse(await client.nextText(DEADLINE_MS)) as { result?: string; error?: { code: number } };
  };
  assertEquals((await big(MAX_BYTES - 1024, "a")).result?.length, MAX_BYTES - 1024);
  assertEquals((await big((MAX_BYTES - 1024) / 2, "ä")).result?.length, (MAX_BYTES - 1024) / 2);
  assertEquals((await big(MAX_BYTES + 1, "a")).error?.code, -32603);
  assert(String((await live.server.logged("handler.failed"))["error"]).includes("RangeError"));
  const text = "x".repeat(MAX_BYTES - 1024);
  await client.text(JSON.stringify({ jsonrpc: "2.0", id: 2, method: "length", params: { text } }));
  assertEquals((JSON.parse(await client.nextText(DEADLINE_MS)) as { result: number }).result, text.length);
  assertEquals((await call(client, "length", { text: "" })).result, 0);
});

/** `HandlerModule.publish`: events that come from outside of sessions leave as the module's schemas let them. */
import { assert, assertEquals } from "../assert.ts";
import { Bench, type BenchOptions, settings } from "../helpers/sandbox.ts";

const MODULE = `export default ({ z, topic }) => ({
  topics: {
    "lot:{lot}": topic({
      params: z.object({ lot: z.string() }),
      events: {
        bid: z.object({ cents: z.int() }),
        slow: z.string().refine(() => { for (const end = Date.now() + 60_000; Date.now() < end;); return true; }),
        broken: z.string().refine(() => { throw new Error("broken"); }),
      },
    }),
  },
  methods: { ping: { params: z.object({}), handle: () => "pong" } },
});`;

/** A module on a real cell. */
class Backend implements AsyncDisposable {
  private constructor(readonly bench: Bench, readonly dir: string) {}

  static async start(options: BenchOptions & { timeout?: number; text?: string } = {}): Promise<Backend> {
    const dir = await Deno.realPath(await Deno.makeTempDir({ prefix: "sallyport-publish-" }));
    await Deno.writeTextFile(`${dir}/module.ts`, options.text ?? MODULE);
    const bench = await Bench.start(settings(`${dir}/module.ts`, { timeout: options.timeout ?? 30_000 }), options);
    return new Backend(bench, dir);
  }

  publish(topic: string, event: string, dataJson: string) {
    return this.bench.pool.publish(topic, event, dataJson);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.bench[Symbol.asyncDispose]();
    await Deno.remove(this.dir, { recursive: true });
  }
}

Deno.test("an event of a backend leaves without what its schema does not name, and is answered with its subscribers", async () => {
  const sent: [string, unknown][] = [];
  const publish = (_module: string, topic: string, text: Uint8Array) =>
    sent.push([topic, JSON.parse(new TextDecoder().decode(text))]) && 3;
  await using backend = await Backend.start({ publish });
  const data = { cents: 5, secret: "s3cr3t" };
  assertEquals(await backend.publish("lot:7", "bid", JSON.stringify(data)), { delivered: 3 });
  assertEquals(sent, [["lot:7", {
    jsonrpc: "2.0",
    method: "topic.event",
    params: { topic: "lot:7", event: "bid", data: { cents: 5 } },
  }]]);
});

Deno.test("an event of a backend that is unknown or does not fit is refused with the reason, and not sent", async () => {
  await using backend = await Backend.start();
  for (const topic of ["lot", "lot:", "lot:{lot}", "lot:a:b", "LOT:a", "lot:a\u0000", "", "x".repeat(513)]) {
    assertEquals(
      await backend.publish(topic, "bid", '{"cents":5}'),
      { refused: "unknown_topic" },
      JSON.stringify(topic),
    );
  }
  for (const event of ["", "sold", "__proto__", "constructor", "BID"]) {
    assertEquals(await backend.publish("lot:7", event, '{"cents":5}'), { refused: "unknown_event" }, event);
  }
  for (const data of ["null", "[]", '{"cents":"5"}', '{"cents":0.5}', "{}"]) {
    const refused = await backend.publish("lot:7", "bid", data);
    assert("dataJson" in refused && refused.refused === "invalid_data", data);
    const { issues } = JSON.parse(refused.dataJson) as { issues: { path: unknown[]; code: string; message: string }[] };
    assert(issues.length > 0 && issues.every(({ path, code }) => path[0] === "data" && code !== ""), refused.dataJson);
  }
  assertEquals(backend.bench.published, []);
});

Deno.test("an event whose schema throws is answered as failed and logged; the cell goes on", async () => {
  await using backend = await Backend.start();
  assertEquals(await backend.publish("lot:7", "broken", '"x"'), { refused: "failed" });
  const [line] = backend.bench.logged("handler.failed");
  assertEquals([line?.["method"], /broken/.test(String(line?.["error"]))], ["topic.publish", true]);
  assertEquals(await backend.bench.client().call("ping"), { result: "pong" });
});

Deno.test("an event that the cell does not check in time is answered, and so are the following ones", async () => {
  await using backend = await Backend.start({ timeout: 300 });
  const slow = await backend.publish("lot:7", "slow", '"x"');
  assert("refused" in slow && ["timeout", "overloaded"].includes(slow.refused), JSON.stringify(slow));
  for (const deadline = Date.now() + 30_000;;) {
    const next = await backend.publish("lot:7", "bid", '{"cents":5}');
    if ("delivered" in next) break;
    assertEquals(next, { refused: "overloaded" });
    assert(Date.now() < deadline, "waited 30 s for the next cell");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
});

Deno.test("a module that declares no topics takes no events of a backend", async () => {
  const text = `export default ({ z }) => ({ methods: { ping: { params: z.object({}), handle: () => 1 } } });`;
  await using backend = await Backend.start({ text });
  assertEquals(await backend.publish("room", "bid", "{}"), { refused: "unknown_topic" });
});

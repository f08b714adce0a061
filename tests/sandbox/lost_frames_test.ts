/** Frames of a raw client that no handler has finished: its connection ends, since nothing else can tell the client. */
import { assertEquals } from "../assert.ts";
import { join } from "../helpers/client.ts";
import type { RawClient } from "../helpers/raw_client.ts";
import { Live } from "../helpers/module_server.ts";
import { until } from "../helpers/until.ts";

const RAW = `export default { raw: {
  message(data, ctx) {
    if (data === "crash") { Promise.reject(new Error("crash")); return new Promise(() => {}); }
    if (data === "loop") for (;;);
    if (data === "wait") { ctx.send("waiting"); return new Promise(() => {}); }
    ctx.send(data);
  },
} };`;
const DEADLINE_MS = 60_000;

/** Sends a frame that the handler never finishes, and waits until it has begun. */
async function wait(client: RawClient): Promise<void> {
  await client.text("wait");
  assertEquals(await client.nextText(DEADLINE_MS), "waiting");
}

async function echo(client: RawClient, text: string): Promise<void> {
  await client.text(text);
  assertEquals(await client.nextText(DEADLINE_MS), text);
}

for (const end of ["crash", "loop"]) {
  Deno.test(`a raw client whose frame went with a cell that ended by "${end}" is closed 1011, others stay`, async () => {
    await using live = await Live.start({ "raw.v1": RAW, "other.v1": RAW }, {}, { timeout: "2s" });
    const enter = (user: string, subprotocol = "raw.v1") => join(live.server, { subprotocol, user });
    using waiting = await enter("waiting");
    using idle = await enter("idle");
    using other = await enter("other", "other.v1");
    using hostile = await enter("hostile");
    await echo(idle, "before");
    await echo(other, "before");
    await wait(waiting);
    await hostile.text(end);
    const closed = { code: 1011, reason: "internal" };
    assertEquals(await waiting.nextClose(DEADLINE_MS), closed);
    assertEquals(await hostile.nextClose(DEADLINE_MS), closed);
    await until(() => live.lines("handler.restarted", "raw.v1").length === 1, "a new cell");
    await echo(idle, "after");
    await echo(other, "after");
  });
}

Deno.test("a raw client whose frame was not handled in time is closed 1011", async () => {
  await using live = await Live.start({ "raw.v1": RAW }, {}, { timeout: "1s" });
  using waiting = await join(live.server, { subprotocol: "raw.v1", user: "waiting" });
  using idle = await join(live.server, { subprotocol: "raw.v1", user: "idle" });
  await wait(waiting);
  assertEquals(await waiting.nextClose(DEADLINE_MS), { code: 1011, reason: "internal" });
  await echo(idle, "after");
});

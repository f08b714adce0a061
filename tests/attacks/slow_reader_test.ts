/** Clients that do not read what they are sent: closed beyond `send_queue`, others notice nothing, memory comes back. */
import { assertEquals, assertGreater, assertLess } from "../assert.ts";
import { call, join, nextAnswer } from "../helpers/client.ts";
import { MIB, Target, times } from "./target.ts";
import { until } from "../helpers/until.ts";

const SLOW = 6;
/** Lifted, since the attack is not about them. */
const UNLIMITED = {
  handshake: { rate: 1e6, burst: 1e6 },
  ip: { rate: 1e6, burst: 1e6 },
  user: { rate: 1e6, burst: 1e6 },
  connection: { rate: 1e6, burst: 1e6, bytes_rate: "1GiB", bytes_burst: "1GiB" },
  adaptive: false,
};

/** Waits until all slow ones are gone, for the right reason. */
async function thrownOut(target: Target, before: number): Promise<void> {
  await until(async () => await target.metric("sallyport_connections") <= before, "the slow readers to be closed");
  await target.server.logged(
    "connection.closed",
    ({ user, code, reason }) => String(user).startsWith("slow") && code === 1013 && reason === "slow_consumer",
  );
}

Deno.test("ws#1830, ws-rs CVE-2020-35896: slow readers of a room are closed as slow_consumer, a reader in the same room misses nothing", async () => {
  await using target = await Target.start({ config: { limits: UNLIMITED } });
  const { server } = target;
  using talker = await join(server, { subprotocol: "chat.v1", user: "talker" });
  using reader = await join(server, { subprotocol: "chat.v1", user: "reader" });
  await call(reader, "topic.subscribe", { topic: "room:lobby" });
  const { rss } = await target.survives(SLOW, async () => {
    const slow = await times(SLOW, async (index) => {
      const client = await join(server, { subprotocol: "chat.v1", user: `slow-${index}` });
      await client.text('{"jsonrpc":"2.0","id":1,"method":"topic.subscribe","params":{"topic":"room:lobby"}}');
      return client;
    });
    let heard = 0;
    const hearing = (async () => {
      while (heard < MESSAGES) {
        const { method, params } = await nextAnswer(reader);
        if (method !== "topic.event") continue;
        assertEquals(Number((params?.["data"] as { text: string }).text.split(" ")[0]), heard);
        heard++;
      }
    })();
    for (let said = 0; said < MESSAGES; said++) {
      const text = `${said} ${"€".repeat(1900)}`;
      assertEquals((await call(talker, "chat.send", { room: "lobby", text })).result, { ok: true });
    }
    await hearing;
    await thrownOut(target, 2);
    for (const client of slow) client.close();
  });
  assertLess(rss.after - rss.before, 96 * MIB);
  assertEquals(await target.metric("sallyport_send_queue_bytes"), 0);
});

/** 5.7 KB each: more than the kernel's buffers of both ends and the queue hold. */
const MESSAGES = 2_500;

Deno.test("clients that ask for big answers and read none are closed as slow_consumer", async () => {
  // Requests in flight are the handlers' and not the connection's; few of them, so that the queue is what is measured.
  await using target = await Target.start({ config: { limits: UNLIMITED, messages: { max_in_flight: 4 } } });
  using other = await join(target.server, { user: "other" });
  const request = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "echo", params: { text: "x".repeat(59_000) } });
  let over = false;
  const living = (async () => {
    let answers = 0;
    for (; !over; answers++) assertEquals((await call(other, "echo", { text: "alive" })).result, { text: "alive" });
    return answers;
  })();
  try {
    await target.survives(SLOW, () =>
      times(SLOW, async (index) => {
        using client = await join(target.server, { user: `slow-${index}` });
        let sent = 0;
        try {
          for (; sent < 5_000; sent++) await client.text(request);
        } catch {
          // closed
        }
        assertLess(sent, 5_000, "the server never stopped answering into the void");
      }));
    await thrownOut(target, 1);
  } finally {
    over = true;
  }
  assertGreater(await living, 10);
  assertEquals(await target.metric("sallyport_send_queue_bytes"), 0);
});

/** 10,000 connections that come and vanish, each at another stage of its life; then everything is where it was. */
import { assertEquals, assertLess } from "../assert.ts";
import { goodHeaders } from "../helpers/client.ts";
import { RawClient } from "../helpers/raw_client.ts";
import { frame } from "../helpers/client_frames.ts";
import { resetAfter } from "./reset.ts";
import { MIB, Target, times } from "./target.ts";
import { until } from "../helpers/until.ts";

const HELLO = Uint8Array.of(0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03);
const CONNECTIONS = 10_000;
const WAVE = 50;

type Stage = (target: Target, token: string) => Promise<void>;

async function opened(target: Target, token: string, subprotocol = "echo.v1"): Promise<RawClient> {
  const client = await target.tls();
  const { status } = await client.upgrade("/ws", goodHeaders(target.server, { token, subprotocol }), 30_000);
  assertEquals(status, 101);
  return client;
}

const STAGES: readonly Stage[] = [
  async function tcpOnly(target) {
    using _client = await target.tcp();
  },
  async function halfTls(target) {
    using client = await target.tcp();
    await client.send(HELLO);
  },
  async function tcpOnlyAgain(target) {
    using _client = await target.tcp();
  },
  async function resetInTls(target) {
    await resetAfter(target.server, { tls: false, saying: HELLO, answered: false });
  },
  async function tlsOnly(target) {
    using _client = await target.tls();
  },
  async function midHead(target) {
    using client = await target.tls();
    await client.send("GET /ws HTTP/1.1\r\nHost: loc");
  },
  async function refused(target) {
    using client = await target.tls();
    await client.send("GET /ws HTTP/1.1\r\nHost: localhost\r\n\r\n");
  },
  async function afterThe101(target, token) {
    using _client = await opened(target, token);
  },
  async function midFrame(target, token) {
    using client = await opened(target, token, "echo.raw.v1");
    await client.send(frame({ opcode: 2, payload: new Uint8Array(20_000), announcedLength: 60_000 }));
  },
  async function withAnswersUnread(target, token) {
    using client = await opened(target, token, "chat.v1");
    await client.text('{"jsonrpc":"2.0","id":1,"method":"topic.subscribe","params":{"topic":"room:lobby"}}');
  },
  async function withAClosingHandshake(target, token) {
    using client = await opened(target, token);
    await client.sendClose(1000);
    assertEquals((await client.nextClose(30_000)).code, 1000);
    await client.closed(30_000);
  },
  async function closedByTheServer(target, token) {
    using client = await opened(target, token);
    await client.frame({ opcode: 3 });
    assertEquals((await client.nextClose(30_000)).code, 1002);
  },
];

Deno.test("10,000 clients connect and vanish: connections, files and memory are back where they were", async () => {
  const unlimited = { rate: 1e6, burst: 1e6 };
  await using target = await Target.start({
    config: {
      server: { max_connections_per_ip: 2_000, max_connections_per_user: 2_000 },
      limits: { handshake: unlimited, ip: unlimited, user: unlimited, adaptive: false },
      log: { level: "info" },
    },
  });
  const files = await target.openFiles();
  const tokens = Array.from({ length: 50 }, (_, index) => target.server.token(`user-${index}`));
  /** Sends waves; tells the least memory in use between them, which is what a collection could not take back. */
  const waves = async (connections: number) => {
    const least = { heap: Infinity, external: Infinity };
    for (let done = 0; done < connections; done += WAVE) {
      await times(WAVE, (index) => STAGES[(done + index) % STAGES.length]!(target, tokens[(done + index) % 50]!));
      least.heap = Math.min(least.heap, await target.metric("process_heap_used_bytes"));
      least.external = Math.min(least.external, await target.metric("process_external_memory_bytes"));
    }
    await target.emptied();
    return { ...least, rss: await target.rss() };
  };

  // The first ones fill pools and heaps, and have the code compiled.
  const early = await waves(0.4 * CONNECTIONS);
  const { result: late } = await target.survives(WAVE, () => waves(0.6 * CONNECTIONS));
  await until(async () => await target.openFiles() <= files + 2, "the files to be closed");
  assertEquals(await target.metric("sallyport_send_queue_bytes"), 0);
  // 2 KiB left behind by each of the last 6,000 would be seen.
  assertLess(late.heap - early.heap, 12 * MIB, "heap");
  assertLess(late.external - early.external, 12 * MIB, "buffers");
  assertLess(late.rss - early.rss, 64 * MIB, "resident memory");
  assertEquals(target.server.log.filter(({ level }) => level === "error"), []);
});

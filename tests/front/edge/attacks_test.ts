/** Attacks of strangers on the front; after each, an honest client is served at once. */
import { assert, assertEquals } from "../../assert.ts";
import { RawClient } from "../../helpers/raw_client.ts";
import { type ClientFrame, concat, frame } from "../../helpers/client_frames.ts";
import { startTestFront, type TestFront, upgradeHead } from "../../helpers/front.ts";
import { until } from "../../helpers/until.ts";

const encoder = new TextEncoder();
const SHORT = { handshake_timeout: 400 };

async function honestClientIsServed(fixture: TestFront): Promise<void> {
  using client = await fixture.open();
  await client.text("hello");
  assertEquals(await client.nextText(), "hello");
}

/** Sends a byte every few ms until the server ends the connection. */
async function trickle(client: RawClient, bytes: Uint8Array): Promise<void> {
  const ended = client.closed();
  let over = false;
  ended.finally(() => over = true).catch(() => {});
  for (const byte of bytes) {
    if (over) break;
    await client.send(Uint8Array.of(byte)).catch(() => over = true);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await ended;
}

Deno.test("slowloris in TLS: silence and trickling end at handshake_timeout without an answer", async () => {
  await using fixture = await startTestFront({ server: SHORT });
  using silent = await RawClient.connect({ port: fixture.port });
  using trickling = await RawClient.connect({ port: fixture.port });
  const hello = new Uint8Array(600).fill(1);
  hello.set([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03]);
  await Promise.all([silent.closed(), trickle(trickling, hello)]);
  await until(() => fixture.telemetry.handshakes.get("rejected", "timeout") === 2, "the count");
  const told = fixture.lines.map((text) => JSON.parse(text)).filter(({ event }) => event === "handshake.rejected");
  assertEquals(
    told.map(({ level, ip, reason, status }) => [level, ip, reason, status]),
    new Array(2).fill(["info", "127.0.0.1", "timeout", null]),
  );
  await honestClientIsServed(fixture);
  await fixture.empty();
});

Deno.test("slowloris in headers: silence and trickling get 408, then the end", async () => {
  await using fixture = await startTestFront({ server: SHORT });
  using silent = await fixture.connect();
  using trickling = await fixture.connect();
  await Promise.all([
    (async () => {
      assertEquals((await silent.response()).status, 408);
      await silent.closed();
    })(),
    trickle(trickling, encoder.encode(upgradeHead(["X-Long: " + "a".repeat(1000)]))),
  ]);
  const late = await trickling.response();
  assertEquals([late.status, late.body, late.headers.get("connection")], [408, '{"error":"timeout"}', "close"]);
  silent.close();
  trickling.close();
  await honestClientIsServed(fixture);
  await fixture.empty();
});

Deno.test("slow admission counts as well: 408 at handshake_timeout, and no session afterwards", async () => {
  const gate = Promise.withResolvers<never>();
  await using fixture = await startTestFront({ server: SHORT, admit: () => gate.promise });
  using client = await fixture.connect();
  assertEquals((await client.upgrade()).status, 408);
  await client.closed();
  client.close();
  await fixture.empty();
  assertEquals(fixture.sessions.length, 0);
});

Deno.test("connection flood: closed without a byte over the cap per address, before TLS", async () => {
  await using fixture = await startTestFront({ perIp: 5 });
  const inside = await Promise.all(Array.from({ length: 5 }, () => fixture.open()));
  const outside = await Promise.all(Array.from({ length: 50 }, () => RawClient.connect({ port: fixture.port })));
  await Promise.all(outside.map((client) => client.closed()));
  assertEquals(fixture.telemetry.handshakes.get("rejected", "too_many_connections"), 50);
  assertEquals(fixture.front.connections(), 5);
  for (const client of [...inside, ...outside]) client.close();
  await fixture.empty();
  await honestClientIsServed(fixture);
});

Deno.test("a banned address is closed without a byte", async () => {
  await using fixture = await startTestFront({ banned: ["127.0.0.1"] });
  using client = await RawClient.connect({ port: fixture.port });
  await client.closed();
  assertEquals(fixture.telemetry.handshakes.get("rejected", "banned"), 1);
  assertEquals(fixture.front.connections(), 0);
});

Deno.test("connections beyond max_connections and its reserve are closed unheard", async () => {
  await using fixture = await startTestFront({ server: { max_connections: 1 } });
  const clients = await Promise.all(Array.from({ length: 65 }, () => RawClient.connect({ port: fixture.port })));
  await until(() => fixture.front.connections() === 65, "65 connections");
  using one = await RawClient.connect({ port: fixture.port });
  await one.closed();
  assertEquals(fixture.telemetry.handshakes.get("rejected", "server_full"), 1);
  for (const client of clients) client.close();
  await fixture.empty();
  await honestClientIsServed(fixture);
});

Deno.test("reset storm: resets before, during and after handshakes leave nothing behind", async () => {
  await using fixture = await startTestFront();
  for (let round = 0; round < 5; round++) {
    const clients = await Promise.all(Array.from({ length: 20 }, async (_, index) => {
      if (index % 4 === 0) return await RawClient.connect({ port: fixture.port });
      const client = await fixture.connect();
      if (index % 4 === 1) await client.send("GET /ws HT");
      if (index % 4 === 2) await client.send(upgradeHead());
      if (index % 4 === 3) await client.upgrade();
      return client;
    }));
    // Closing with unread bytes makes the kernel send a reset.
    for (const client of clients) client.close();
  }
  await honestClientIsServed(fixture);
  await fixture.empty();
  assert(fixture.sessions.every((session) => session.closes.length === 1));
});

Deno.test("slow reader: its queue grows and shows, others are unaffected, terminate() ends it", async () => {
  const payload = "x".repeat(32_000);
  await using fixture = await startTestFront();
  using slow = await fixture.open();
  using other = await fixture.open();
  const [session] = fixture.sessions;
  for (let sent = 0; sent < 1000 && session!.socket.queued < 8_000_000; sent++) session!.socket.sendText(payload);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert(session!.socket.queued > 1_000_000, `${session!.socket.queued} bytes are queued`);
  await other.text("hello");
  assertEquals(await other.nextText(), "hello");
  session!.socket.terminate();
  assertEquals(session!.socket.open, false);
  await until(() => session!.closes.length === 1, "the end");
  assertEquals(session!.closes, [{ code: 1006, reason: "" }]);
  assertEquals(fixture.front.connections(), 1);
  slow.close();
});

Deno.test("a frame a byte: all arrive", async () => {
  await using fixture = await startTestFront();
  using client = await fixture.open();
  for (const byte of frame({ opcode: 1, payload: "x".repeat(200) })) await client.send(Uint8Array.of(byte));
  assertEquals((await client.nextText()).length, 200);
});

Deno.test("ping flood: each is counted before its pong, and the session may cut it", async () => {
  await using fixture = await startTestFront({
    sink: (session) => ({
      control: (kind, bytes) => {
        session.events.push(`${kind} ${bytes}`);
        if (session.events.length === 3) session.socket.close(1008, "rate_limited");
      },
    }),
  });
  using client = await fixture.open();
  const ping = frame({ opcode: 9, payload: "abc" });
  await client.send(concat(...new Array(100).fill(0).map(() => ping.slice())));
  const opcodes = [];
  for (let count = 0; count < 3; count++) opcodes.push((await client.nextFrame()).opcode);
  assertEquals(opcodes, [10, 10, 8]);
  assertEquals(fixture.sessions[0]!.events.length, 3);
});

Deno.test("denoland/deno#25070: pongs for a peer that reads none of them stay within send_queue", async () => {
  await using fixture = await startTestFront({ tls: false, server: { send_queue: 10_000 } });
  using client = await fixture.open();
  const pings = concat(...new Array(500).fill(0).map(() => frame({ opcode: 9, payload: "x".repeat(125) })));
  const [session] = fixture.sessions;
  let sent = 0;
  const flood = (async () => {
    for (; sent < 200; sent++) await client.send(pings.slice());
  })().catch(() => {});
  let most = 0;
  const end = Date.now() + 500;
  while (Date.now() < end) {
    most = Math.max(most, session!.socket.queued);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  // One chunk may be answered before the queue is looked at again.
  assert(most < 10_000 + 2 * 65_536, `${most} bytes were queued`);
  client.close();
  await flood;
  await fixture.empty();
});

const BLOATS: [string, (client: RawClient) => Promise<void>, number, string][] = [
  [
    "denoland/deno#15809, Bandit CVE-2026-42786: fragments without end",
    async (client) => {
      const fragment = new Uint8Array(10_000);
      await client.frame({ opcode: 2, payload: fragment, fin: false });
      for (let sent = 0; sent < 2000; sent++) await client.frame({ opcode: 0, payload: fragment, fin: false });
    },
    1009,
    "message_too_big",
  ],
  [
    "gorilla CVE-2020-27813: a header announcing 2^63 - 1 bytes",
    async (client) => {
      await client.frame({ opcode: 2, announcedLength: 2n ** 63n - 1n });
      for (let sent = 0; sent < 200; sent++) await client.send(new Uint8Array(100_000));
    },
    1009,
    "message_too_big",
  ],
  [
    "ws CVE-2026-48779: 10,000 fragments of one byte",
    async (client) => {
      await client.frame({ opcode: 1, payload: "a", fin: false });
      for (let sent = 0; sent < 100; sent++) await client.send(repeated({ opcode: 0, payload: "a", fin: false }, 100));
    },
    1008,
    "too_many_fragments",
  ],
  [
    "Bandit CVE-2026-65623: empty fragments without end",
    async (client) => {
      await client.frame({ opcode: 1, fin: false });
      for (let sent = 0; sent < 100; sent++) await client.send(repeated({ opcode: 0, fin: false }, 1000));
    },
    1008,
    "too_many_fragments",
  ],
];
for (const [name, bloat, code, reason] of BLOATS) {
  Deno.test(`memory stays flat: ${name}`, async () => {
    await using fixture = await startTestFront();
    using client = await fixture.open();
    const before = Deno.memoryUsage().rss;
    const flood = bloat(client).catch(() => {});
    assertEquals(await client.nextClose(), { code, reason });
    assert(Deno.memoryUsage().rss - before < 64_000_000);
    client.close();
    await flood;
    await fixture.empty();
    await honestClientIsServed(fixture);
  });
}

function repeated(spec: ClientFrame, count: number): Uint8Array {
  return concat(...Array.from({ length: count }, () => frame(spec)));
}

Deno.test("connect and vanish, hundreds of times in every state: counters are back where they were", async () => {
  await using fixture = await startTestFront();
  for (let round = 0; round < 20; round++) {
    await Promise.all(Array.from({ length: 15 }, async (_, index) => {
      const client = index % 3 === 0 ? await RawClient.connect({ port: fixture.port }) : await fixture.open();
      if (index % 3 === 1) await client.send(frame({ opcode: 1, payload: "half a frame" }).subarray(0, 5));
      client.close();
    }));
  }
  await fixture.empty();
  assertEquals(fixture.sessions.length, 200);
  assert(fixture.sessions.every((session) => session.closes.length === 1 && session.closes[0]!.code === 1006));
  await honestClientIsServed(fixture);
});

/** Cases that hold for both engines of the front. */
import { SharedText } from "../../lib/websocket/websocket.ts";
import { assert, assertEquals, assertRejects } from "../assert.ts";
import { ENGINES } from "../helpers/client.ts";
import { concat, frame } from "../helpers/client_frames.ts";
import { startTestFront, upgradeHead } from "../helpers/front.ts";
import { RawClient } from "../helpers/raw_client.ts";
import { until } from "../helpers/until.ts";

const SIZES: [string, string, boolean][] = [
  ["exactly max_bytes", "x".repeat(100), true],
  ["one over", "x".repeat(101), false],
  ["in bytes, not characters", "é".repeat(50), true],
  ["in bytes, not characters, over", "é".repeat(51), false],
];

const MALFORMED: [string, string][] = [
  ["no Host", "GET /ws HTTP/1.1\r\n\r\n"],
  ["an upgrade without Host", upgradeHead().replace("Host: localhost\r\n", "")],
  ["an empty Host", "GET /ws HTTP/1.1\r\nHost:\r\n\r\n"],
  ["a Host with userinfo", "GET /ws HTTP/1.1\r\nHost: u@a\r\n\r\n"],
  ["a Host with a path", "GET /ws HTTP/1.1\r\nHost: a/b\r\n\r\n"],
  ["a Host that is no address", upgradeHead().replace("Host: localhost", "Host: 256.1.1.1")],
  ["a Host with a port that is none", upgradeHead().replace("Host: localhost", "Host: localhost:65536")],
  ["a non-ASCII Host", "GET /ws HTTP/1.1\r\nHost: ä\r\n\r\n"],
  ["HTTP/1.0 without Host", "GET /ws HTTP/1.0\r\n\r\n"],
  ["absolute-form of another host", "GET https://b/ws HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["a dot segment", upgradeHead([], "GET /x/../ws HTTP/1.1")],
  ["an escaped dot segment", upgradeHead([], "GET /x/%2e%2E/ws HTTP/1.1")],
  ["a backslash", upgradeHead([], "GET /a\\ws HTTP/1.1")],
  ["a fragment", upgradeHead([], "GET /ws#a HTTP/1.1")],
  ["a non-ASCII target", upgradeHead([], "GET /wü HTTP/1.1")],
];

for (const engine of ENGINES) {
  Deno.test(`${engine}: upgrades, echoes text and binary, and reports the peer`, async () => {
    await using fixture = await startTestFront({ engine });
    using client = await fixture.connect();
    const { status, headers } = await client.upgrade("/ws?x=1", { "Sec-WebSocket-Protocol": "chat.v1, echo" });
    assertEquals(status, 101);
    assertEquals(headers.get("sec-websocket-accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assertEquals(headers.get("sec-websocket-protocol"), "chat.v1");
    assertEquals(headers.get("strict-transport-security"), "max-age=60");
    await client.text("hello");
    assertEquals(await client.nextText(), "hello");
    await client.frame({ opcode: 2, payload: Uint8Array.of(1, 2, 3) });
    assertEquals([...(await client.nextFrame()).payload], [1, 2, 3]);
    const { peer, handshake } = fixture.sessions[0]!;
    assertEquals(peer, { ip: "127.0.0.1", secure: true, forwarded: false });
    assertEquals(handshake.url.href, `https://localhost:${fixture.port}/ws?x=1`);
  });

  Deno.test(`${engine}: answers routes, and refuses other requests with status and reason`, async () => {
    await using fixture = await startTestFront({
      engine,
      banned: ["192.0.2.66"],
      server: { trusted_proxies: ["127.0.0.1"] },
    });
    const ask = async (path: string, headers: Record<string, string> = {}, method = "GET") => {
      using client = await fixture.connect();
      return await client.request(path, headers, { method });
    };
    const healthz = await ask("/healthz");
    assertEquals([healthz.status, healthz.body], [200, "ok"]);
    for (const header of ["strict-transport-security", "x-content-type-options", "cache-control"]) {
      assert(healthz.headers.has(header), header);
    }
    assertEquals(healthz.headers.has("server"), false);
    assertEquals((await ask("/nowhere")).body, '{"error":"not_found"}');
    assertEquals((await ask("/healthz", {}, "DELETE")).headers.get("allow"), "GET, HEAD");
    assertEquals((await ask("/ws")).body, '{"error":"upgrade_required"}');
    const banned = await ask("/ws", { "X-Forwarded-For": "192.0.2.66" });
    assertEquals([banned.status, banned.body], [429, '{"error":"banned"}']);
    await fixture.empty();
  });

  Deno.test(`${engine}: answers 500 internal without detail when the gate throws`, async () => {
    await using fixture = await startTestFront({
      engine,
      admit: () => Promise.reject(new Error("database password hunter2")),
    });
    using client = await fixture.connect();
    const response = await client.upgrade();
    assertEquals([response.status, response.body], [500, '{"error":"internal"}']);
    assert(fixture.lines.some((line) => line.includes("front.gate_failed")));
    await fixture.empty();
  });

  Deno.test(`${engine}: closes with any code of the contract, and tells the session once`, async () => {
    for (const code of [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1011, 4401]) {
      await using fixture = await startTestFront({ engine });
      using client = await fixture.open();
      const [session] = fixture.sessions;
      session!.socket.sendShared(new SharedText("last words"));
      session!.socket.close(code, "reason");
      assertEquals(session!.socket.open, false);
      assertEquals(await client.nextText(), "last words");
      assertEquals(await client.nextClose(), { code, reason: "reason" });
      await client.sendClose(code);
      await until(() => session!.closes.length > 0, "closed");
      assertEquals(session!.closes, [{ code, reason: "reason" }]);
    }
  });

  Deno.test(`${engine}: a peer that closes or vanishes ends its session once, with the code`, async () => {
    await using fixture = await startTestFront({ engine });
    using client = await fixture.open();
    await client.sendClose(4000, "bye");
    assertEquals((await client.nextClose()).code, 4000);
    using empty = await fixture.open();
    await empty.frame({ opcode: 8 });
    await empty.nextClose();
    const vanishing = await fixture.open();
    vanishing.close();
    await until(() => fixture.sessions.every((session) => session.closes.length === 1), "three ends");
    assertEquals(fixture.sessions.map(({ closes }) => closes[0]!.code), [4000, 1005, 1006]);
    await fixture.empty();
  });

  Deno.test(`${engine}: the queue of a slow reader grows, and empties once it reads`, async () => {
    await using fixture = await startTestFront({ engine, server: { send_queue: 100_000 } });
    using client = await fixture.open();
    const [session] = fixture.sessions;
    for (let sent = 0; sent < 300; sent++) session!.socket.sendText("x".repeat(32_000));
    assert(session!.socket.queued > 100_000);
    for (let received = 0; received < 300; received++) await client.nextFrame();
    await until(() => session!.socket.queued === 0, "an empty queue");
  });

  Deno.test(`${engine}: a session that throws closes 1011`, async () => {
    await using fixture = await startTestFront({
      engine,
      sink: () => ({
        message: () => {
          throw new Error("bug");
        },
      }),
    });
    using client = await fixture.open();
    await client.text("hello");
    assertEquals(await client.nextClose(), { code: 1011, reason: "internal" });
    assert(fixture.lines.some((line) => line.includes("front.session_failed")));
  });

  Deno.test(`${engine}: a session that throws when it is told of a failure closes 1011`, async () => {
    await using fixture = await startTestFront({
      engine,
      messages: { max_bytes: 10 },
      sink: () => ({
        failed: () => {
          throw new Error("bug");
        },
      }),
    });
    using client = await fixture.open();
    await client.text("more than ten bytes");
    assertEquals((await client.nextClose()).code, 1011);
    assert(fixture.lines.some((line) => line.includes("front.session_failed")));
  });

  Deno.test(`${engine}: a session hears no message after it has closed`, async () => {
    await using fixture = await startTestFront({
      engine,
      sink: ({ socket, messages }) => ({
        message(data) {
          messages.push(data as string);
          socket.close(4408, "idle");
        },
      }),
    });
    using client = await fixture.open();
    await client.send(concat(frame({ opcode: 1, payload: "first" }), frame({ opcode: 1, payload: "second" })));
    assertEquals((await client.nextClose()).code, 4408);
    await client.text("third");
    await client.sendClose(4408);
    await client.closed();
    await until(() => fixture.sessions[0]!.closes.length > 0, "closed");
    assertEquals(fixture.sessions[0]!.messages, ["first"]);
  });

  Deno.test(`${engine}: close() ends open connections; each session is told once`, async () => {
    const fixture = await startTestFront({ engine });
    using client = await fixture.open();
    await fixture.front.close();
    await client.closed();
    await until(() => fixture.sessions[0]!.closes.length > 0, "closed");
    await assertRejects(() => RawClient.connect({ port: fixture.port }));
    assertEquals(fixture.sessions[0]!.closes.length, 1);
  });

  Deno.test(`${engine}: the close frame arrives although the client had sent more`, async () => {
    for (const tls of [true, false]) {
      await using fixture = await startTestFront({
        engine,
        tls,
        sink: ({ socket }) => ({ message: () => socket.close(1008, "invalid_messages") }),
      });
      for (let round = 0; round < 10; round++) {
        using client = await fixture.open();
        await client.send(concat(...new Array<Uint8Array>(200).fill(frame({ opcode: 1, payload: "{nonsense" }))));
        assertEquals(await client.nextClose(), { code: 1008, reason: "invalid_messages" });
      }
    }
  });

  Deno.test(`${engine}: a client that never stops sending is closed all the same`, async () => {
    await using fixture = await startTestFront({
      engine,
      sink: ({ socket }) => ({ message: () => socket.close(1008, "invalid_messages") }),
    });
    using client = await fixture.open();
    let pouring = true;
    const poured = (async () => {
      while (pouring) {
        await client.text("more");
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    })().catch(() => {});
    await until(() => fixture.sessions[0]!.closes.length > 0, "the end of a connection on which messages keep coming");
    pouring = false;
    await poured;
    assertEquals(fixture.sessions[0]!.closes, [{ code: 1008, reason: "invalid_messages" }]);
  });

  Deno.test(`${engine}: says whether it accepts, without a word about its own connection`, async () => {
    const fixture = await startTestFront({ engine });
    assertEquals(await fixture.front.accepts(), true);
    assertEquals([fixture.entered, fixture.lines, fixture.front.connections()], [[], [], 0]);
    await fixture[Symbol.asyncDispose]();
  });

  for (const [name, text, taken] of SIZES) {
    Deno.test(`${engine}: a message of ${name}: ${taken ? "taken" : "1009 message_too_big"}`, async () => {
      await using fixture = await startTestFront({ engine, messages: { max_bytes: 100 } });
      using client = await fixture.open();
      await client.text(text);
      if (taken) assertEquals(await client.nextText(), text);
      else assertEquals(await client.nextClose(), { code: 1009, reason: "message_too_big" });
      assertEquals(fixture.sessions[0]!.events, taken ? [] : ["failed message_too_big"]);
    });
  }

  for (const tls of [true, false]) {
    Deno.test(`${engine}: refuses malformed requests, ${tls ? "with" : "without"} TLS`, async () => {
      await using fixture = await startTestFront({ engine, tls });
      for (const [name, text] of MALFORMED) {
        using client = await fixture.connect();
        await client.send(text);
        const { status, body } = await client.response();
        assertEquals([name, status, body], [name, 400, '{"error":"bad_request"}']);
      }
      assertEquals([fixture.sessions.length, fixture.refusals.length], [0, MALFORMED.length]);
      using client = await fixture.open({ "CF-IPCity": "São Paulo" });
      await client.text("the honest neighbour");
      assertEquals(await client.nextText(), "the honest neighbour");
    });
  }
}

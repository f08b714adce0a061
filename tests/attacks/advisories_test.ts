/**
 * Published vulnerabilities of other servers, tried on the whole of this one. Those of one part alone are tried beside
 * it; README.md has the list of all classes.
 */
import { HeadReader } from "../../lib/front/edge/request_head.ts";
import { assert, assertEquals, assertLess, assertMatch, assertNotEquals } from "../assert.ts";
import { call, connectTo, goodHeaders, handshake, join, nextAnswer } from "../helpers/client.ts";
import type { RawClient } from "../helpers/raw_client.ts";
import { concat, frame } from "../helpers/client_frames.ts";
import { Target, times } from "./target.ts";

const encoder = new TextEncoder();

/** They look like hosts, and no URL can be made with them. */
const NO_HOSTS = ["1".repeat(300), "256.1.1.1", "[:::]", "localhost:65536"];

/** A whole upgrade request; `extra` lines are added, and replace those of the same name. */
function upgradeHead(target: Target, extra: Record<string, string> = {}, line = "GET /ws HTTP/1.1"): string {
  const fields: Record<string, string> = {
    host: "localhost",
    upgrade: "websocket",
    connection: "Upgrade",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    "sec-websocket-version": "13",
    ...goodHeaders(target.server),
    ...extra,
  };
  return `${line}\r\n${Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`;
}

async function answerTo(target: Target, bytes: string | Uint8Array): Promise<{ status: number; error: string | null }> {
  using client = await connectTo(target.server);
  await client.send(bytes);
  const { status, body } = await client.response();
  return { status, error: status === 101 ? null : JSON.parse(body).error };
}

/** How many messages came through to a handler or were refused. */
async function messagesIn(target: Target): Promise<number> {
  let sum = 0;
  for (const result of ["ok", "parse_error", "invalid_request", "method_not_found"]) {
    sum += await target.metric("sallyport_messages_total", { direction: "in", result });
  }
  return sum;
}

Deno.test("advisories about origins and tokens", async (t) => {
  await using target = await Target.start({
    config: {
      auth: {
        algorithms: ["ES256"],
        public_key_file: "es256.pub.pem",
        issuer: "https://id.example.com",
        audience: "sallyport",
        sources: ["header", "cookie"],
      },
    },
  });
  const { server } = target;

  await t.step(
    "code-server CVE-2023-26114, NodeBB CVE-2023-2850: another site's page with the visitor's cookie",
    async () => {
      const headers = { cookie: `__Host-session=${server.token("ann")}`, "sec-websocket-protocol": "echo.v1" };
      for (
        const origin of [
          "https://evil.example",
          "http://app.example.com",
          "https://localhost",
          `https://localhost:${server.port}`,
        ]
      ) {
        const refused = await handshake(server, { ...headers, origin });
        assertEquals([refused.status, JSON.parse(refused.body).error], [403, "origin_not_allowed"], origin);
      }
      assertEquals((await handshake(server, { ...headers, origin: server.origin })).status, 101);
    },
  );
  await t.step("Phoenix CVE-2022-42975: origins that only look like the allowed one", async () => {
    for (
      const origin of [
        "https://app.example.com.evil.example",
        "https://evil-app.example.com",
        "https://x.app.example.com",
        "https://appxexample.com",
        "https://app.example.com:4430",
        "https://app.example.com@evil.example",
        "https://evil.example#https://app.example.com",
        "https://evil.example/https://app.example.com",
        "https://*",
        "*",
        "https://app.example.com%00.evil.example",
      ]
    ) {
      const { status, error } = await answerTo(target, upgradeHead(target, { origin }));
      assertEquals([status, error], [403, "origin_not_allowed"], origin);
    }
    const two = upgradeHead(target, { origin: "https://app.example.com, https://evil.example" });
    assertEquals((await answerTo(target, two)).status, 400);
  });
  await t.step("kemal#767: an origin that is none is refused, and is no internal error", async () => {
    for (const origin of ["", "x", "://", "https://[", "javascript:alert(1)", "h".repeat(10_000), "https://a b"]) {
      assertEquals((await answerTo(target, upgradeHead(target, { origin }))).status, 403, origin.slice(0, 20));
    }
  });
  await t.step("Centrifugo CVE-2026-32301: no server is asked for the keys that a token names", async () => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    let asked = 0;
    const accepting = (async () => {
      for await (const conn of listener) {
        asked++;
        conn.close();
      }
    })();
    const url = `http://127.0.0.1:${listener.addr.port}/keys`;
    const part = (value: unknown) => encoder.encode(JSON.stringify(value)).toBase64({ alphabet: "base64url" });
    const now = Math.floor(Date.now() / 1000);
    for (
      const header of [{ jku: url }, { x5u: url }, { kid: url }, { jwk: { kty: "EC", crv: "P-256", x: "AA", y: "AA" } }]
    ) {
      const claims = { iss: url, aud: "sallyport", sub: "ann", iat: now, exp: now + 60, jwks_uri: url };
      const token = `${part({ alg: "ES256", ...header })}.${part(claims)}.${"A".repeat(86)}`;
      assertEquals((await handshake(server, goodHeaders(server, { token }))).status, 401);
    }
    listener.close();
    await accepting.catch(() => {});
    assertEquals(asked, 0);
  });
  await t.step("Vert.x CVE-2023-32081: frames behind a refused handshake reach no handler", async () => {
    const before = await messagesIn(target);
    const request = frame({ opcode: 1, payload: '{"jsonrpc":"2.0","id":1,"method":"echo","params":{"text":"x"}}' });
    using client = await connectTo(server);
    await client.send(concat(encoder.encode(upgradeHead(target, { authorization: "Bearer x.y.z" })), request, request));
    assertEquals((await client.response()).status, 401);
    await client.closed();
    assertEquals(await messagesIn(target), before);
  });
  await t.step(
    "Spring CVE-2025-41254: frames that come before the 101 are taken after it, as the admitted user",
    async () => {
      using client = await connectTo(server);
      const asking = frame({ opcode: 1, payload: '{"jsonrpc":"2.0","id":1,"method":"session.whoami"}' });
      await client.send(concat(encoder.encode(upgradeHead(target)), asking));
      assertEquals((await client.response()).status, 101);
      assertEquals(((await nextAnswer(client)).result as { user: string }).user, "ann");
    },
  );
  await t.step("Spring CVE-2026-41838: ids of connections are 128 bits and tell nothing of each other", async () => {
    const clients = await times(16, () => join(server, { user: "counted" }));
    await server.logged(
      "handshake.accepted",
      () => server.log.filter(({ event, user }) => event === "handshake.accepted" && user === "counted").length >= 5,
    );
    const ids = server.log.filter(({ user, conn }) => user === "counted" && conn).map(({ conn }) => String(conn));
    for (const client of clients) client.close();
    assertEquals(new Set(ids).size, ids.length);
    for (const id of ids) assertMatch(id, /^[\w-]{22}$/);
    const bytes = ids.map((id) => Uint8Array.fromBase64(id, { alphabet: "base64url" }));
    const stuck = [...bytes[0]!.keys()].filter((at) => bytes.every((id) => id[at] === bytes[0]![at]));
    assertEquals(stuck, []);
  });
  await target.honestClientIsServed();
});

Deno.test("advisories about handshakes and extensions", async (t) => {
  await using target = await Target.start();
  const { server } = target;
  const withExtensions = (value: string) => ({ "sec-websocket-extensions": value });

  await t.step("undici CVE-2026-2229: window bits that can't be are ignored, as is every extension", async () => {
    for (
      const offer of [
        "permessage-deflate",
        "permessage-deflate; server_max_window_bits=7",
        "permessage-deflate; client_max_window_bits=999999999999999999999",
        "permessage-deflate; server_max_window_bits=-1; server_max_window_bits",
        'permessage-deflate; client_max_window_bits="16", x-webkit-deflate-frame, permessage-bzip2',
        ";;,,=",
      ]
    ) {
      using client = await connectTo(server);
      const { status, headers } = await client.upgrade("/ws", { ...goodHeaders(server), ...withExtensions(offer) });
      assertEquals([status, headers.get("sec-websocket-extensions")], [101, null], offer);
      assertEquals((await call(client, "echo", { text: "plain" })).result, { text: "plain" });
    }
  });
  await t.step(
    "Bandit CVE-2026-39804, undici CVE-2026-1526: a compressed frame is a protocol error, offered or not",
    async () => {
      using client = await connectTo(server);
      await client.upgrade("/ws", { ...goodHeaders(server), ...withExtensions("permessage-deflate") });
      await client.frame({ opcode: 1, rsv: 4, payload: new Uint8Array(1000) });
      assertEquals((await client.nextClose()).code, 1002);
    },
  );
  await t.step(
    "websocket-extensions CVE-2020-7662, ws GHSA-5v72-xg48-5rpm and CVE-2021-32640: long lists cost little",
    async () => {
      const long = [
        withExtensions(`a; b="${"\\c".repeat(7_000)}`),
        withExtensions(`x${"\t".repeat(15_000)}x`),
        withExtensions("a,".repeat(7_000)),
        { "sec-websocket-protocol": `echo.v1${" ".repeat(14_000)}x` },
        { "sec-websocket-protocol": "a,".repeat(7_000) },
        { connection: `${",".repeat(14_000)}Upgrade` },
      ];
      await target.survives(long.length * 10, () =>
        times(long.length * 10, async (index) => {
          const user = { authorization: `Bearer ${server.token(`user-${index}`)}` };
          const { status } = await answerTo(target, upgradeHead(target, { ...user, ...long[index % long.length]! }));
          assert([101, 400].includes(status), `${status}`);
        }));
    },
  );
  await t.step(
    "Granian CVE-2026-42544, sockjs CVE-2020-7693, ws CVE-2024-37890: heads that crashed others",
    async () => {
      const heads: [string | Uint8Array, number][] = [
        [upgradeHead(target, { "sec-websocket-protocol": "chät.v1" }), 400],
        [Uint8Array.from(upgradeHead(target, { "sec-websocket-protocol": "ch\xe4t.v1" }), (c) => c.charCodeAt(0)), 400],
        [upgradeHead(target, { upgrade: "websocket, websocket" }), 101],
        [upgradeHead(target, { upgrade: "not websocket" }), 426],
        [upgradeHead(target, { upgrade: "" }), 426],
        [upgradeHead(target, { connection: "keep-alive" }), 426],
        [upgradeHead(target, { "sec-websocket-key": "" }), 400],
        [upgradeHead(target, { "sec-websocket-version": "13, 8" }), 426],
        [upgradeHead(target, { "content-length": "-1" }), 400],
        [upgradeHead(target, { host: "1".repeat(300) }), 400],
        [upgradeHead(target, { host: "256.1.1.1" }), 400],
        [upgradeHead(target, { host: "[:::]" }), 400],
        [upgradeHead(target, { host: "localhost:65536" }), 400],
        [upgradeHead(target, { "transfer-encoding": "chunked" }), 400],
        [upgradeHead(target, Object.fromEntries(Array.from({ length: 2_000 }, (_, at) => [`x${at}`, "y"]))), 431],
        [upgradeHead(target, { "x-long": "a".repeat(17_000) }), 431],
      ];
      for (const [head, status] of heads) {
        const label = typeof head === "string" ? head.slice(0, 400) : "latin-1";
        assertEquals((await answerTo(target, head)).status, status, label);
      }
    },
  );
  await t.step("Next.js GHSA-c4j6-fc7j-m34r: an upgrade is never sent elsewhere", async () => {
    const ops = new URL(server.opsUrl);
    const lines: [string, number][] = [
      [`GET ${ops.origin}/metrics HTTP/1.1`, 400],
      [`GET http://169.254.169.254/ws HTTP/1.1`, 400],
      [`CONNECT ${ops.host} HTTP/1.1`, 400],
      [`GET //${ops.host}/metrics HTTP/1.1`, 404],
      ["GET /ws/../metrics HTTP/1.1", 400],
      ["GET /metrics HTTP/1.1", 404],
    ];
    for (const [line, status] of lines) {
      assertEquals((await answerTo(target, upgradeHead(target, {}, line))).status, status, line);
    }
    assertEquals((await answerTo(target, upgradeHead(target, { host: ops.host }))).status, 101);
  });
  await t.step("kemal#767: a request pipelined behind a refusal is not answered", async () => {
    using client = await connectTo(server);
    const head = upgradeHead(target, { origin: "https://evil.example" });
    await client.send(`${head}GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    const { status, headers } = await client.response();
    assertEquals([status, headers.get("connection")], [403, "close"]);
    await client.closed();
    await assertNothingMore(client);
  });
  await t.step("smuggling: two ways to tell a body's length, or a body behind a GET", async () => {
    for (
      const fields of [
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 4\r\nContent-Length: 5\r\n",
        "Content-Length: +4\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding : chunked\r\n",
      ]
    ) {
      const { status } = await answerTo(target, `POST /ticket HTTP/1.1\r\nHost: localhost\r\n${fields}\r\n0\r\n\r\n`);
      assertEquals(status, 400, fields);
    }
  });
  await target.honestClientIsServed();
});

Deno.test("ws GHSA-5v72-xg48-5rpm: white space in a header costs what letters do", () => {
  const cost = (filling: string) => {
    const bytes = encoder.encode(
      `GET / HTTP/1.1\r\nHost: a\r\nSec-WebSocket-Extensions: x${filling.repeat(15_000 / filling.length)}x\r\n\r\n`,
    );
    let least = Infinity; // of several, so that it is the work that is measured and not the machine
    for (let run = 0; run < 10; run++) {
      const started = performance.now();
      const reader = new HeadReader();
      reader.push(bytes);
      assert(reader.head !== null);
      least = Math.min(least, performance.now() - started);
    }
    return least;
  };
  const letters = cost("y");
  // Quadratic work is five hundred times as much.
  for (const blank of [" ", "\t", " \t"]) assertLess(cost(blank), Math.max(letters, 0.1) * 50);
});

Deno.test("serve: a Host that is none is a bad request and nothing to log its target for", async () => {
  await using target = await Target.start({ engine: "serve", config: { server: { engine: "serve" } } });
  for (const host of NO_HOSTS) {
    for (const line of ["GET /ws?access_token=secret HTTP/1.1", "GET /healthz HTTP/1.1"]) {
      assertEquals(
        await answerTo(target, upgradeHead(target, { host }, line)),
        { status: 400, error: "bad_request" },
        host,
      );
    }
  }
  assertEquals(target.server.log.filter(({ level }) => level === "error"), []);
  assert(!JSON.stringify(target.server.log).includes("secret"));
});

Deno.test("advisories about messages", async (t) => {
  await using target = await Target.start({
    config: { messages: { max_invalid: 1_000 }, server: { max_connections_per_ip: 500, send_queue: "1MiB" } },
  });
  const { server } = target;
  const alive = async (client: RawClient) =>
    assertEquals((await call(client, "echo", { text: "alive" }, "alive")).result, { text: "alive" });

  await t.step(
    "ws CVE-2016-10542, daphne CVE-2026-44545: without a word in the configuration there is a limit",
    async () => {
      using client = await join(server, { subprotocol: "echo.raw.v1" });
      await client.frame({ opcode: 2, payload: new Uint8Array(65_536) });
      assertEquals((await client.nextFrame()).payload.length, 65_536);
      await client.frame({ opcode: 2, announcedLength: 65_537 });
      assertEquals(await client.nextClose(), { code: 1009, reason: "message_too_big" });
    },
  );
  await t.step(
    "socket.io CVE-2024-38355, engine.io CVE-2022-41940, socket.io-parser CVE-2023-32695: odd types end nothing",
    async () => {
      const odd = [
        "null",
        "0",
        '""',
        "[null]",
        "[[]]",
        "{}",
        '{"jsonrpc":2.0}',
        '{"jsonrpc":"2.0","method":{}}',
        '{"jsonrpc":"2.0","id":{},"method":"echo"}',
        '{"jsonrpc":"2.0","id":[],"method":"echo","params":0}',
        '{"jsonrpc":"2.0","id":1,"method":"echo","params":null}',
        '{"jsonrpc":"2.0","id":1,"method":"echo","params":[]}',
        '{"jsonrpc":"2.0","id":1,"method":"echo","params":{"text":{"toString":1}}}',
        '{"jsonrpc":"2.0","id":1,"method":"toString"}',
        '{"jsonrpc":"2.0","id":1,"method":"error"}',
        '{"jsonrpc":"2.0","id":1,"method":"session.refresh","params":{"token":{"length":1}}}',
        '{"jsonrpc":"2.0","id":1,"method":"session.refresh","params":{"token":"' + "a.".repeat(3_000) + '"}}',
        '{"jsonrpc":"2.0","id":1,"result":1}',
        '{"jsonrpc":"2.0","id":1,"error":{"code":1}}',
        "\ufeff{}",
        "\0",
        "\ud800",
      ];
      using client = await join(server, { user: "odd" });
      for (const text of odd) {
        await client.text(text);
        const answer = [await nextAnswer(client)].flat()[0]!;
        assertNotEquals(answer.error, undefined, text);
      }
      await alive(client);
    },
  );
  await t.step("engine.io CVE-2022-21676, CVE-2023-31125: frames that end one connection end no other", async () => {
    using other = await join(server, { user: "other" });
    const broken: [Uint8Array, number][] = [
      [frame({ opcode: 8, payload: Uint8Array.of(3) }), 1002],
      [frame({ opcode: 8, payload: Uint8Array.of(0, 1) }), 1002],
      [frame({ opcode: 8, payload: Uint8Array.of(3, 232, 0xff) }), 1007],
      [frame({ opcode: 1, payload: Uint8Array.of(0xed, 0xa0, 0x80) }), 1007],
      [frame({ opcode: 0 }), 1002],
      [frame({ opcode: 9, fin: false }), 1002],
      [frame({ opcode: 9, payload: new Uint8Array(126) }), 1002],
      [frame({ opcode: 11 }), 1002],
      [frame({ opcode: 2, payload: "x" }), 1003],
    ];
    for (const [bytes, code] of broken) {
      using client = await join(server, { user: "breaker" });
      await client.send(bytes);
      assertEquals((await client.nextClose()).code, code);
      await alive(other);
    }
  });
  await t.step(
    "Spring CVE-2018-1270 and CVE-2018-1257: fields are text, neither expressions nor patterns",
    async () => {
      using lobby = await join(server, { subprotocol: "chat.v1", user: "ann" });
      using spy = await join(server, { subprotocol: "chat.v1", user: "spy" });
      for (const room of [".*", "lobby*", "(lobby|x)", "$(7*7)", "(a+)+$", "__proto__", "%lobby"]) {
        assertEquals(await idAnswer(spy, "topic.subscribe", { topic: `room:${room}` }, room), {});
      }
      await idAnswer(lobby, "topic.subscribe", { topic: "room:lobby" }, 1);
      const text = "T(java.lang.Runtime).getRuntime() ${7*7} <script>alert(1)</script>";
      await lobby.text(JSON.stringify({ jsonrpc: "2.0", id: 2, method: "chat.send", params: { room: "lobby", text } }));
      let message;
      do message = await nextAnswer(lobby); while (message.method !== "topic.event");
      assertEquals(message.params?.["data"], { from: "ann", text });
      await spy.text('{"jsonrpc":"2.0","id":"last","method":"topic.presence","params":{"topic":"room:lobby"}}');
      const heard = [];
      for (let answer = await nextAnswer(spy); answer.id !== "last"; answer = await nextAnswer(spy)) heard.push(answer);
      assertEquals(heard.filter(({ method }) => method === "topic.event"), []);
    },
  );
  await t.step("Mesop: no thread is started for a message", async () => {
    using client = await join(server, { user: "sender" });
    const before = await target.threads();
    const messages = 90;
    for (let id = 0; id < messages; id++) {
      await client.text(JSON.stringify({ jsonrpc: "2.0", id, method: "echo", params: { text: "x" } }));
    }
    for (let id = 0; id < messages; id++) await nextAnswer(client);
    assertLess(await target.threads(), before + messages / 3); // the platform's pool may still grow
  });
  await t.step(
    "ws CVE-2016-10518, CVE-2026-45736: pongs and close frames carry the peer's bytes and no others",
    async () => {
      using client = await join(server, { user: "pinger" });
      for (const length of [0, 1, 125]) {
        await client.frame({ opcode: 9, payload: "p".repeat(length) });
        const { opcode, payload } = await client.nextFrame();
        assertEquals([opcode, new TextDecoder().decode(payload)], [10, "p".repeat(length)]);
      }
      await client.sendClose(4000, "why");
      const { payload } = await client.nextFrame();
      assertEquals([...payload], [4000 >> 8, 4000 & 255]);
    },
  );
  assertEquals(server.log.filter(({ level }) => level === "error"), []);
  assertLess(server.noise.length, 1, server.noise.join("\n"));
  await target.honestClientIsServed();
});

/** The result of the request; notifications on the way are dropped. */
async function idAnswer(client: RawClient, method: string, params: unknown, id: unknown): Promise<unknown> {
  await client.text(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
  for (;;) {
    const answer = await nextAnswer(client);
    if (answer.id === id) return answer.result;
  }
}

async function assertNothingMore(client: RawClient): Promise<void> {
  const more = await client.response(100).then(() => "a second answer", () => "nothing");
  assertEquals(more, "nothing");
}

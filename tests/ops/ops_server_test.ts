import { createLog } from "../../lib/log/log.ts";
import { createMetrics } from "../../lib/telemetry/metrics.ts";
import { startOpsServer } from "../../lib/ops/ops_server.ts";
import { Telemetry } from "../../lib/telemetry/telemetry.ts";
import { assert, assertEquals, assertNotMatch, assertStringIncludes } from "../assert.ts";
import { until } from "../helpers/until.ts";
import { RawClient } from "../helpers/raw_client.ts";
import { FakeTarget } from "./fake_target.ts";
import { parseScrape } from "../helpers/prometheus.ts";

const TOKEN = "k7QmYt0Jq3bV9sZ1xW5nR8cF2hL6dP4g";

async function withServer(
  body: (server: {
    url: string;
    target: FakeTarget;
    lines: () => Record<string, unknown>[];
    call: (method: string, path: string, options?: { body?: unknown; headers?: Record<string, string> }) => Promise<
      { status: number; body: unknown; headers: Headers }
    >;
  }) => Promise<void>,
  adminToken: string | undefined = TOKEN,
): Promise<void> {
  const target = new FakeTarget();
  const text: string[] = [];
  const server = await startOpsServer({
    hostname: "127.0.0.1",
    port: 0,
    version: "1.2.3",
    metrics: createMetrics({ telemetry: new Telemetry(), version: "1.2.3", startedAt: Date.now() }),
    target,
    log: createLog({ level: "info", format: "json", write: (line) => text.push(line) }),
    ...(adminToken === undefined ? {} : { adminToken }),
  });
  const client = Deno.createHttpClient({ allowHost: true });
  try {
    await body({
      url: server.url,
      target,
      lines: () => text.map((line) => JSON.parse(line)),
      call: async (method, path, options = {}) => {
        const response = await fetch(server.url + path, {
          client,
          method,
          headers: {
            authorization: `Bearer ${TOKEN}`,
            ...(options.body === undefined ? {} : { "content-type": "application/json" }),
            ...options.headers,
          },
          ...(options.body === undefined ? {} : {
            body: typeof options.body === "string" || options.body instanceof Uint8Array
              ? options.body as BodyInit
              : JSON.stringify(options.body),
          }),
        });
        const answer = await response.text();
        const json = response.headers.get("content-type") === "application/json";
        return { status: response.status, body: json ? JSON.parse(answer) : answer, headers: response.headers };
      },
    });
  } finally {
    client.close();
    await server.close();
  }
  assert(!text.join("\n").includes(TOKEN), "the admin token must never be logged");
}

Deno.test("GET /healthz says that the process lives, its version and what it may do", async () => {
  await withServer(async ({ call }) => {
    const { status, body, headers } = await call("GET", "/healthz", { headers: { authorization: "" } });
    const { uptime_seconds, permissions, ...rest } = body as Record<string, unknown>;
    assertEquals([status, rest], [200, { status: "ok", version: "1.2.3" }]);
    assertEquals(typeof uptime_seconds, "number");
    assertEquals(Object.keys(permissions as object), ["read", "write", "net", "env", "run", "ffi", "sys", "import"]);
    assertEquals([headers.get("cache-control"), headers.get("x-content-type-options")], ["no-store", "nosniff"]);
  });
});

Deno.test("GET /readyz is 200 only while every condition holds, and names each", async () => {
  await withServer(async ({ call, target }) => {
    const all = target.conditions;
    assertEquals((await call("GET", "/readyz")).body, { ready: true, conditions: all });
    for (const name of Object.keys(all)) {
      target.conditions = { ...all, [name]: false };
      const { status, body } = await call("GET", "/readyz");
      assertEquals([status, body], [503, { ready: false, conditions: target.conditions }]);
    }
  });
});

Deno.test("GET /metrics is a scrape", async () => {
  await withServer(async ({ call }) => {
    const { status, body, headers } = await call("GET", "/metrics");
    assertEquals([status, headers.get("content-type")], [200, "text/plain; version=0.0.4; charset=utf-8"]);
    assert(parseScrape(body as string).types.has("sallyport_connections"));
  });
});

Deno.test("the ops server answers 404 and 405 as JSON", async () => {
  await withServer(async ({ call }) => {
    for (const path of ["/", "/connection", "/connections/", "/bans/%zz", "/publish/x", "/metrics/", "/__proto__"]) {
      const { status, body } = await call("GET", path);
      assertEquals([path, status, body], [path, 404, { error: "not_found" }]);
    }
    for (
      const [method, path, allow] of [
        ["POST", "/healthz", "GET, HEAD"],
        ["DELETE", "/metrics", "GET, HEAD"],
        ["POST", "/connections", "GET"],
        ["GET", "/connections/c1", "DELETE"],
        ["PUT", "/bans", "GET, DELETE"],
        ["GET", "/publish", "POST"],
        ["PUT", "/revocations", "GET, POST, DELETE"],
        ["POST", "/revocations/sub:x", "DELETE"],
      ] as const
    ) {
      const { status, body, headers } = await call(method, path);
      assertEquals([status, body, headers.get("allow")], [405, { error: "method_not_allowed" }, allow]);
    }
  });
});

Deno.test("administration needs the admin token", async () => {
  await withServer(async ({ call, lines, target }) => {
    for (
      const [authorization, error] of [
        ["", "token_missing"],
        ["Basic abc", "token_missing"],
        [`Bearer ${TOKEN} x`, "token_missing"],
        [`Bearer ${TOKEN.slice(0, -1)}`, "token_invalid"],
        [`Bearer ${TOKEN}x`, "token_invalid"],
        [`Bearer ${TOKEN.toLowerCase()}`, "token_invalid"],
      ] as const
    ) {
      for (const [method, path] of [["GET", "/connections"], ["DELETE", "/connections/c1"], ["POST", "/nothing"]]) {
        const { status, body, headers } = await call(method!, path!, { headers: { authorization } });
        if (path === "/nothing") assertEquals(status, 404);
        else assertEquals([status, body, headers.get("www-authenticate")], [401, { error }, "Bearer"]);
      }
    }
    assertEquals(target.live.size, 2);
    assertEquals(lines().filter((line) => line["event"] === "admin.rejected").length, 10);
    assertEquals((await call("GET", "/connections", { headers: { authorization: `bearer ${TOKEN}` } })).status, 200);
  });
});

Deno.test("administration is off without an admin token", async () => {
  const target = new FakeTarget();
  const server = await startOpsServer({
    hostname: "127.0.0.1",
    port: 0,
    version: "1",
    metrics: createMetrics({ telemetry: new Telemetry(), version: "1", startedAt: 0 }),
    target,
    log: createLog({ level: "error", format: "json", write: () => {} }),
  });
  try {
    for (const authorization of ["", "Bearer ", "Bearer undefined"]) {
      const response = await fetch(`${server.url}/connections`, { headers: { authorization } });
      assertEquals([response.status, await response.json()], [404, { error: "not_found" }]);
    }
  } finally {
    await server.close();
  }
});

Deno.test("the ops server refuses requests that a web page could have caused", async () => {
  await withServer(async ({ call, url }) => {
    for (const path of ["/healthz", "/metrics", "/connections"]) {
      for (const origin of ["https://evil.example", "null", url]) {
        const { status, body } = await call("GET", path, { headers: { origin } });
        assertEquals([status, body], [403, { error: "origin_not_allowed" }]);
      }
      for (const site of ["cross-site", "same-site", "same-origin"]) {
        assertEquals((await call("GET", path, { headers: { "sec-fetch-site": site } })).status, 403);
      }
      for (const host of ["evil.example", "evil.example:9464", "localhost.evil.example", "127.0.0.1.nip.io"]) {
        const { status, body } = await call("GET", path, { headers: { host } });
        assertEquals([host, status, body], [host, 403, { error: "host_not_allowed" }]);
      }
      for (const host of ["localhost", "localhost:9464", "127.0.0.1:1", "[::1]:9464", "LOCALHOST:80"]) {
        assertEquals((await call("GET", path, { headers: { host } })).status, 200, host);
      }
    }
  });
});

Deno.test("GET /connections lists, DELETE /connections/ID closes one", async () => {
  await withServer(async ({ call, target, lines }) => {
    const { body } = await call("GET", "/connections");
    assertEquals((body as { connections: unknown[] }).connections[0], {
      id: "c1",
      user: "alice",
      ip: "192.0.2.1",
      since: "2026-11-22T13:00:00.000Z",
      subprotocol: "chat.v1",
    });
    assertEquals((await call("DELETE", "/connections/c%2F2")).body, { kicked: "c/2" });
    assertEquals([...target.live.keys()], ["c1"]);
    assertEquals((await call("DELETE", "/connections/c%2F2")).status, 404);
    const line = lines().find((line) => line["event"] === "admin.action")!;
    assertEquals([line["action"], line["conn"], line["ip"]], ["kick", "c/2", "127.0.0.1"]);
    assertEquals((line["admin"] as string).length, 8);
  });
});

Deno.test("POST /revocations takes a token, a user or a moment", async () => {
  await withServer(async ({ call, target, lines }) => {
    const at = Date.UTC(2026, 10, 23);
    const end = Math.ceil(Date.now() / 1000 + 3600) * 1000;
    for (
      const [body, expected] of [
        [{ jti: "t1" }, [{ jti: "t1" }, undefined]],
        [{ sub: "alice", expires_at: end / 1000 }, [{ sub: "alice" }, end]],
        [{ before: "2026-11-23T01:00:00+01:00" }, [{ before: at }, undefined]],
        [{ before: at / 1000, expires_at: new Date(end).toISOString() }, [{ before: at }, end]],
      ] as const
    ) {
      assertEquals((await call("POST", "/revocations", { body })).body, { closed: 2 });
      assertEquals(target.revocations.pop() as unknown, expected);
    }
    for (
      const body of [
        {},
        { jti: "" },
        { jti: 1 },
        { jti: "a", sub: "b" },
        { before: "soon" },
        { before: "2126-11-23T00:00:00Z" },
        { before: Date.now() / 1000 + 3600 },
        { jti: "a", expires_at: Date.now() / 1000 - 1 },
        { sub: "a", expires_at: 0 },
        { sub: "a", x: 1 },
        [],
        null,
        "x",
      ]
    ) {
      const { status, body: answer } = await call("POST", "/revocations", { body: JSON.stringify(body) });
      assertEquals([status, (answer as { error: string }).error], [400, "bad_request"], JSON.stringify(body));
    }
    assertEquals(target.revocations, []);
    assertEquals(lines().filter((line) => line["event"] === "admin.action").length, 4);
  });
});

Deno.test("GET and DELETE /revocations list and lift them, one or all, and the log says so", async () => {
  await withServer(async ({ call, target, lines }) => {
    const listed = [
      { key: "sub:alice", expires_at: "2026-11-23T14:00:00.000Z" },
      { key: "jti:a/b", expires_at: "2026-11-23T15:00:00.000Z" },
    ];
    assertEquals((await call("GET", "/revocations")).body, { revocations: listed, revoked_file: 3 });
    assertEquals((await call("DELETE", "/revocations/sub:bob")).status, 404);
    assertEquals((await call("DELETE", "/revocations/jti:a%2Fb")).body, { lifted: 1 });
    assertEquals(target.lifted, ["jti:a/b"]);
    assertEquals((await call("DELETE", "/revocations")).body, { lifted: 1 });
    assertEquals((await call("DELETE", "/revocations")).body, { lifted: 0 });
    const actions = lines().filter(({ event }) => event === "admin.action");
    assertEquals(actions.map(({ action, key, lifted }) => [action, key ?? lifted]), [
      ["lift_revocation", "jti:a/b"],
      ["lift_all_revocations", 1],
      ["lift_all_revocations", 0],
    ]);
  });
});

Deno.test("GET and DELETE /bans list and lift them, one or all", async () => {
  await withServer(async ({ call, target }) => {
    assertEquals((await call("GET", "/bans")).body, { bans: target.bans().value });
    assertEquals((await call("DELETE", "/bans/ip:192.0.2.8")).status, 404);
    assertEquals((await call("DELETE", "/bans/user%3Aa%2Fb")).body, { lifted: 1 });
    assertEquals([...target.banned.keys()], ["ip:192.0.2.7"]);
    assertEquals((await call("DELETE", "/bans")).body, { lifted: 1 });
    assertEquals(target.banned.size, 0);
  });
});

Deno.test("POST /publish sends a notification to a topic", async () => {
  await withServer(async ({ call, target, lines }) => {
    const body = { topic: "room:1", method: "chat.notice", params: { text: "private words" } };
    assertEquals((await call("POST", "/publish", { body })).body, { published: "room:1" });
    assertEquals(target.published, [body]);
    assertNotMatch(JSON.stringify(lines()), /private words/);
    for (
      const wrong of [{ ...body, params: 1 }, { topic: "a" }, { ...body, topic: "x".repeat(513) }, { ...body, more: 1 }]
    ) {
      assertEquals((await call("POST", "/publish", { body: wrong })).status, 400);
    }
  });
});

Deno.test("POST /publish sends no notification on a topic that a module declares", async () => {
  await withServer(async ({ call }) => {
    const body = { topic: "declared", method: "chat.notice" };
    const { status, body: answer } = await call("POST", "/publish", { body });
    assertEquals([status, answer], [409, { error: "declared_topic" }]);
  });
});

Deno.test("POST /publish sends an event, and says how many received it", async () => {
  await withServer(async ({ call, target, lines }) => {
    const body = { topic: "room:1", event: "message", data: { text: "private words" }, module: "chat.v1" };
    assertEquals((await call("POST", "/publish", { body })).body, { delivered: 2 });
    assertEquals((await call("POST", "/publish", { body: { topic: "room:1", event: "empty" } })).status, 200);
    assertEquals(target.published, [body, { topic: "room:1", event: "empty", data: null }]);
    assertNotMatch(JSON.stringify(lines()), /private words/);
    for (
      const wrong of [
        { ...body, topic: "" },
        { ...body, topic: "x".repeat(513) },
        { ...body, event: 1 },
        { ...body, module: "" },
        { ...body, method: "m" },
        { ...body, more: 1 },
        { event: "message" },
      ]
    ) assertEquals((await call("POST", "/publish", { body: wrong })).status, 400, JSON.stringify(wrong));
    assertEquals(target.published.length, 2);
  });
});

for (
  const [outcome, status, answer] of [
    [{ refused: "unknown_module" }, 404, { error: "unknown_module" }],
    [{ refused: "unknown_topic" }, 404, { error: "unknown_topic" }],
    [{ refused: "unknown_event" }, 404, { error: "unknown_event" }],
    [{ refused: "ambiguous_module", modules: ["a.v1", "b.v1"] }, 409, {
      error: "ambiguous_module",
      modules: ["a.v1", "b.v1"],
    }],
    [{ refused: "invalid_data", issues: [{ path: ["text"], code: "x", message: "y" }] }, 422, {
      error: "invalid_data",
      issues: [{ path: ["text"], code: "x", message: "y" }],
    }],
    [{ refused: "failed" }, 500, { error: "failed" }],
    [{ refused: "overloaded" }, 503, { error: "overloaded" }],
    [{ refused: "timeout" }, 504, { error: "timeout" }],
  ] as const
) {
  Deno.test(`POST /publish answers ${status} to an event that is ${outcome.refused}`, async () => {
    await withServer(async ({ call, target }) => {
      target.outcome = outcome;
      const answered = await call("POST", "/publish", { body: { topic: "a", event: "b", data: 1 } });
      assertEquals([answered.status, answered.body], [status, answer]);
    });
  });
}

Deno.test("administration bounds and checks the body before it acts", async () => {
  await withServer(async ({ call, target }) => {
    const json = { "content-type": "application/json" };
    const filled = (size: number) => JSON.stringify({ sub: "a" }).padEnd(size);
    for (
      const [what, body, headers, status] of [
        ["another type", filled(11), { "content-type": "text/plain" }, 200],
        ["what curl -d says", filled(11), { "content-type": "application/x-www-form-urlencoded" }, 200],
        ["64 KiB", filled(65_536), json, 200],
        ["a byte more", filled(65_537), json, 413],
        ["not JSON", "{", json, 400],
        ["empty", "", json, 400],
        ["not UTF-8", new Uint8Array([...new TextEncoder().encode('{"sub":"a'), 0xff, 0x22, 0x7d]), json, 400],
      ] as const
    ) {
      assertEquals((await call("POST", "/revocations", { body, headers })).status, status, what);
    }
    assertEquals(target.revocations.length, 3);
  });
});

Deno.test("administration refuses a body that nests deeper than 64 levels before it acts", async () => {
  await withServer(async ({ call, target }) => {
    target.outcome = { delivered: 1 };
    const nested = (levels: number) =>
      `{"topic":"a","event":"b","data":${"[".repeat(levels - 1)}${"]".repeat(levels - 1)}}`;
    for (const [levels, status] of [[64, 200], [65, 400], [32_000, 400]] as const) {
      assertEquals((await call("POST", "/publish", { body: nested(levels) })).status, status, `${levels} levels`);
    }
  });
});

Deno.test("administration counts a body without a length too", async () => {
  await withServer(async ({ url, target }) => {
    const body = ReadableStream.from((function* () {
      for (let i = 0; i < 100; i++) yield new Uint8Array(1024).fill(32);
    })());
    const response = await fetch(`${url}/revocations`, {
      method: "POST",
      headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" },
      body,
    });
    assertEquals([response.status, await response.json()], [413, { error: "body_too_large" }]);
    assertEquals(target.revocations, []);
  });
});

Deno.test("administration answers 500 and logs when the server can't do it", async () => {
  await withServer(async ({ call, lines }) => {
    const { status, body } = await call("POST", "/revocations", { body: { sub: "broken" } });
    assertEquals([status, body], [500, { error: "internal" }]);
    assertStringIncludes(JSON.stringify(lines().find((line) => line["event"] === "admin.failed")), "store is gone");
  });
});

async function silent(url: string, count: number): Promise<Deno.TcpConn[]> {
  const { hostname, port } = new URL(url);
  return await Promise.all(Array.from({ length: count }, () => Deno.connect({ hostname, port: Number(port) })));
}

/** Whether the server has ended the connection. */
async function isEnded(connection: Deno.TcpConn): Promise<boolean> {
  return await connection.read(new Uint8Array(1)).then((size) => size === null, () => true);
}

Deno.test("the ops server holds at most sixteen connections, and silent ones keep no other out", async () => {
  await withServer(async ({ url, call }) => {
    const flood = await silent(url, 60);
    try {
      let ended = 0;
      for (const connection of flood) void isEnded(connection).then((is) => is && ended++);
      // The deadline of a request, 15 s, would end them too.
      await until(() => ended >= 60 - 16, "all but sixteen of 60 connections to be ended", 10_000);
      assertEquals((await call("GET", "/readyz")).status, 200);
    } finally {
      for (const connection of flood) connection.close();
    }
  });
});

Deno.test("the ops server answers one request a connection, and refuses what is no request", async () => {
  await withServer(async ({ url }) => {
    const port = Number(new URL(url).port);
    const ask = async (text: string) => {
      using client = await RawClient.connect({ port });
      await client.send(text);
      const { status, headers } = await client.response();
      assertEquals(headers.get("connection"), "close");
      await client.closed();
      return status;
    };
    const health = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    assertEquals(await ask(health + health), 200);
    assertEquals(await ask("GET http://localhost/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"), 400);
    assertEquals(await ask("TRACE /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"), 405);
    using garbage = await RawClient.connect({ port });
    await garbage.send("\x16\x03\x01 garbage\r\n\r\n");
    await garbage.closed();
  });
});

Deno.test("HEAD on the ops server has headers and no body", async () => {
  await withServer(async ({ call }) => {
    const { status, body, headers } = await call("HEAD", "/metrics");
    assertEquals([status, body], [200, ""]);
    assert(Number(headers.get("content-length")) > 1000);
  });
});

Deno.test("closing the ops server waits for an answer under way, not for a silent connection", async () => {
  const target = new FakeTarget();
  const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
  const { promise: go, resolve: proceed } = Promise.withResolvers<void>();
  const server = await startOpsServer({
    hostname: "127.0.0.1",
    port: 0,
    version: "1",
    metrics: createMetrics({ telemetry: new Telemetry(), version: "1", startedAt: 0 }),
    target: Object.assign(target, {
      ready: async () => {
        ask();
        await go;
        return target.conditions;
      },
    }),
    log: createLog({ level: "error", format: "json", write: () => {} }),
  });
  const [quiet] = await silent(server.url, 1);
  const answer = fetch(`${server.url}/readyz`);
  await asked;
  const closed = server.close();
  let ended = false;
  void isEnded(quiet!).then((is) => ended = is);
  // By itself the connection would end after 15 seconds.
  await until(() => ended, "the silent connection to be ended", 10_000);
  proceed();
  const response = await answer;
  assertEquals([response.status, (await response.json()).ready], [200, true]);
  await closed;
  quiet!.close();
});

/** An administrator's actions in the log, which never has the token. */
import { digest } from "../../lib/base/equal_secrets.ts";
import { createLog } from "../../lib/log/log.ts";
import { createMetrics } from "../../lib/telemetry/metrics.ts";
import { startOpsServer } from "../../lib/ops/ops_server.ts";
import { Telemetry } from "../../lib/telemetry/telemetry.ts";
import { assert, assertEquals } from "../assert.ts";
import { FakeTarget } from "./fake_target.ts";

const TOKEN = "k7QmYt0Jq3bV9sZ1xW5nR8cF2hL6dP4g";
/** So many characters of a token next to each other are a part of it; a digest may have fewer in common with it. */
const PART = 6;

async function withServer(
  body: (act: (method: string, path: string, given?: unknown, token?: string) => Promise<number>) => Promise<void>,
): Promise<Record<string, unknown>[]> {
  const lines: string[] = [];
  const server = await startOpsServer({
    hostname: "127.0.0.1",
    port: 0,
    version: "1.2.3",
    metrics: createMetrics({ telemetry: new Telemetry(), version: "1.2.3", startedAt: Date.now() }),
    target: new FakeTarget(),
    log: createLog({ level: "info", format: "json", write: (line) => lines.push(line) }),
    adminToken: TOKEN,
  });
  try {
    await body(async (method, path, given, token = TOKEN) => {
      const response = await fetch(server.url + path, {
        method,
        headers: { authorization: `Bearer ${token}` },
        ...(given === undefined ? {} : { body: JSON.stringify(given) }),
      });
      await response.body?.cancel();
      return response.status;
    });
  } finally {
    await server.close();
  }
  for (const line of lines) {
    for (let at = 0; at + PART <= TOKEN.length; at++) {
      assert(!line.includes(TOKEN.slice(at, at + PART)), `a part of the admin token is in ${line}`);
    }
  }
  return lines.map((line) => JSON.parse(line));
}

Deno.test("each action of an administrator is one line with its kind and its object, at level info", async () => {
  const lines = await withServer(async (act) => {
    assertEquals(await act("DELETE", "/connections/c1"), 200);
    assertEquals(await act("POST", "/revocations", { sub: "alice" }), 200);
    assertEquals(await act("DELETE", `/bans/${encodeURIComponent("ip:192.0.2.7")}`), 200);
    assertEquals(await act("DELETE", "/bans"), 200);
    assertEquals(await act("DELETE", "/revocations/sub:alice"), 200);
    assertEquals(await act("DELETE", "/revocations"), 200);
    assertEquals(await act("POST", "/publish", { topic: "hall", method: "news", params: { text: "body" } }), 200);
  });
  assertEquals(
    lines.map(({ event, level, action, conn, sub, key, lifted, topic, method }) => ({
      ...{ event, level, action },
      object: conn ?? sub ?? key ?? lifted ?? `${topic} ${method}`,
    })),
    [
      ["kick", "c1"],
      ["revoke", "alice"],
      ["lift_ban", "ip:192.0.2.7"],
      ["lift_all_bans", 1],
      ["lift_revocation", "sub:alice"],
      ["lift_all_revocations", 1],
      ["publish", "hall news"],
    ].map(([action, object]) => ({ event: "admin.action", level: "info", action: action!, object: object! })),
  );
  const admin = (await digest(TOKEN)).subarray(0, 4).toHex();
  assertEquals(new Set(lines.map((line) => `${line.ip} ${line.admin}`)), new Set([`127.0.0.1 ${admin}`]));
  assert(!JSON.stringify(lines).includes('"body"'), "what is published is not logged");
});

Deno.test("a request that reads is no action, and a refused one logs no part of any token", async () => {
  const lines = await withServer(async (act) => {
    assertEquals(await act("GET", "/connections"), 200);
    assertEquals(await act("GET", "/bans"), 200);
    assertEquals(await act("DELETE", "/connections/unknown"), 404);
    for (const token of [TOKEN.slice(0, -1), `${TOKEN}x`, TOKEN.toLowerCase(), [...TOKEN].reverse().join("")]) {
      assertEquals(await act("DELETE", "/bans", undefined, token), 401);
      assertEquals(await act("DELETE", `/bans/${token.slice(0, 4)}`, undefined, token), 401);
    }
  });
  assertEquals(lines.map(({ event }) => event), Array.from({ length: 9 }, () => "admin.rejected"));
});

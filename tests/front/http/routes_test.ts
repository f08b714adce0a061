import type { Config } from "../../../lib/config/config.ts";
import { refusalResponse } from "../../../lib/front/http/headers.ts";
import { createRoutes } from "../../../lib/front/http/routes.ts";
import { type Handshake, type Peer, type Refusal, refuse } from "../../../lib/gate/gate.ts";
import { assertEquals } from "../../assert.ts";

const config = { tls: { hsts_max_age: 31_536_000_000 } } as Config;
const refused = (_handshake: Handshake, _peer: Peer, refusal: Refusal) => refusalResponse(refusal, config);
const peer: Peer = { ip: "192.0.2.1", secure: true, forwarded: false };

function ask(path: string, method = "GET", ticket?: () => Promise<Response>, failed?: (error: unknown) => void) {
  const routes = createRoutes({ config, refused, ...(ticket && { ticket }), ...(failed && { failed }) });
  return routes(new Request(`https://localhost${path}`, { method }), peer);
}

Deno.test("createRoutes(): status, body and Allow of every route", async () => {
  const table: [string, string, number, string, string | null][] = [
    ["GET", "/healthz", 200, "ok", null],
    ["GET", "/healthz?x", 200, "ok", null],
    ["POST", "/healthz", 405, '{"error":"method_not_allowed"}', "GET, HEAD"],
    ["GET", "/healthz/", 404, '{"error":"not_found"}', null],
    ["GET", "/", 404, '{"error":"not_found"}', null],
    ["POST", "/ticket", 404, '{"error":"not_found"}', null],
  ];
  for (const [method, path, status, body, allow] of table) {
    const response = await ask(path, method);
    assertEquals([response.status, await response.text(), response.headers.get("allow")], [status, body, allow]);
  }
});

Deno.test("createRoutes() delegates POST /ticket and its preflight, and contains what they throw", async () => {
  const ticket = () => Promise.resolve(new Response("ticket"));
  assertEquals(await (await ask("/ticket", "POST", ticket)).text(), "ticket");
  assertEquals(await (await ask("/ticket", "OPTIONS", ticket)).text(), "ticket");
  assertEquals((await ask("/ticket", "GET", ticket)).headers.get("allow"), "POST, OPTIONS");
  const errors: unknown[] = [];
  const failing = await ask("/ticket", "POST", () => Promise.reject("bug"), (error) => errors.push(error));
  assertEquals([failing.status, await failing.text()], [500, '{"error":"internal"}']);
  assertEquals(errors, ["bug"]);
});

Deno.test("refusalResponse() carries the headers of every answer; HSTS only with TLS", () => {
  const names = ["cache-control", "connection", "content-type", "strict-transport-security", "x-content-type-options"];
  const refusal = refuse("not_found");
  assertEquals([...refusalResponse(refusal, config).headers.keys()], names);
  assertEquals(refusalResponse(refusal, {} as Config).headers.has("strict-transport-security"), false);
  assertEquals(refusalResponse(refusal, config).headers.get("strict-transport-security"), "max-age=31536000");
});

Deno.test("refusalResponse(): Retry-After in whole seconds, further headers, no detail", async () => {
  const response = refusalResponse(refuse("rate_limited", { retryAfter: 0.2, detail: "secret" }), config);
  assertEquals([response.status, response.headers.get("retry-after")], [429, "1"]);
  assertEquals(await response.text(), '{"error":"rate_limited"}');
  const missing = refusalResponse(refuse("token_missing"), config);
  assertEquals([missing.headers.get("www-authenticate"), missing.headers.has("retry-after")], ["Bearer", false]);
});

import { ClusterUnavailable } from "../../lib/cluster/cluster.ts";
import type { Refusal } from "../../lib/gate/gate.ts";
import { assert, assertEquals } from "../assert.ts";
import { createTicketEndpoint, type TicketEndpointDeps, Tickets } from "../../lib/admission/admission.ts";
import { refusalResponse, securityHeaders } from "../../lib/front/http/headers.ts";
import { openStore } from "../../lib/store/store.ts";
import { loneState } from "../helpers/lone_node.ts";
import { ALICE, configWith, contextWith, memoryLog, NOW, ORIGIN, PEER } from "../helpers/admission.ts";

interface Scene {
  send(init?: { method?: string; headers?: Record<string, string | null>; body?: BodyInit }): Promise<Response>;
  readonly tickets: Tickets;
  readonly refusals: Refusal[];
}

function scene(changes: Partial<TicketEndpointDeps> = {}): Scene {
  const now = () => NOW;
  const tickets = new Tickets(loneState(openStore({ kind: "memory" }, { now, log: memoryLog() }), now), { now });
  const config = configWith();
  const context = contextWith();
  const refusals: Refusal[] = [];
  const endpoint = createTicketEndpoint({
    ...context,
    config,
    tickets,
    takePreflight: () => 0,
    takeTicket: () => 0,
    refused: (_handshake, _peer, refusal) => {
      refusals.push(refusal);
      return refusalResponse(refusal, config);
    },
    headers: securityHeaders(config),
    ...changes,
  });
  const send: Scene["send"] = ({ method = "POST", headers = {}, body } = {}) => {
    const all = { origin: ORIGIN, authorization: "Bearer good", ...headers };
    const given = Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== null);
    const init = { method, headers: given, ...(body === undefined ? {} : { body }) };
    return endpoint(new Request("https://ws.example.com/ticket", init), PEER);
  };
  return { send, tickets, refusals };
}

Deno.test("POST /ticket gives a ticket that counts, readable by the page that asked", async () => {
  const { send, tickets } = scene();
  const response = await send();
  assertEquals(response.status, 200);
  assertEquals(response.headers.get("access-control-allow-origin"), ORIGIN);
  assertEquals(response.headers.get("vary"), "Origin");
  assertEquals(response.headers.get("cache-control"), "no-store");
  assertEquals(response.headers.get("x-content-type-options"), "nosniff");
  assert(response.headers.has("strict-transport-security"));
  const { ticket, expires_in, ...rest } = await response.json();
  assertEquals([expires_in, rest], [30, {}]);
  assertEquals(await tickets.redeem(ticket, ORIGIN), ALICE);
});

Deno.test("POST /ticket without the other nodes: 503, readable by the page that asked", async () => {
  const state = { put: () => Promise.reject(new ClusterUnavailable("down")), take: () => Promise.resolve(undefined) };
  const { send, refusals } = scene({ tickets: new Tickets(state, { now: () => NOW }) });
  const response = await send();
  assertEquals([response.status, await response.json()], [503, { error: "cluster_unavailable" }]);
  assertEquals(response.headers.get("retry-after"), "5");
  assertEquals(response.headers.get("access-control-allow-origin"), ORIGIN);
  assertEquals(refusals.map(({ reason }) => reason), ["cluster_unavailable"]);
});

Deno.test("OPTIONS /ticket answers the preflight of an allowed origin, without a token", async () => {
  const { send } = scene({
    verify: () => {
      throw new Error("a preflight has no token");
    },
  });
  const response = await send({
    method: "OPTIONS",
    headers: {
      authorization: null,
      "access-control-request-method": "POST",
      "access-control-request-headers": "authorization",
    },
  });
  assertEquals(response.status, 204);
  assertEquals(response.headers.get("access-control-allow-origin"), ORIGIN);
  assertEquals(response.headers.get("access-control-allow-methods"), "POST");
  assertEquals(response.headers.get("access-control-allow-headers"), "Authorization, Content-Type");
  assertEquals(response.headers.get("access-control-max-age"), "600");
  assertEquals(response.headers.get("access-control-allow-credentials"), null);
  assertEquals(response.headers.get("vary"), "Origin");
  assertEquals(await response.text(), "");
});

type Row = readonly [
  name: string,
  status: number,
  reason: string,
  headers: Record<string, string | null>,
  deps?: Partial<TicketEndpointDeps>,
];

const ROWS: readonly Row[] = [
  ["no origin", 403, "origin_missing", { origin: null }],
  ["another origin", 403, "origin_not_allowed", { origin: "https://evil.example" }],
  ["origin null", 403, "origin_not_allowed", { origin: "null" }],
  ["too many handshakes", 429, "rate_limited", { authorization: null }, { takeHandshake: () => 1500 }],
  ["a bad token out of turn", 429, "rate_limited", { authorization: "Bearer bad" }, { takeHandshake: () => 1500 }],
  ["a banned address", 429, "banned", { authorization: null }, { addressBanned: () => 1500 }],
  ["too many handshakes of the user", 429, "rate_limited", {}, { takeUserHandshake: () => 1500 }],
  ["no token", 401, "token_missing", { authorization: null }],
  ["a token elsewhere", 401, "token_missing", { authorization: null, cookie: "__Host-session=good" }],
  ["a bad token", 401, "token_invalid", { authorization: "Bearer bad" }],
  [
    "an expired token",
    401,
    "token_expired",
    {},
    { verify: () => Promise.resolve({ ok: false, reason: "token_expired", detail: "exp is over" }) },
  ],
  ["a role too few", 403, "forbidden", {}, { config: configWith({ auth: { required_role: "admin" } }) }],
  ["a banned user", 429, "banned", {}, { userBanned: () => 1500 }],
  ["too many tickets", 429, "rate_limited", {}, { takeTicket: (user) => user === "alice" ? 1500 : 0 }],
];

for (const [name, status, reason, headers, deps] of ROWS) {
  Deno.test(`POST /ticket with ${name}: ${status} ${reason}`, async () => {
    const { send, refusals } = scene(deps);
    const response = await send({ headers });
    assertEquals(response.status, status);
    assertEquals(await response.json(), { error: reason });
    assertEquals(refusals.map((refusal) => refusal.reason), [reason]);
    assertEquals(response.headers.get("retry-after"), status === 429 ? "2" : null);
    assertEquals(response.headers.get("www-authenticate"), status === 401 ? "Bearer" : null);
    assertEquals(response.headers.get("connection"), "close");
    assertEquals(response.headers.get("vary"), "Origin");
    // A page of another site learns nothing; one of ours can read why.
    const readable = headers.origin === undefined ? ORIGIN : null;
    assertEquals(response.headers.get("access-control-allow-origin"), readable);
    assertEquals(JSON.stringify(refusals).includes("Bearer good"), false);
  });
}

Deno.test("OPTIONS /ticket beyond the limit of the address: 429, readable by the page that asked", async () => {
  const { send, refusals } = scene({ takePreflight: (ip) => ip === PEER.ip ? 1500 : 0 });
  const response = await send({ method: "OPTIONS", headers: { authorization: null } });
  assertEquals([response.status, response.headers.get("retry-after")], [429, "2"]);
  assertEquals(response.headers.get("access-control-allow-origin"), ORIGIN);
  assertEquals(await response.json(), { error: "rate_limited" });
  assertEquals(refusals.map(({ reason }) => reason), ["rate_limited"]);
});

Deno.test("/ticket refuses other methods, and the preflight of another origin", async () => {
  const { send } = scene();
  for (const method of ["GET", "PUT", "DELETE"]) {
    const response = await send({ method });
    assertEquals([response.status, response.headers.get("allow")], [405, "POST, OPTIONS"]);
    await response.body?.cancel();
  }
  const response = await send({ method: "OPTIONS", headers: { origin: "https://evil.example" } });
  assertEquals([response.status, response.headers.get("access-control-allow-origin")], [403, null]);
  await response.body?.cancel();
});

Deno.test("POST /ticket reads nothing of the body, and gives it up", async () => {
  let pulled = 0;
  let cancelled = false;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      pulled++;
      controller.enqueue(new Uint8Array(65_536));
    },
    cancel() {
      cancelled = true;
    },
  });
  const response = await scene().send({ body });
  assertEquals(response.status, 200);
  await response.body?.cancel();
  assert(pulled <= 2);
  assert(cancelled, "the platform would keep the body");
});

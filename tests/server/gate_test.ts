/** The gate of a server that does not listen: places and bans of addresses, refusals, HTTP requests. */
import type { AddressPermit } from "../../lib/gate/gate.ts";
import { refuse } from "../../lib/gate/gate.ts";
import type { CellStarter } from "../../lib/sandbox/sandbox.ts";
import { ServerGate } from "../../lib/server/gate.ts";
import { Server } from "../../lib/server/server.ts";
import { configWith, handshake, memoryLog, PEER } from "../helpers/admission.ts";
import { assert, assertEquals } from "../assert.ts";

const CAP = 4;

function make() {
  const base = configWith({ server: { max_connections_per_ip: CAP } });
  const limits = { ...base.limits, handshake: { rate: 0.001, burst: 20 }, max_violations: 2, ban: 60_000 };
  const log = memoryLog();
  const server = new Server({ config: { ...base, limits }, log, cells: {} as CellStarter });
  server.routes = () => Promise.resolve(new Response("routed"));
  return { gate: new ServerGate(server), server, log };
}

const isEntry = (entered: AddressPermit | string): entered is AddressPermit => typeof entered === "object";

Deno.test("ServerGate.enter() gives an address its places, each of its /64 the same ones, and each back", () => {
  const { gate } = make();
  const entries = Array.from({ length: CAP }, (_, i) => gate.enter(`2001:db8::${i + 1}`));
  assert(entries.every(isEntry));
  assertEquals(gate.enter("2001:db8::99"), "too_many_connections");
  assert(isEntry(gate.enter("2001:db8:0:1::1")), "another /64");
  entries[0]!.leave();
  assert(isEntry(gate.enter("2001:db8::99")));
});

Deno.test("ServerGate.enter() lets a banned address have half of its places, as a suspect", () => {
  const { gate, server } = make();
  server.limits.bans.add("ip:192.0.2.7");
  const entries = Array.from({ length: CAP / 2 }, () => gate.enter("192.0.2.7"));
  assertEquals(entries.map((entry) => isEntry(entry) && entry.suspect), [true, true]);
  assertEquals(gate.enter("192.0.2.7"), "banned");
  const proven = entries[0] as AddressPermit;
  proven.admitted();
  assert(isEntry(gate.enter("192.0.2.7")), "a proven connection makes room");
  const honest = gate.enter("192.0.2.8");
  assert(isEntry(honest) && !honest.suspect, "another address is no suspect");
});

Deno.test("ServerGate.refused() answers, logs and counts a refusal, and keeps its detail inside", async () => {
  const { gate, server, log } = make();
  const response = gate.refused(handshake(), PEER, refuse("token_invalid", { detail: "the signature" }));
  assertEquals([response.status, await response.json()], [401, { error: "token_invalid" }]);
  assertEquals(response.headers.get("www-authenticate"), "Bearer");
  const { event, fields } = log.lines[0]!;
  assertEquals([event, fields.ip, fields.reason, fields.status, fields.detail], [
    ...["handshake.rejected", PEER.ip, "token_invalid", 401, "the signature"],
  ]);
  assertEquals([...server.telemetry.handshakes.entries()], [["rejected", "token_invalid", 1]]);
});

Deno.test("ServerGate.refused() says when to come back with each 429", () => {
  const { gate } = make();
  const retry = (refusal: Parameters<typeof gate.refused>[2]) =>
    gate.refused(null, PEER, refusal).headers.get("retry-after");
  assertEquals(retry(refuse("too_many_connections")), "5");
  assertEquals(retry(refuse("rate_limited", { retryAfter: 17 })), "17");
  assertEquals(retry(refuse("origin_not_allowed")), null);
});

Deno.test("ServerGate bans an address for malformed requests and garbage, not for what a page can cause", () => {
  const cases: [string, (gate: ServerGate) => void, boolean][] = [
    ["malformed", (gate) => gate.refused(null, PEER, refuse("bad_request")), true],
    ["garbage before TLS", (gate) => gate.failed(PEER.ip, true), true],
    ["malformed by a page", (gate) => gate.refused(null, PEER, refuse("bad_request", { blameless: true })), false],
    ["TLS given up", (gate) => gate.failed(PEER.ip, false), false],
    ["foreign origin", (gate) => gate.refused(handshake(), PEER, refuse("origin_not_allowed")), false],
    ["rate limited", (gate) => gate.refused(handshake(), PEER, refuse("rate_limited", { retryAfter: 1 })), false],
  ];
  for (const [name, offend, banned] of cases) {
    const { gate, server } = make();
    for (let i = 0; i < 10; i++) offend(gate);
    assertEquals(server.limits.bans.banned(`ip:${PEER.ip}`) > 0, banned, name);
    assertEquals(server.limits.bans.banned("ip:192.0.2.8"), 0, "the neighbour's address");
  }
});

Deno.test("ServerGate.http() limits an address' requests, and leaves preflights and tickets of allowed pages to their own limits", async () => {
  const { gate } = make();
  const get = (path: string, method = "GET", origin?: string, ip = PEER.ip) =>
    gate.http(
      new Request(`https://ws.example.com${path}`, { method, headers: origin === undefined ? {} : { origin } }),
      { ...PEER, ip },
    );
  for (let i = 0; i < 20; i++) assertEquals((await get("/healthz")).status, 200);
  const refused = await get("/healthz");
  assertEquals(refused.status, 429);
  assert(Number(refused.headers.get("retry-after")) >= 1);
  assertEquals((await get("/ticket", "POST", "https://app.example.com")).status, 200);
  assertEquals((await get("/ticket", "OPTIONS", "https://app.example.com")).status, 200);
  assertEquals((await get("/ticket", "POST", "https://evil.example")).status, 429, "a foreign page");
  assertEquals((await get("/healthz", "GET", undefined, "192.0.2.8")).status, 200, "another address");
});

Deno.test("ServerGate.admit() refuses when admission throws, and the log has the error", async () => {
  const { gate, server, log } = make();
  server.verifier = {
    verify: () => {
      throw new Error("broken verifier");
    },
  } as unknown as typeof server.verifier;
  const verdict = await gate.admit(handshake({ authorization: "Bearer x" }), PEER, () => false);
  assertEquals(verdict.accepted === false && [verdict.status, verdict.reason], [503, "overloaded"]);
  const failed = log.lines.find(({ event }) => event === "handshake.failed");
  assert(String(failed?.fields.error).includes("broken verifier"));
});

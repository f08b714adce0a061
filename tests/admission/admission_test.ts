import fc from "fast-check";
import { ClusterUnavailable } from "../../lib/cluster/cluster.ts";
import { REASONS, REFUSALS, refuse } from "../../lib/gate/gate.ts";
import { assert, assertEquals, assertRejects } from "../assert.ts";
import { type AdmissionContext, admit } from "../../lib/admission/admission.ts";
import type { Config } from "../../lib/config/config.ts";
import { ALICE, configWith, contextWith, handshake, ORIGIN, PEER } from "../helpers/admission.ts";

const BEARER = { authorization: "Bearer good" };

interface Situation {
  readonly headers?: Record<string, string | null>;
  readonly query?: string;
  readonly method?: string;
  readonly config?: Config;
  readonly context?: Partial<AdmissionContext>;
}

async function decide({ headers = {}, query, method, config, context }: Situation) {
  return await admit(handshake({ ...BEARER, ...headers }, query, method), PEER, contextWith(context, config));
}

/** One fault a row, in the order of the checks. */
const FAULTS: readonly [name: string, status: number, reason: string, retryAfter: number | undefined, Situation][] = [
  ["another method", 405, "method_not_allowed", undefined, { method: "POST" }],
  ["no upgrade", 426, "upgrade_required", undefined, { headers: { upgrade: null } }],
  ["another version", 426, "upgrade_required", undefined, { headers: { "sec-websocket-version": "8" } }],
  ["no key", 400, "bad_request", undefined, { headers: { "sec-websocket-key": null } }],
  ["a wrong origin", 403, "origin_not_allowed", undefined, { headers: { origin: "https://evil.example" } }],
  ["a server that drains", 503, "draining", 10, { context: { draining: true } }],
  ["a server that is full", 503, "server_full", 5, { context: { full: true } }],
  ["a server under too much load", 503, "overloaded", 5, { context: { overloaded: true } }],
  ["a banned address", 429, "banned", 60, {
    headers: { authorization: null },
    context: { addressBanned: () => 59_001 },
  }],
  ["too many handshakes", 429, "rate_limited", 3, {
    headers: { authorization: null },
    context: { takeHandshake: () => 2001 },
  }],
  ["a malformed offer", 400, "bad_request", undefined, { headers: { "sec-websocket-protocol": "a,,b" } }],
  ["an unknown subprotocol", 400, "subprotocol_unsupported", undefined, { headers: { "sec-websocket-protocol": "x" } }],
  ["no subprotocol", 400, "subprotocol_required", undefined, { headers: { "sec-websocket-protocol": null } }],
  ["two tokens", 400, "bad_request", undefined, { query: "?ticket=x&ticket=y" }],
  ["no token", 401, "token_missing", undefined, { headers: { authorization: null } }],
  ["a bad token", 401, "token_invalid", undefined, { headers: { authorization: "Bearer bad" } }],
  ["a banned user", 429, "banned", 60, { context: { userBanned: () => 59_001 } }],
  ["too many handshakes of the user", 429, "rate_limited", 2, { context: { takeUserHandshake: () => 1001 } }],
  ["a role too few", 403, "forbidden", undefined, { config: configWith({ auth: { required_role: "admin" } }) }],
  ["too many connections", 429, "too_many_connections", 5, { context: { userConnections: () => 20 } }],
];

for (const [name, status, reason, retryAfter, situation] of FAULTS) {
  Deno.test(`admit() of ${name}: ${status} ${reason}`, async () => {
    const refusal = await decide(situation);
    assert(!refusal.accepted);
    assertEquals([refusal.status, refusal.reason, refusal.retryAfter], [status, reason, retryAfter]);
    assertEquals(refusal.headers?.["WWW-Authenticate"], status === 401 ? "Bearer" : undefined);
  });
}

Deno.test("admit() makes its checks in the order of the contract: of two faults the earlier one is told", async () => {
  for (const [at, [earlier, , reason, , first]] of FAULTS.entries()) {
    for (const [later, , , , second] of FAULTS.slice(at + 1)) {
      const both: Situation = {
        ...second,
        ...first,
        headers: { ...second.headers, ...first.headers },
        context: { ...second.context, ...first.context },
      };
      const refusal = await decide(both);
      assert(!refusal.accepted);
      assertEquals(refusal.reason, reason, `${earlier}, and ${later}`);
    }
  }
});

Deno.test("admit() accepts a handshake that passes all checks, one below each bound", async () => {
  const accepted = await decide({ context: { userConnections: () => 19 } });
  assertEquals(accepted, { accepted: true, identity: ALICE, subprotocol: "chat.v1" });
});

Deno.test("admit() judges the origin before everything that depends on state: no bucket, key or ticket is touched", async () => {
  const touched: string[] = [];
  const touch = (name: string) => () => {
    touched.push(name);
    throw new Error(`${name} was asked`);
  };
  const context = {
    draining: true,
    full: true,
    overloaded: true,
    takeHandshake: touch("takeHandshake"),
    verify: touch("verify"),
    userConnections: touch("userConnections"),
    userBanned: touch("userBanned"),
  };
  for (const origin of ["https://evil.example", "null", null, ""]) {
    const refusal = await decide({ headers: { origin }, context });
    assert(!refusal.accepted);
    assertEquals(refusal.status, 403);
  }
  assertEquals(touched, []);
});

Deno.test("admit() refuses other sites' pages that come with the visitor's cookie (CVE-2023-0957, CVE-2025-24010, CVE-2026-25253)", async () => {
  const config = configWith({ auth: { sources: ["cookie"] } });
  const headers = { authorization: null, cookie: "__Host-session=good" };
  const sites = [
    "https://evil.example",
    "https://app.example.com.evil.example",
    "http://app.example.com",
    "null",
    null,
  ];
  for (const origin of sites) {
    const refusal = await decide({ headers: { ...headers, origin }, config });
    assert(!refusal.accepted);
    assertEquals(refusal.status, 403);
  }
  assertEquals((await decide({ headers, config })).accepted, true);
});

Deno.test("admit() skips no check for a handshake that looks like another kind (socket.io#5077, CVE-2024-28179)", async () => {
  for (const query of ["?sid=1", "?EIO=4&transport=websocket", "?token=good", "?authorization=Bearer%20good"]) {
    const refusal = await decide({ query, headers: { authorization: null } });
    assert(!refusal.accepted);
    assertEquals(refusal.reason, "token_missing");
    const wrong = await decide({ query, headers: { origin: "https://evil.example" } });
    assert(!wrong.accepted);
    assertEquals(wrong.reason, "origin_not_allowed");
  }
});

Deno.test("admit() lets the origin be missing only with a Bearer header, and only if configured", async () => {
  const config = configWith({
    admission: { allow_missing_origin: true },
    auth: { sources: ["header", "subprotocol", "cookie", "query"] },
  });
  const reasonOf = async (headers: Record<string, string | null>, query = "", given = config) => {
    const outcome = await decide({ headers: { origin: null, ...headers }, query, config: given });
    return outcome.accepted ? "accepted" : outcome.reason;
  };
  assertEquals(await reasonOf({}), "accepted");
  assertEquals(await reasonOf({}, "", configWith()), "origin_missing");
  assertEquals(await reasonOf({ authorization: null }), "origin_missing");
  assertEquals(await reasonOf({ authorization: "Basic YTpi" }), "origin_missing");
  assertEquals(await reasonOf({ authorization: null, cookie: "__Host-session=good" }), "origin_missing");
  assertEquals(
    await reasonOf({ authorization: null, "sec-websocket-protocol": "chat.v1, bearer.good" }),
    "origin_missing",
  );
  assertEquals(await reasonOf({ authorization: null }, "?access_token=good"), "origin_missing");
  assertEquals(await reasonOf({ origin: "null" }), "origin_not_allowed");
  assertEquals(await reasonOf({ cookie: "__Host-session=other" }), "bad_request");
  // A header that is not looked at vouches for nothing.
  const cookieOnly = configWith({ admission: { allow_missing_origin: true }, auth: { sources: ["cookie"] } });
  assertEquals(await reasonOf({ cookie: "__Host-session=good" }, "", cookieOnly), "origin_missing");
});

Deno.test("admit() redeems a ticket for the origin it came with", async () => {
  const redeemed: string[][] = [];
  const redeemTicket = (ticket: string, origin: string) => {
    redeemed.push([ticket, origin]);
    return Promise.resolve(ticket === "right" ? ALICE : null);
  };
  const headers = { authorization: null };
  const accepted = await decide({ headers, query: "?ticket=right", context: { redeemTicket } });
  assert(accepted.accepted);
  const refused = await decide({ headers, query: "?ticket=wrong", context: { redeemTicket } });
  assert(!refused.accepted);
  assertEquals([refused.status, refused.reason], [401, "ticket_invalid"]);
  assertEquals(redeemed, [["right", ORIGIN], ["wrong", ORIGIN]]);
});

Deno.test("admit() refuses a ticket with 503 while tickets can't be looked up, and no other credential", async () => {
  const redeemTicket = () => Promise.reject(new ClusterUnavailable("No answer within 250 ms"));
  const refused = await decide({ headers: { authorization: null }, query: "?ticket=right", context: { redeemTicket } });
  assert(!refused.accepted);
  assertEquals([refused.status, refused.reason, refused.retryAfter], [503, "cluster_unavailable", 5]);
  assertEquals((await decide({ context: { redeemTicket } })).accepted, true);
  const failing = decide({
    headers: { authorization: null },
    query: "?ticket=right",
    context: { redeemTicket: () => Promise.reject(new TypeError("a fault")) },
  });
  await assertRejects(() => failing, TypeError);
});

Deno.test("admit() refuses every handshake with 503 on a node that is cut off, after its origin was judged", async () => {
  const refused = await decide({ context: { cutOff: true } });
  assert(!refused.accepted);
  assertEquals([refused.status, refused.reason, refused.retryAfter], [503, "cluster_unavailable", 5]);
  const foreign = await decide({ headers: { origin: "https://evil.example" }, context: { cutOff: true } });
  assert(!foreign.accepted);
  assertEquals(foreign.reason, "origin_not_allowed");
});

Deno.test("admit() burns a ticket that comes with a wrong origin, and answers 403 even if that fails", async () => {
  const burnt: string[][] = [];
  const redeemTicket = (ticket: string, origin: string) => {
    burnt.push([ticket, origin]);
    return Promise.reject(new Error("no store"));
  };
  for (const origin of ["https://evil.example", null]) {
    const refusal = await decide({ headers: { origin }, query: "?ticket=t", context: { redeemTicket } });
    assert(!refusal.accepted);
    assertEquals(refusal.status, 403);
  }
  assertEquals(burnt, [["t", "https://evil.example"], ["t", ""]]);
  const config = configWith({ auth: { sources: ["header"] } });
  await decide({ headers: { origin: "https://evil.example" }, query: "?ticket=t", config, context: { redeemTicket } });
  assertEquals(burnt.length, 2);
});

Deno.test("admit() tells of tokens what the verifier says, and nothing else in the answer", async () => {
  for (const reason of ["token_invalid", "token_expired", "token_revoked"] as const) {
    const verify = () => Promise.resolve({ ok: false as const, reason, detail: "why, for the log" });
    const refusal = await decide({ context: { verify } });
    assert(!refusal.accepted);
    assertEquals(refusal, {
      accepted: false,
      status: 401,
      reason,
      detail: "why, for the log",
      headers: { "WWW-Authenticate": "Bearer" },
    });
  }
});

Deno.test("admit() puts no token, cookie or ticket into what it returns", async () => {
  const secret = "s3cr3t-s3cr3t-s3cr3t";
  const config = configWith({ auth: { sources: ["header", "subprotocol", "cookie", "ticket", "query"] } });
  const carriers: Situation[] = [
    { headers: { authorization: `Bearer ${secret}` } },
    { headers: { authorization: `Bearer ${secret}, Bearer x` } },
    { headers: { authorization: null, "sec-websocket-protocol": `chat.v1, bearer.${secret}` } },
    { headers: { authorization: null, "sec-websocket-protocol": `bearer.${secret}, bearer.${secret}` } },
    { headers: { authorization: null, "sec-websocket-protocol": `bearer.${secret}` } },
    { headers: { authorization: null, cookie: `__Host-session=${secret}` } },
    { query: `?ticket=${secret}` },
    { headers: { authorization: null }, query: `?ticket=${secret}` },
    { query: `?access_token=${secret}` },
    { headers: { origin: "https://evil.example" }, query: `?ticket=${secret}` },
  ];
  for (const carrier of carriers) {
    const outcome = await decide({ ...carrier, config });
    assert(!outcome.accepted);
    assertEquals(JSON.stringify(outcome).includes(secret), false);
  }
});

Deno.test("refuse() gives every reason its status and what goes with it", () => {
  for (const reason of REASONS) {
    const { status, headers } = refuse(reason);
    assertEquals(status, REFUSALS[reason].status);
    assertEquals(headers?.["WWW-Authenticate"], status === 401 ? "Bearer" : undefined);
    assertEquals(headers?.["Upgrade"], status === 426 ? "websocket" : undefined);
  }
});

Deno.test("admit() decides on anything: it never throws, and refuses with a reason and its status", async () => {
  const names = ["host", "origin", "upgrade", "connection", "sec-websocket-version", "sec-websocket-key"];
  const name = fc.constantFrom(...names, "sec-websocket-protocol", "authorization", "cookie", "content-length");
  // Bytes as a header can carry them: anything but NUL, CR and LF.
  const value = fc.string({ unit: fc.integer({ min: 1, max: 255 }).map((code) => String.fromCharCode(code)) })
    .map((text) => text.replace(/[\r\n]/g, ""));
  const config = configWith({
    admission: { allow_missing_origin: true, require_subprotocol: false },
    auth: { sources: ["header", "subprotocol", "cookie", "ticket", "query"] },
  });
  await fc.assert(
    fc.asyncProperty(fc.dictionary(name, fc.option(value)), fc.webQueryParameters(), async (headers, query) => {
      const outcome = await decide({ headers, query: `?${query}&ticket=x`, config });
      if (!outcome.accepted) assertEquals(outcome.status, REFUSALS[outcome.reason].status);
    }),
  );
});

import { assertEquals } from "../assert.ts";
import { findCredential } from "../../lib/admission/credentials.ts";
import { readOffer } from "../../lib/admission/subprotocol.ts";
import type { Config } from "../../lib/config/config.ts";
import { handshake } from "../helpers/admission.ts";

type Sources = Config["auth"]["sources"];
const ALL: Sources = ["header", "subprotocol", "cookie", "ticket", "query"];

/** The credential found, as `kind:value`. */
function find(
  headers: Record<string, string>,
  query = "",
  sources: Sources = ALL,
  cookie = "__Host-session",
): string {
  const request = handshake(headers, query);
  const offer = readOffer(request.headers.get("sec-websocket-protocol")) ?? { subprotocols: [], bearers: [] };
  const found = findCredential(request, offer, { sources, cookie });
  if (found.kind === "token") return `${found.source}:${found.token}`;
  return found.kind === "ticket" ? `ticket:${found.ticket}` : found.kind;
}

const IN_HEADER = { authorization: "Bearer a.b.c" };
const IN_SUBPROTOCOL = { "sec-websocket-protocol": "chat.v1, bearer.a.b.c" };
const IN_COOKIE = { cookie: "other=1; __Host-session=a.b.c; last=2" };

const TABLE: readonly [name: string, headers: Record<string, string>, query: string, expected: string][] = [
  ["nothing", {}, "", "none"],
  ["the header", IN_HEADER, "", "header:a.b.c"],
  ["the header in another case", { authorization: "bEARER   a.b.c" }, "", "header:a.b.c"],
  ["another scheme", { authorization: "Basic YTpi" }, "", "none"],
  ["a scheme that only begins like it", { authorization: "BearerX a" }, "", "none"],
  ["a header without a token", { authorization: "Bearer" }, "", "none"],
  ["the header twice", { authorization: "Bearer a, Bearer b" }, "", "conflict"],
  ["the subprotocol", IN_SUBPROTOCOL, "", "subprotocol:a.b.c"],
  ["an empty subprotocol token", { "sec-websocket-protocol": "chat.v1, bearer." }, "", "none"],
  ["two subprotocol tokens", { "sec-websocket-protocol": "chat.v1, bearer.a, bearer.b" }, "", "conflict"],
  ["the cookie", IN_COOKIE, "", "cookie:a.b.c"],
  ["an empty cookie", { cookie: "__Host-session=" }, "", "none"],
  ["a cookie without =", { cookie: "__Host-session" }, "", "none"],
  ["a cookie whose value has =", { cookie: "__Host-session=a=b" }, "", "cookie:a=b"],
  ["a cookie of another case", { cookie: "__host-session=a" }, "", "none"],
  ["a cookie behind a no-break space", { cookie: "\u00a0__Host-session=a" }, "", "none"],
  ["a nameless cookie in its guise", { cookie: "=__Host-session=a" }, "", "none"],
  ["the same cookie twice, alike", { cookie: "__Host-session=a; __Host-session=a" }, "", "cookie:a"],
  ["the same cookie twice, unlike", { cookie: "__Host-session=a; __Host-session=b" }, "", "conflict"],
  ["a ticket", {}, "?ticket=t", "ticket:t"],
  ["two tickets", {}, "?ticket=t&ticket=u", "conflict"],
  ["an empty ticket", {}, "?ticket=", "none"],
  ["the query", {}, "?access_token=a.b.c", "query:a.b.c"],
  ["header and subprotocol, the same", { ...IN_HEADER, ...IN_SUBPROTOCOL }, "", "header:a.b.c"],
  ["header and cookie, the same", { ...IN_HEADER, ...IN_COOKIE }, "", "header:a.b.c"],
  ["header and subprotocol, different", { ...IN_SUBPROTOCOL, authorization: "Bearer x" }, "", "conflict"],
  ["header and cookie, different", { ...IN_COOKIE, authorization: "Bearer x" }, "", "conflict"],
  ["header and ticket", IN_HEADER, "?ticket=t", "conflict"],
  ["header and query, different", IN_HEADER, "?access_token=x", "conflict"],
  ["subprotocol and query, the same", IN_SUBPROTOCOL, "?access_token=a.b.c", "subprotocol:a.b.c"],
  ["all, the last different", { ...IN_HEADER, ...IN_SUBPROTOCOL, ...IN_COOKIE }, "?access_token=x", "conflict"],
];

for (const [name, headers, query, expected] of TABLE) {
  Deno.test(`findCredential() in ${name}: ${expected}`, () => assertEquals(find(headers, query), expected));
}

Deno.test("findCredential() takes the first source in the configured order", () => {
  const both = { ...IN_HEADER, ...IN_COOKIE };
  assertEquals(find(both, "", ["cookie", "header"]), "cookie:a.b.c");
  assertEquals(find(both, "", ["header", "cookie"]), "header:a.b.c");
});

Deno.test("findCredential() looks at no source that is not configured", () => {
  const everywhere = { authorization: "Bearer 1", "sec-websocket-protocol": "x, bearer.2", cookie: "__Host-session=3" };
  const query = "?ticket=4&access_token=5";
  const found = (source: Sources[number]) => find(everywhere, query, [source]);
  assertEquals(ALL.map(found), ["header:1", "subprotocol:2", "cookie:3", "ticket:4", "query:5"]);
  assertEquals(find(everywhere, query, []), "none");
});

Deno.test("findCredential() treats cookies named like parts of an object as any other", () => {
  for (const name of ["__proto__", "constructor", "toString"]) {
    assertEquals(find({ cookie: "a=1" }, "", ["cookie"], name), "none");
    assertEquals(find({ cookie: `${name}=v` }, "", ["cookie"], name), "cookie:v");
  }
});

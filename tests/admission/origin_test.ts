import fc from "fast-check";
import { assertEquals, assertThrows } from "../assert.ts";
import { compileOrigins, judgeOrigin, parseOrigin } from "../../lib/admission/origin.ts";

const ALLOWED = compileOrigins([
  "https://app.example.com",
  "https://app.example.com:8443",
  "http://localhost:5173",
  "https://xn--bcher-kva.example",
  "https://[2001:db8::1]:9443",
  "https://192.0.2.10",
]);

/** Header, verdict. What is "allowed" is the same scheme, host and port in another spelling of RFC 6454 section 4. */
const TABLE: readonly [string, boolean][] = [
  ["https://app.example.com", true],
  ["https://app.example.com:443", true],
  ["HTTPS://app.example.com", true],
  ["https://APP.Example.COM", true],
  ["https://app.example.com:8443", true],
  ["http://localhost:5173", true],
  ["https://xn--bcher-kva.example", true],
  ["https://XN--BCHER-KVA.example", true],
  ["https://[2001:db8::1]:9443", true],
  ["https://[2001:DB8::1]:9443", true],
  ["https://192.0.2.10", true],
  ["", false],
  ["null", false],
  ["NULL", false],
  ["undefined", false],
  ["*", false],
  ["https://*", false],
  ["https://*.example.com", false],
  ["http://app.example.com", false],
  ["wss://app.example.com", false],
  ["ws://app.example.com", false],
  ["file://", false],
  ["data:text/html,x", false],
  ["chrome-extension://app.example.com", false],
  ["app.example.com", false],
  ["//app.example.com", false],
  ["https:app.example.com", false],
  ["https:/app.example.com", false],
  ["https:///app.example.com", false],
  ["https:\\\\app.example.com", false],
  ["https://app.example.com/", false],
  ["https://app.example.com/path", false],
  ["https://app.example.com?x", false],
  ["https://app.example.com#x", false],
  ["https://app.example.com\\", false],
  ["https://user@app.example.com", false],
  ["https://user:pw@app.example.com", false],
  ["https://app.example.com@evil.example", false],
  ["https://evil.example#@app.example.com", false],
  ["https://evil.example/https://app.example.com", false],
  ["https://app.example.com.evil.example", false],
  ["https://evilapp.example.com", false],
  ["https://app.example.com.", false],
  ["https://app.example.co", false],
  ["https://example.com", false],
  ["https://sub.app.example.com", false],
  ["https://app-example.com", false],
  ["https://app.example.com:80", false],
  ["https://app.example.com:444", false],
  ["https://app.example.com:", false],
  ["https://app.example.com:0443", false],
  ["https://app.example.com:99999", false],
  ["https://app.example.com:4 43", false],
  ["https://app.example.com:-443", false],
  ["https://app.example.com https://evil.example", false],
  ["https://evil.example https://app.example.com", false],
  ["https://app.example.com, https://app.example.com", false],
  ["https://app%2eexample.com", false],
  ["https://app.example.com%00", false],
  ["https://app.example.com\u0000", false],
  ["https://app\t.example.com", false],
  ["https://bücher.example", false],
  ["https://BÜCHER.example", false],
  ["https://xn--bcher-kva.example.", false],
  ["https://аpp.example.com", false],
  ["https://app。example.com", false],
  ["https://[2001:0db8::1]:9443", false],
  ["https://[2001:db8:0:0:0:0:0:1]:9443", false],
  ["https://[::ffff:192.0.2.10]", false],
  ["https://3221225994", false],
  ["https://0xc000020a", false],
  ["https://192.0.522", false],
  ["https://0300.0.2.10", false],
  [`https://${"a".repeat(300)}.example.com`, false],
];

Deno.test(`OriginSet.has() decides ${TABLE.length} spellings of origins`, () => {
  for (const [header, allowed] of TABLE) assertEquals(ALLOWED.has(header), allowed, JSON.stringify(header));
});

Deno.test("judgeOrigin() tells a missing origin from a wrong one", () => {
  assertEquals(judgeOrigin(null, ALLOWED, false), "origin_missing");
  assertEquals(judgeOrigin(null, ALLOWED, true), "allowed");
  assertEquals(judgeOrigin("", ALLOWED, true), "origin_not_allowed");
  assertEquals(judgeOrigin("null", ALLOWED, true), "origin_not_allowed");
});

Deno.test("judgeOrigin() refuses null, which sandboxed frames send (Next.js CVE-2026-27977)", () => {
  assertEquals(judgeOrigin("null", ALLOWED, false), "origin_not_allowed");
  assertThrows(() => compileOrigins(["null"]), TypeError);
});

Deno.test("compileOrigins() takes no wildcard and matches no suffix (Phoenix CVE-2022-42975, Socket.IO CVE-2020-28481)", () => {
  for (const wildcard of ["*", "https://*.example.com", "//*.example.com", "https://example.*"]) {
    assertThrows(() => compileOrigins([wildcard]), TypeError);
  }
  const set = compileOrigins(["https://example.com"]);
  for (const host of ["evilexample.com", "example.com.evil.org", "a.example.com"]) {
    assertEquals(set.has(`https://${host}`), false);
  }
});

Deno.test("compileOrigins() of nothing allows nothing", () => {
  const none = compileOrigins([]);
  assertEquals([none.size, none.has("https://app.example.com"), none.has("")], [0, false, false]);
});

Deno.test("parseOrigin() gives what the URL parser would call that origin, or null", () => {
  fc.assert(fc.property(fc.webUrl(), fc.string(), (url, tail) => {
    const { origin } = new URL(url);
    assertEquals(parseOrigin(origin), origin);
    const parsed = parseOrigin(origin + tail);
    if (parsed !== null) assertEquals(parsed, new URL(origin + tail).origin);
  }));
});

Deno.test("parseOrigin() takes no more than 300 characters", () => {
  const long = (length: number) => `https://${"a".repeat(length - 16)}.example`;
  assertEquals([parseOrigin(long(300)), parseOrigin(long(301))], [long(300), null]);
});

Deno.test("parseOrigin() never throws and only returns what it maps to itself", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.string().map((text) => `https://${text}`)), (text) => {
      const parsed = parseOrigin(text);
      if (parsed !== null) assertEquals(parseOrigin(parsed), parsed);
    }),
  );
});

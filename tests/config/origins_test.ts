import * as fc from "fast-check";
import { originProblem } from "../../lib/config/origins.ts";
import { assert, assertEquals, assertStringIncludes } from "../assert.ts";

Deno.test("originProblem() finds nothing wrong with origins as browsers send them", () => {
  const origins = [
    "https://app.example.com",
    "http://app.example.com",
    "https://localhost:8443",
    "http://127.0.0.1:3000",
    "https://[2001:db8::1]",
    "https://[::1]:8443",
    "https://xn--bcher-kva.example",
    "http://app.example.com:443",
    "https://app.example.com:80",
    "https://example.com.",
    "https://a_b.example.com",
  ];
  for (const origin of origins) assertEquals(originProblem(origin), null, origin);
});

Deno.test("originProblem() says how to write what is wrong", () => {
  const cases: [string, string][] = [
    ["*", "wildcards"],
    ["https://*.example.com", "wildcards"],
    ["null", "never allowed"],
    ["NULL", "never allowed"],
    ["app.example.com", "must be scheme, host and optional port"],
    ["//app.example.com", "must be scheme"],
    ["https:app.example.com", "must be scheme"],
    [" https://app.example.com", "must be scheme"],
    ["wss://app.example.com", "write https://"],
    ["ws://app.example.com", "write http://"],
    ["ftp://app.example.com", "must be http or https"],
    ["file:///", "must be http or https"],
    ["chrome-extension://abc", "must be http or https"],
    ["https://user@app.example.com", "no user or password"],
    ["https://user:secret@app.example.com", "no user or password"],
    ["https://app.example.com/", "leave out the trailing slash"],
    ["https://app.example.com/path", "no path"],
    ["https://app.example.com/path/", "no path"],
    ["https://app.example.com\\path", "no path"],
    ["https://app.example.com?x", "no query"],
    ["https://app.example.com#x", "no query or fragment"],
    ["https://", "host or port is not valid"],
    ["https://app.example.com:65536", "host or port is not valid"],
    ["https://a b.example.com", "host or port is not valid"],
    ["https://App.example.com", 'write "https://app.example.com"'],
    ["HTTPS://app.example.com", 'write "https://app.example.com"'],
    ["https://[2001:DB8::1]", 'write "https://[2001:db8::1]"'],
    ["https://app.example.com:443", 'write "https://app.example.com"'],
    ["http://app.example.com:80", 'write "http://app.example.com"'],
    ["https://bücher.example", 'write "https://xn--bcher-kva.example"'],
    ["https://BÜCHER.example", 'write "https://xn--bcher-kva.example"'],
    ["https://app.example.com:08443", 'write "https://app.example.com:8443"'],
    ["https://127.1", 'write "https://127.0.0.1"'],
    ["https://[2001:db8:0:0::1]", 'write "https://[2001:db8::1]"'],
    ["https://app.example.com:", 'write "https://app.example.com"'],
    ["https://app%2eexample.com", 'write "https://app.example.com"'],
    ["https://app.example.com\n", 'write "https://app.example.com"'],
  ];
  for (const [origin, message] of cases) {
    assertStringIncludes(originProblem(origin) ?? "nothing wrong", message, origin);
  }
});

Deno.test("originProblem() lets pass only what a URL parser gives back letter for letter", () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string(), fc.webUrl({ validSchemes: ["http", "https", "ws"], withFragments: true })),
      (text) => {
        if (originProblem(text) === null) assertEquals(new URL(text).origin, text);
        else assert(originProblem(text) !== "");
      },
    ),
  );
  fc.assert(fc.property(fc.webUrl(), (text) => {
    assertEquals(originProblem(new URL(text).origin), null);
  }));
});

import fc from "fast-check";
import { HeadReader, MAX_HEAD_BYTES, MAX_HEADER_LINES } from "../../../lib/front/edge/request_head.ts";
import { assert, assertEquals } from "../../assert.ts";
import { upgradeHead } from "../../helpers/front.ts";

const encoder = new TextEncoder();

function read(text: string | Uint8Array): HeadReader {
  const reader = new HeadReader();
  reader.push(typeof text === "string" ? encoder.encode(text) : text);
  return reader;
}

function outcome(reader: HeadReader): unknown {
  if (reader.failure !== null) return reader.failure;
  if (reader.head === null) return "more";
  const { method, target, host, headers } = reader.head;
  return { method, target, host, headers: [...headers] };
}

function sizedHead(bytes: number): string {
  const filler = bytes - upgradeHead(["X-Filler: "]).length;
  return upgradeHead([`X-Filler: ${"a".repeat(filler)}`]);
}

Deno.test("HeadReader reads method, target, host and headers", () => {
  const head = read("GET /ws?a=%20b&c='d' HTTP/1.1\r\nhOsT:example.com:8443\r\nX-A:\t one \r\nx-a: two\r\n\r\n").head;
  assertEquals(head?.method, "GET");
  assertEquals(head?.target, "/ws?a=%20b&c='d'");
  assertEquals(head?.host, "example.com:8443");
  assertEquals(head?.headers.get("x-a"), "one, two");
});

Deno.test("HeadReader.push() consumes the head and nothing behind it", () => {
  const head = upgradeHead();
  const reader = new HeadReader();
  assertEquals(reader.push(encoder.encode(head + "frames")), head.length);
  assertEquals(reader.push(encoder.encode("frames")), 0);
});

const BAD: [string, string][] = [
  ["bare LF after the request line", "GET /ws HTTP/1.1\nHost: a\r\n\r\n"],
  ["bare LF after a header", "GET /ws HTTP/1.1\r\nHost: a\nX: b\r\n\r\n"],
  ["bare LF at the end", "GET /ws HTTP/1.1\r\nHost: a\r\n\n"],
  ["bare CR", "GET /ws HTTP/1.1\r\nHost: a\rX: b\r\n\r\n"],
  ["CR CR LF", "GET /ws HTTP/1.1\r\nHost: a\r\r\n\r\n"],
  ["obs-fold by space", "GET /ws HTTP/1.1\r\nHost: a\r\n b\r\n\r\n"],
  ["obs-fold by tab", "GET /ws HTTP/1.1\r\nHost: a\r\n\tb\r\n\r\n"],
  ["empty line first", "\r\nGET /ws HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["white space first", " GET /ws HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["HTTP/1.0", "GET /ws HTTP/1.0\r\nHost: a\r\n\r\n"],
  ["HTTP/2.0", "GET /ws HTTP/2.0\r\nHost: a\r\n\r\n"],
  ["HTTP/1.1 in lower case", "GET /ws http/1.1\r\nHost: a\r\n\r\n"],
  ["HTTP/0.9", "GET /ws\r\nHost: a\r\n\r\n"],
  ["two spaces in the request line", "GET  /ws HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["a fourth word in the request line", "GET /ws HTTP/1.1 HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["space in the target", "GET /w s HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["method that is no token", "G@T /ws HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["Next.js GHSA-c4j6-fc7j-m34r: absolute-form target", "GET http://169.254.169.254/ws HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["authority-form target", "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["asterisk-form target", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["fragment in the target", "GET /ws#a HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["backslash in the target", "GET /a\\ws HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["no Host", "GET /ws HTTP/1.1\r\nX: a\r\n\r\n"],
  ["empty Host", "GET /ws HTTP/1.1\r\nHost:\r\n\r\n"],
  ["two Hosts", "GET /ws HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"],
  ["two Hosts by comma", "GET /ws HTTP/1.1\r\nHost: a, b\r\n\r\n"],
  ["Host with userinfo", "GET /ws HTTP/1.1\r\nHost: u@a\r\n\r\n"],
  ["Host with a path", "GET /ws HTTP/1.1\r\nHost: a/b\r\n\r\n"],
  ["two Origins", upgradeHead(["Origin: https://a", "origin: https://a"])],
  ["two keys", upgradeHead(["sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ=="])],
  ["two versions", upgradeHead(["Sec-WebSocket-Version: 13"])],
  ["two Authorizations", upgradeHead(["Authorization: Bearer a", "Authorization: Bearer b"])],
  ["two Cookies", upgradeHead(["Cookie: a=b", "Cookie: c=d"])],
  ["header without colon", upgradeHead(["X-Nothing"])],
  ["header without name", upgradeHead([": a"])],
  ["space before the colon", upgradeHead(["X-A : b"])],
  ["header name that is no token", upgradeHead(["X(A): b"])],
  ["NUL in a value", upgradeHead(["X-A: b\0c"])],
  ["DEL in a value", upgradeHead(["X-A: b\x7fc"])],
  ["non-ASCII target", "GET /wü HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["non-ASCII method", "GÉT /ws HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["non-ASCII header name", upgradeHead(["X-Ü: b"])],
  ["non-ASCII Host", "GET /ws HTTP/1.1\r\nHost: ä\r\n\r\n"],
  ["GET with a body", upgradeHead(["Content-Length: 5"])],
  ["Vert.x CVE-2018-12541: upgrade with a chunked body", upgradeHead(["Transfer-Encoding: chunked"])],
  [
    "Content-Length and Transfer-Encoding",
    "POST /ticket HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n",
  ],
  [
    "Mongoose CVE-2023-34188: negative Content-Length",
    "POST /ticket HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
  ],
  ["two Content-Lengths", "POST /ticket HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n"],
  ["Transfer-Encoding that isn't chunked", "POST /t HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n"],
];
for (const [name, text] of BAD) {
  Deno.test(`HeadReader refuses with 400: ${name}`, () => {
    const reader = read(text);
    assertEquals(reader.failure?.reason, "bad_request", JSON.stringify(outcome(reader)));
  });
}

const GOOD: [string, string][] = [
  ["IPv6 Host", "GET /ws HTTP/1.1\r\nHost: [2001:db8::1]:8443\r\n\r\n"],
  ["POST with a body", "POST /ticket HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n"],
  ["GET with Content-Length 0", upgradeHead(["Content-Length: 0"])],
  ["several protocols and extensions lines", upgradeHead(["Sec-WebSocket-Protocol: a", "Sec-WebSocket-Protocol: b"])],
  ["empty value", upgradeHead(["X-A:"])],
  ["other methods", "DELETE /x HTTP/1.1\r\nHost: a\r\n\r\n"],
];
for (const [name, text] of GOOD) {
  Deno.test(`HeadReader takes: ${name}`, () => assertEquals(read(text).failure, null));
}

Deno.test("HeadReader takes obs-text in a value as it is, a character for each byte", () => {
  const bytes = Array.from({ length: 128 }, (_, index) => 0x80 + index);
  const start = encoder.encode(upgradeHead().slice(0, -2) + "CF-IPCity: \t");
  const head = new Uint8Array([...start, ...bytes, ...encoder.encode(" \r\n\r\n")]);
  for (const cut of [0, start.length + 64]) {
    const reader = new HeadReader();
    assertEquals(reader.push(head.slice(0, cut)) + reader.push(head.slice(cut)), head.length);
    assertEquals(reader.failure, null);
    assertEquals(reader.head?.headers.get("cf-ipcity"), String.fromCharCode(...bytes));
  }
});

const SIZES: [number, "headers_too_large"?][] = [
  [MAX_HEAD_BYTES - 1],
  [MAX_HEAD_BYTES],
  [MAX_HEAD_BYTES + 1, "headers_too_large"],
  [4 * MAX_HEAD_BYTES, "headers_too_large"],
];
for (const [bytes, reason] of SIZES) {
  Deno.test(`HeadReader, tungstenite CVE-2023-43669: head of ${bytes} bytes gives ${reason ?? "a head"}`, () => {
    const reader = read(sizedHead(bytes));
    assertEquals(reader.failure?.reason, reason);
    assertEquals(reader.head === null, reason !== undefined);
  });
}

const LINES: [number, "headers_too_large"?][] = [[63], [64], [65, "headers_too_large"], [2000, "headers_too_large"]];
for (const [count, reason] of LINES) {
  Deno.test(`HeadReader, ws CVE-2024-37890: ${count} header lines give ${reason ?? "a head"}`, () => {
    const lines = Array.from({ length: count - 5 }, (_, index) => `a: ${index}`);
    assertEquals(read(upgradeHead(lines)).failure?.reason, reason);
  });
}

Deno.test("HeadReader takes 16 KiB and 64 lines at most", () => {
  assertEquals([MAX_HEAD_BYTES, MAX_HEADER_LINES], [16_384, 64]);
});

Deno.test("HeadReader, ws CVE-2021-32640: a value full of white space is read whole and trimmed", () => {
  const value = `a${" ".repeat(15_000)}b`;
  const text = upgradeHead([`Sec-WebSocket-Protocol:  ${value} \t`]);
  const reader = new HeadReader();
  assertEquals(reader.push(encoder.encode(text)), text.length);
  assertEquals(reader.head?.headers.get("sec-websocket-protocol"), value);
});

Deno.test("HeadReader keeps the detail free of what the client sent", () => {
  const secret = "s3cret";
  for (const [, text] of BAD) {
    const detail = read(text.replaceAll("a", secret)).failure?.detail ?? "";
    assert(!detail.includes(secret), detail);
  }
});

const piece = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom("GET", " ", "/ws", "HTTP/1.1", "\r\n", "Host: a", "X: b", ":", "\r\n\r\n") },
  { weight: 1, arbitrary: fc.constantFrom("\n", "\r", "\t", "\0", "é", "Host: a\r\n", "Content-Length: 1\r\n") },
  { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 20 }) },
);

Deno.test("HeadReader: cut anywhere gives the same as whole, and never throws", () => {
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), fc.array(fc.nat(40), { maxLength: 20 }), (parts, cuts) => {
      const bytes = encoder.encode((parts.length % 2 === 0 ? "GET /ws HTTP/1.1\r\n" : "") + parts.join(""));
      const whole = new HeadReader();
      const consumed = whole.push(bytes);
      const cut = new HeadReader();
      let total = 0;
      let at = 0;
      for (const size of [...cuts, bytes.length]) {
        total += cut.push(bytes.subarray(at, at + size));
        at += size;
      }
      assertEquals(outcome(cut), outcome(whole));
      assertEquals(total, consumed);
    }),
    { numRuns: 500 },
  );
});

Deno.test("HeadReader: a whole upgrade a byte at a time is read alike", () => {
  const bytes = encoder.encode(sizedHead(MAX_HEAD_BYTES));
  const reader = new HeadReader();
  for (const byte of bytes) assertEquals(reader.push(Uint8Array.of(byte)), 1);
  assertEquals(outcome(reader), outcome(read(bytes)));
});

import fc from "fast-check";
import { MAX_PROXY_HEADER_BYTES, parseProxyHeader } from "../../../lib/front/edge/proxy_protocol.ts";
import { assertEquals } from "../../assert.ts";
import { proxyHeader } from "../proxy_header.ts";

const V4 = [192, 0, 2, 1, 198, 51, 100, 9, 0x12, 0x34, 0x01, 0xbb];
const V6 = [0x20, 0x01, 0x0d, 0xb8, ...new Array(11).fill(0), 1, ...new Array(16).fill(0), 0x12, 0x34, 0x01, 0xbb];
const TLV = [0x04, 0x00, 0x01, 0x00];

const TABLE: [string, Uint8Array, ReturnType<typeof parseProxyHeader>][] = [
  ["IPv4", proxyHeader(0x21, 0x11, V4), { client: "192.0.2.1", size: 28 }],
  ["IPv4 with a TLV", proxyHeader(0x21, 0x11, [...V4, ...TLV]), { client: "192.0.2.1", size: 32 }],
  ["IPv6", proxyHeader(0x21, 0x21, V6), { client: "2001:db8::1", size: 52 }],
  ["LOCAL", proxyHeader(0x20, 0x00, []), { client: null, size: 16 }],
  ["LOCAL with addresses to be ignored", proxyHeader(0x20, 0x11, V4), { client: null, size: 28 }],
  ["unspecified family", proxyHeader(0x21, 0x00, []), { client: null, size: 16 }],
  ["unix addresses", proxyHeader(0x21, 0x31, new Array(216).fill(0)), { client: null, size: 232 }],
  ["UDP", proxyHeader(0x21, 0x12, V4), "invalid"],
  ["IPv4 too short", proxyHeader(0x21, 0x11, V4.slice(1)), "invalid"],
  ["IPv6 too short", proxyHeader(0x21, 0x21, V6.slice(1)), "invalid"],
  ["version 1", new TextEncoder().encode("PROXY TCP4 192.0.2.1 198.51.100.9 4660 443\r\n"), "invalid"],
  ["version 3", proxyHeader(0x31, 0x11, V4), "invalid"],
  ["unknown command", proxyHeader(0x22, 0x11, V4), "invalid"],
  ["TLS instead", Uint8Array.of(0x16, 0x03, 0x01), "invalid"],
  ["too long", proxyHeader(0x20, 0x00, new Array(MAX_PROXY_HEADER_BYTES).fill(0)), "invalid"],
  ["nothing", new Uint8Array(0), "more"],
];
for (const [name, bytes, expected] of TABLE) {
  Deno.test(`parseProxyHeader(): ${name}`, () => assertEquals(parseProxyHeader(bytes), expected));
}

Deno.test("parseProxyHeader() wants more of every beginning of a header, and ignores what is behind", () => {
  const header = proxyHeader(0x21, 0x11, V4);
  for (let size = 0; size < header.length; size++) assertEquals(parseProxyHeader(header.subarray(0, size)), "more");
  assertEquals(parseProxyHeader(proxyHeader(0x21, 0x11, V4, [1, 2, 3])), { client: "192.0.2.1", size: 28 });
});

Deno.test("parseProxyHeader() never throws", () => {
  const bytes = fc.uint8Array({ maxLength: 60 });
  fc.assert(fc.property(bytes, fc.nat(16), (tail, kept) => {
    const start = proxyHeader(0x21, 0x11, V4).subarray(0, kept);
    parseProxyHeader(new Uint8Array([...start, ...tail]));
  }));
});

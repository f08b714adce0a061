import { addressMatcher, clientAddress, normaliseAddress } from "../../lib/front/forwarded.ts";
import { assertEquals, assertThrows } from "../assert.ts";

const SPELLINGS: [string, string | null][] = [
  ["192.0.2.1", "192.0.2.1"],
  ["::ffff:192.0.2.1", "192.0.2.1"],
  ["::FFFF:c000:201", "192.0.2.1"],
  ["2001:DB8:0:0::1", "2001:db8::1"],
  ["fe80::1%eth0", "fe80::1"],
  ["0300.0.2.1", null],
  ["0xc0.0.2.1", null],
  ["192.0.513", null],
  ["3221225985", null],
  ["192.0.2.256", null],
  ["example.com", null],
  ["", null],
];
for (const [text, expected] of SPELLINGS) {
  Deno.test(`normaliseAddress() writes ${JSON.stringify(text)} as ${expected}`, () => {
    assertEquals(normaliseAddress(text), expected);
  });
}

Deno.test("addressMatcher() knows blocks, single addresses and mapped blocks", () => {
  const set = addressMatcher(["10.0.0.0/8", "2001:db8::/32", "192.0.2.7", "::ffff:198.51.100.0/120"]);
  for (const inside of ["10.255.0.1", "2001:db8:ffff::1", "192.0.2.7", "198.51.100.9", "::ffff:10.0.0.1"]) {
    assertEquals(set(inside), true, inside);
  }
  for (const outside of ["11.0.0.1", "2001:db9::1", "192.0.2.8", "198.51.101.9", "nonsense", "::1"]) {
    assertEquals(set(outside), false, outside);
  }
  assertThrows(() => addressMatcher(["10.0.0.0/33"]));
});

const trusted = addressMatcher(["10.0.0.0/8", "fd00::/8"]);
const HEADERS: [string, string | null, string, string, boolean][] = [
  ["no header", null, "10.0.0.1", "10.0.0.1", false],
  ["one hop", "192.0.2.1", "10.0.0.1", "192.0.2.1", true],
  ["an untrusted peer is not believed", "192.0.2.1", "203.0.113.5", "203.0.113.5", false],
  ["what the client wrote itself is not believed", "198.51.100.66, 192.0.2.1", "10.0.0.1", "192.0.2.1", true],
  ["across trusted hops", "198.51.100.66, 192.0.2.1, 10.0.0.2", "10.0.0.1", "192.0.2.1", true],
  ["all hops trusted: the leftmost", "10.0.0.3, 10.0.0.2", "10.0.0.1", "10.0.0.3", true],
  ["with ports", "192.0.2.1:4711", "10.0.0.1", "192.0.2.1", true],
  ["IPv6 with brackets and port", "[2001:DB8::1]:4711", "10.0.0.1", "2001:db8::1", true],
  ["mapped", "::ffff:192.0.2.1", "fd00::1", "192.0.2.1", true],
  ["garbage ends the walk", "192.0.2.1, unknown", "10.0.0.1", "10.0.0.1", false],
  ["garbage behind a trusted hop", "192.0.2.1, _hidden, 10.0.0.2", "10.0.0.1", "10.0.0.2", true],
  ["empty", "", "10.0.0.1", "10.0.0.1", false],
  ["spaces", "  192.0.2.1  ", "10.0.0.1", "192.0.2.1", true],
];
for (const [name, header, peer, ip, forwarded] of HEADERS) {
  Deno.test(`clientAddress(): ${name}`, () => assertEquals(clientAddress(header, peer, trusted), { ip, forwarded }));
}

Deno.test("clientAddress() believes the peer of a unix socket", () => {
  assertEquals(clientAddress("192.0.2.1", "127.0.0.1", trusted, true), { ip: "192.0.2.1", forwarded: true });
});

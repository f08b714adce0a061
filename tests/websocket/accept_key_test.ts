import { assertEquals } from "../assert.ts";
import { acceptKey, isHandshakeKey } from "../../lib/websocket/websocket.ts";

Deno.test("acceptKey() answers the example of RFC 6455 1.3", () => {
  assertEquals(acceptKey("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
});

const keys: [string, boolean][] = [
  ["dGhlIHNhbXBsZSBub25jZQ==", true],
  ["AAAAAAAAAAAAAAAAAAAAAA==", true],
  ["/+/+/+/+/+/+/+/+/+/+/w==", true],
  ["", false],
  ["dGhlIHNhbXBsZSBub25jZQ=", false],
  ["dGhlIHNhbXBsZSBub25jZQ", false],
  ["dGhlIHNhbXBsZSBub25jZQ===", false],
  ["dGhlIHNhbXBsZSBub25jZQ==\n", false],
  ["dGhldGhlIHNhbXBsZSBub25jZQ==", false], // 19 bytes
  ["dGhlIHNhbXBsZSBub25jZR==", false], // spare bits set
  ["dGhlIHNhbXBsZSBub25j", false], // 15 bytes
  ["dGhlIHNhbXBsZSBub25jZWQ=", false], // 17 bytes
  ["dGhlIHNhbXBsZSBub25j_Q==", false], // base64url
  ["dGhl HNhbXBsZSBub25jZQ==", false],
];
for (const [key, valid] of keys) {
  Deno.test(`isHandshakeKey() says ${valid} to ${JSON.stringify(key)}`, () => {
    assertEquals(isHandshakeKey(key), valid);
  });
}

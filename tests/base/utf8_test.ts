import { decodeDocument, decodeUtf8 } from "../../lib/base/utf8.ts";
import { assertEquals, assertThrows } from "../assert.ts";

Deno.test("decodeUtf8() and decodeDocument() take UTF-8 and throw at anything else", () => {
  const malformed = [[0x80], [0xc0, 0x80], [0xc3], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0x61, 0xff]];
  for (const decode of [decodeUtf8, decodeDocument]) {
    assertEquals(decode(new TextEncoder().encode("a\u0000ß😀")), "a\u0000ß😀");
    for (const bytes of malformed) assertThrows(() => decode(Uint8Array.from(bytes)), TypeError);
  }
});

Deno.test("decodeUtf8() keeps a byte order mark, decodeDocument() leaves it out", () => {
  const bytes = Uint8Array.of(0xef, 0xbb, 0xbf, 0x61);
  assertEquals([decodeUtf8(bytes), decodeDocument(bytes)], ["\ufeffa", "a"]);
});

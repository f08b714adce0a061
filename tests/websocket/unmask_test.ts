import { assertEquals } from "../assert.ts";
import { turnMask, unmaskBytes, unmaskWords, wordsOf } from "../../lib/websocket/unmask.ts";

const MASK = 0x80_30_20_10 | 0;
const key = [0x10, 0x20, 0x30, 0x80];

/** RFC 6455 5.3, to the letter: octet i is XORed with octet i modulo 4 of the key. */
function masked(data: Uint8Array): Uint8Array {
  return data.map((octet, index) => octet ^ key[index & 3]!);
}

Deno.test("unmaskBytes() and unmaskWords() agree with RFC 6455 5.3 at every start, length and alignment", () => {
  for (let offset = 0; offset < 5; offset++) {
    for (let start = 0; start < 6; start++) {
      for (let length = 0; length < 45; length++) {
        const data = Uint8Array.from({ length }, (_, index) => 255 - index);
        const ascii = data.every((octet) => octet < 128);
        for (const inWords of [true, false]) {
          const memory = new Uint8Array(offset + start + length + 4).fill(0xaa);
          const bytes = memory.subarray(offset);
          bytes.set(masked(data), start);
          const said = inWords
            ? unmaskWords(bytes, wordsOf(bytes), start, start + length, MASK)
            : unmaskBytes(bytes, start, start + length, MASK);
          assertEquals(bytes.subarray(start, start + length).toHex(), data.toHex());
          assertEquals(bytes.subarray(0, start).toHex(), "aa".repeat(start));
          assertEquals(bytes.subarray(start + length).toHex(), "aa".repeat(4));
          assertEquals(said, ascii);
        }
      }
    }
  }
});

Deno.test("unmaskWords() sees a single byte that is not ASCII at each place", () => {
  for (let length = 1; length < 60; length++) {
    for (let at = 0; at < length; at++) {
      const data = new Uint8Array(length).fill(0x61);
      data[at] = 0x80;
      for (const bytes of [masked(data), new Uint8Array([0, ...masked(data)]).subarray(1)]) {
        assertEquals(unmaskWords(bytes, wordsOf(bytes), 0, length, MASK), false);
        assertEquals(bytes.toHex(), data.toHex());
      }
    }
  }
});

Deno.test("turnMask() goes on with the mask inside a payload", () => {
  const data = Uint8Array.from({ length: 40 }, (_, index) => index);
  for (let cut = 0; cut <= 40; cut++) {
    const bytes = masked(data);
    unmaskBytes(bytes, 0, cut, MASK);
    unmaskBytes(bytes, cut, 40, turnMask(MASK, cut));
    assertEquals(bytes.toHex(), data.toHex());
  }
});

Deno.test("wordsOf() has no word where none fits", () => {
  const memory = new Uint8Array(16);
  for (let offset = 0; offset < 4; offset++) {
    for (let length = 0; length < 4; length++) {
      const { view } = wordsOf(memory.subarray(offset, offset + length));
      assertEquals(view.length, 0);
    }
  }
});

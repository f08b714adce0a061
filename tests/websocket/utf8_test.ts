import { assertEquals } from "../assert.ts";
import { decodeText, Utf8Judge } from "../../lib/websocket/utf8.ts";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function isValid(bytes: Uint8Array): boolean {
  try {
    decoder.decode(bytes);
    return true;
  } catch {
    return false;
  }
}

function judge(...chunks: Uint8Array[]): boolean {
  const utf8 = new Utf8Judge();
  return chunks.every((chunk) => utf8.push(chunk, 0, chunk.length)) && utf8.complete;
}

// Every two bytes, and every three and four that start like a character of that length.
Deno.test("Utf8Judge agrees with TextDecoder on all short sequences around the boundaries", () => {
  const bounds = [0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xff];
  for (let first = 0; first < 256; first++) {
    for (let second = 0; second < 256; second++) {
      const two = Uint8Array.of(first, second);
      assertEquals(judge(two), isValid(two), two.toHex());
    }
    if (first < 0xe0) continue;
    for (const second of bounds) {
      for (const third of bounds) {
        const three = Uint8Array.of(first, second, third);
        assertEquals(judge(three), isValid(three), three.toHex());
        for (const fourth of [0x7f, 0x80, 0xbf, 0xc0]) {
          const four = Uint8Array.of(first, second, third, fourth);
          assertEquals(judge(four), isValid(four), four.toHex());
        }
      }
    }
  }
});

Deno.test("Utf8Judge and decodeText() agree with TextDecoder on long texts cut anywhere, right and wrong", () => {
  for (const tail of ["", "é", "€", "😀"]) {
    const right = new TextEncoder().encode("aé€😀".repeat(30) + tail);
    for (let at = 0; at <= right.length; at++) {
      assertEquals(judge(right.subarray(0, at), right.subarray(at)), true);
      for (const byte of [0x80, 0xc0, 0xff]) {
        const wrong = right.slice();
        if (at < wrong.length) wrong[at] = byte;
        assertEquals(judge(wrong), isValid(wrong));
        assertEquals(judge(wrong.subarray(0, at), wrong.subarray(at)), isValid(wrong));
        assertEquals(decodeText(wrong, 0, wrong.length, false) !== null, isValid(wrong));
      }
    }
    assertEquals(decodeText(right, 0, right.length, false), decoder.decode(right));
  }
});

Deno.test("Utf8Judge says no to a long run of continuation bytes", () => {
  for (let length = 1; length < 200; length++) assertEquals(judge(new Uint8Array(length).fill(0x80)), false);
});

Deno.test("decodeText() reads ASCII and nothing else from bytes said to be ASCII", () => {
  const bytes = Uint8Array.from({ length: 128 }, (_, index) => index);
  const expected = String.fromCharCode(...bytes);
  assertEquals(decodeText(bytes, 0, 128, true), expected);
  assertEquals(decodeText(bytes, 5, 5, true), "");
  assertEquals(decodeText(bytes, 65, 68, true), "ABC");
});

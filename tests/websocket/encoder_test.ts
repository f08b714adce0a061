import { assertEquals, assertStrictEquals, assertThrows } from "../assert.ts";
import {
  encodeBinary,
  encodeClose,
  encodeControl,
  encodeText,
  Opcode,
  SharedText,
} from "../../lib/websocket/websocket.ts";

const headers: [number, number[]][] = [
  [0, [0x81, 0]],
  [1, [0x81, 1]],
  [125, [0x81, 125]],
  [126, [0x81, 126, 0, 126]],
  [127, [0x81, 126, 0, 127]],
  [255, [0x81, 126, 0, 255]],
  [256, [0x81, 126, 1, 0]],
  [65_535, [0x81, 126, 255, 255]],
  [65_536, [0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]],
  [0x01_02_03, [0x81, 127, 0, 0, 0, 0, 0, 1, 2, 3]],
];
for (const [length, header] of headers) {
  Deno.test(`encodeText() and encodeBinary() say a length of ${length} in as few bytes as it fits`, () => {
    const letters = encodeText("a".repeat(length));
    assertEquals([[...letters.subarray(0, header.length)], letters.length], [header, header.length + length]);
    const bytes = encodeBinary(new Uint8Array(length).fill(0xfe));
    assertEquals([[...bytes.subarray(1, header.length)], bytes.length], [header.slice(1), header.length + length]);
    assertEquals([bytes[0], length === 0 || bytes.at(-1) === 0xfe], [0x82, true]);
  });
}

Deno.test("encodeText() counts bytes, not characters", () => {
  assertEquals([...encodeText("ü€😀")], [0x81, 9, 0xc3, 0xbc, 0xe2, 0x82, 0xac, 0xf0, 0x9f, 0x98, 0x80]);
});

Deno.test("encodeText() sends U+FFFD in place of a lone surrogate: never invalid UTF-8", () => {
  assertEquals([...encodeText("\ud800a")], [0x81, 4, 0xef, 0xbf, 0xbd, 0x61]);
});

Deno.test("encodeControl() takes 125 bytes and refuses 126", () => {
  for (const opcode of [Opcode.ping, Opcode.pong, Opcode.close] as const) {
    assertEquals([...encodeControl(opcode, new Uint8Array(125)).subarray(0, 2)], [0x80 | opcode, 125]);
    assertThrows(() => encodeControl(opcode, new Uint8Array(126)), RangeError, "126 bytes");
  }
});

Deno.test("encodeClose() says code and reason", () => {
  assertEquals([...encodeClose(1000, "")], [0x88, 2, 3, 232]);
  assertEquals([...encodeClose(4401, "ü")], [0x88, 4, 0x11, 0x31, 0xc3, 0xbc]);
});

Deno.test("encodeClose() is empty for the codes that are never on the wire", () => {
  for (const code of [1005, 1006]) assertEquals([...encodeClose(code, "why")], [0x88, 0]);
});

Deno.test("encodeClose() cuts a reason after the last character that fits", () => {
  assertEquals(encodeClose(1000, "r".repeat(123)).length, 127);
  assertEquals(encodeClose(1000, "r".repeat(124)).length, 127);
  assertEquals(encodeClose(1000, "€".repeat(42)).length, 2 + 2 + 123);
  assertEquals(encodeClose(1000, "ü".repeat(62)).length, 2 + 2 + 122);
});

Deno.test("SharedText encodes once", () => {
  const shared = new SharedText("grüß");
  assertStrictEquals(shared.frame, shared.frame);
  assertEquals([...shared.frame], [...encodeText("grüß")]);
  assertEquals(shared.text, "grüß");
});

Deno.test("SharedText of UTF-8 is what SharedText of the text is", () => {
  for (const text of ["", "a", "é€😀", "\ufeffx", "x".repeat(70_000)]) {
    const bytes = new TextEncoder().encode(text);
    const [shared, same] = [new SharedText(bytes), new SharedText(text)];
    assertEquals([shared.text, shared.size], [text, bytes.length]);
    assertEquals(shared.frame.toHex() === same.frame.toHex(), true);
    assertStrictEquals(shared.frame, shared.frame);
    assertStrictEquals(shared.text, shared.text);
  }
});

import { assert, assertEquals, assertLessOrEqual } from "../assert.ts";
import { encodeBinary, encodeControl, encodeText, FrameWriter, Opcode } from "../../lib/websocket/websocket.ts";
import { concat } from "../helpers/client_frames.ts";

const around = [0, 1, 31, 32, 33, 47, 48, 49, 63, 64, 65, 124, 125, 126, 127, 255, 256, 257, 65_535, 65_536, 65_537];

Deno.test("FrameWriter.text() writes what encodeText() does, at every length and width", () => {
  for (const unit of ["a", "ü", "€", "😀", "\ud800"]) {
    for (const count of around) {
      for (const text of [unit.repeat(count), "a".repeat(count) + unit, unit + "a".repeat(count)]) {
        const writer = new FrameWriter();
        writer.text(text);
        assertEquals(writer.take().toHex() === encodeText(text).toHex(), true, `${count} of ${unit}`);
      }
    }
  }
});

Deno.test("FrameWriter.textAround() writes what text() does of the three parts together", () => {
  const utf8 = new TextEncoder();
  for (const unit of ["a", "ü", "😀"]) {
    for (const count of around) {
      for (const head of ["", '{"id":1,"result":', '{"id":"é€","result":']) {
        const body = unit.repeat(count);
        const [parts, whole] = [new FrameWriter(), new FrameWriter()];
        const bytes = utf8.encode(body);
        // Behind another frame, and from bytes that are used again.
        parts.text("before");
        parts.textAround(head, bytes, "}");
        bytes.fill(0);
        parts.text("after");
        whole.text("before");
        whole.text(`${head}${body}}`);
        whole.text("after");
        assertEquals(parts.size, whole.size);
        assertEquals(parts.take().toHex() === whole.take().toHex(), true, `${head} and ${count} of ${unit}`);
      }
    }
  }
});

Deno.test("FrameWriter gathers frames of all kinds in their order", () => {
  const writer = new FrameWriter();
  const expected: Uint8Array[] = [];
  for (let turn = 0; turn < 50; turn++) {
    writer.text(`text ${turn} ${"x".repeat(turn * 20)}`);
    writer.binary(new Uint8Array(turn * 10).fill(turn));
    writer.raw(encodeText("shared"));
    writer.frame(Opcode.pong, Uint8Array.of(turn));
    expected.push(
      encodeText(`text ${turn} ${"x".repeat(turn * 20)}`),
      encodeBinary(new Uint8Array(turn * 10).fill(turn)),
      encodeText("shared"),
      encodeControl(Opcode.pong, Uint8Array.of(turn)),
    );
  }
  assertEquals(writer.size, concat(...expected).length);
  assertEquals(writer.take().toHex(), concat(...expected).toHex());
});

Deno.test("FrameWriter.take() gives the bytes away and starts empty", () => {
  const writer = new FrameWriter();
  assertEquals([writer.size, writer.take().length], [0, 0]);
  writer.text("one");
  const one = writer.take();
  assertEquals([writer.size, writer.take().length], [0, 0]);
  for (let turn = 0; turn < 1000; turn++) {
    writer.text("two");
    writer.take();
  }
  assertEquals([...one], [...encodeText("one")]);
});

Deno.test("FrameWriter holds at most a quarter more than it has gathered once that is much", () => {
  for (const frames of [800, 1000, 1300, 2000]) {
    const writer = new FrameWriter();
    for (let count = 0; count < frames; count++) writer.binary(new Uint8Array(1000));
    const taken = writer.take();
    assertEquals(taken.length, frames * 1004);
    assertLessOrEqual(taken.buffer.byteLength, 1.25 * taken.length + 1);
  }
});

Deno.test("FrameWriter.take() does not hold much more memory than it says", () => {
  const writer = new FrameWriter();
  writer.text("x".repeat(100_000));
  writer.take();
  writer.text("y");
  assert(writer.take().buffer.byteLength <= 16 * 1024, "A small reply after a big one is small again");
});

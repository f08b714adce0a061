import { assert, assertEquals, assertLessOrEqual } from "../../assert.ts";
import { OperationReader } from "../../../lib/sandbox/wire/operation_reader.ts";
import { OperationWriter, type Text } from "../../../lib/sandbox/wire/operation_stream.ts";
import { HEADER_BYTES, MIN_OUTPUT_BYTES, TO_HOST, ToHost } from "../../../lib/sandbox/wire/operations.ts";

/** Both texts of each operation, decoded. */
function texts(bytes: Uint8Array): [string, string][] {
  const got: [string, string][] = [];
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  const reader = new OperationReader({ table: TO_HOST, output: MIN_OUTPUT_BYTES });
  reader.push(bytes);
  for (let operation = reader.next(); operation !== null; operation = reader.next()) {
    got.push([decoder.decode(operation.first), decoder.decode(operation.second)]);
  }
  assertEquals(reader.held, 0);
  return got;
}

Deno.test("write() encodes texts of any length and width, given as characters or as bytes", () => {
  const writer = new OperationWriter();
  const expected: [string, string][] = [];
  for (const unit of ["a", "ü", "€", "😀", "\ufeff", "\0"]) {
    for (const count of [0, 1, 11, 12, 23, 24, 47, 48, 49, 50, 1023, 1024, 1025, 5000]) {
      for (const text of [unit.repeat(count), "a".repeat(count) + unit, unit + "a".repeat(count)]) {
        writer.write(ToHost.Publish, 1, 0, 0, "topic", text);
        writer.write(ToHost.Publish, 1, 0, 0, new TextEncoder().encode("tópic"), new TextEncoder().encode(text));
        expected.push(["topic", text], ["tópic", text]);
      }
    }
  }
  assertEquals(texts(writer.take()), expected);
});

Deno.test("write() makes U+FFFD of lone surrogates, and the lengths still add up", () => {
  const writer = new OperationWriter();
  const odd: Text[] = ["\ud800", "a\udc00b", "\ud800".repeat(49), "x".repeat(60) + "\ud800"];
  for (const text of odd) writer.write(ToHost.Publish, 1, 0, 0, text, text);
  const expected = odd.map((text) => String(text).toWellFormed());
  assertEquals(texts(writer.take()), expected.map((text) => [text, text]));
});

Deno.test("take() hands out everything once, and what was handed out is not written to until it is given back", () => {
  const writer = new OperationWriter();
  writer.write(ToHost.Notify, 1, 0, 0, "one");
  const one = writer.take();
  const copy = one.slice();
  assertEquals([writer.size, writer.take().length], [0, 0]);
  for (let turn = 0; turn < 100; turn++) {
    writer.write(ToHost.Notify, 1, 0, 0, "two".repeat(turn));
    const taken = writer.take();
    assertEquals(taken.length, HEADER_BYTES + 3 * turn);
    assert(taken.buffer !== one.buffer);
    writer.giveBack(taken);
  }
  assertEquals(one, copy);
});

Deno.test("a buffer that grew large is given up once it was sent", () => {
  const writer = new OperationWriter();
  for (let turn = 0; turn < 3; turn++) {
    writer.write(ToHost.Notify, 1, 0, 0, "x".repeat(MIN_OUTPUT_BYTES));
    writer.giveBack(writer.take());
  }
  writer.take();
  writer.write(ToHost.Notify, 1, 0, 0, "x");
  assertLessOrEqual(writer.take().buffer.byteLength, 256 * 1024);
});

import { assert, assertEquals, assertLessOrEqual, assertStringIncludes, assertThrows } from "../../assert.ts";
import { OperationReader, WireError } from "../../../lib/sandbox/wire/operation_reader.ts";
import {
  HEADER_BYTES,
  type OperationShape,
  TO_CELL,
  TO_HOST,
  ToCell,
  ToHost,
} from "../../../lib/sandbox/wire/operations.ts";
import { bytesOf, type Fields, reading } from "../../helpers/operations.ts";

const OUTPUT = 64;
const MAX_U32 = 0xffff_ffff;
const most = (bound: number | "output" | undefined) => bound === "output" ? OUTPUT : bound ?? 0;

/** Whether a header is let pass: the reader waits for the texts, or takes the operation. */
function passes(table: ReadonlyMap<number, OperationShape>, fields: Fields): boolean {
  const { read } = reading(table, OUTPUT);
  try {
    read(bytesOf(fields));
    return true;
  } catch (error) {
    assert(error instanceof WireError, String(error));
    return false;
  }
}

for (const [direction, table] of [["cell", TO_CELL], ["host", TO_HOST]] as const) {
  for (const [code, shape] of table) {
    Deno.test(`to the ${direction}, ${shape.name}: every bound is exact, and what it does not have is zero`, () => {
      const least: Fields = {
        code,
        session: shape.session === "required" ? 1 : 0,
        id: shape.id === undefined ? 0 : 1,
      };
      const announcing = (first: number, second: number, more: Partial<Fields> = {}) =>
        passes(table, { ...least, length: HEADER_BYTES + first + second, firstLength: first, ...more });
      assert(passes(table, least), "the least");
      const [first, second] = [most(shape.first), most(shape.second)];
      assert(announcing(first, second), "the longest texts");
      assert(!announcing(first + 1, 0), "a first text that is too long");
      assert(!announcing(0, second + 1), "a second text that is too long");
      assert(passes(table, { ...least, extra: shape.extra ?? 0 }), "the largest value");
      if ((shape.extra ?? 0) < MAX_U32) {
        assert(!passes(table, { ...least, extra: (shape.extra ?? 0) + 1 }), "a larger one");
      }
      assert(!passes(table, { ...least, id: shape.id === undefined ? 1 : 0 }), "a number too many, or missing");
      if (shape.id !== undefined) assert(passes(table, { ...least, id: MAX_U32 }), "the largest number");
      assertEquals(passes(table, { ...least, session: 1 }), shape.session !== undefined, "a session");
      assertEquals(passes(table, { ...least, session: 0 }), shape.session !== "required", "no session");
      for (const length of [0, HEADER_BYTES - 1]) assert(!passes(table, { ...least, length }), `a length of ${length}`);
      assert(!passes(table, { ...least, firstLength: 1 }), "a first text longer than the whole");
      assert(
        !passes(table, { ...least, firstLength: MAX_U32 }),
        "a first text that would turn the second's length round",
      );
    });
  }

  Deno.test(`to the ${direction}, codes that are not in the table are refused`, () => {
    const codes = [...Array(64).keys(), 255, 256, 256 + [...table.keys()][0]!, MAX_U32];
    for (const code of codes) if (!table.has(code)) assert(!passes(table, { code }), `${code}`);
  });
}

Deno.test("no code has a meaning in both directions", () => {
  for (const code of TO_CELL.keys()) assert(!TO_HOST.has(code));
});

Deno.test("a header that announces 256 MiB for a bounded text is refused at its 24th byte", () => {
  const header = bytesOf({
    code: ToHost.Notify,
    session: 1,
    length: HEADER_BYTES + (256 << 20),
    firstLength: 256 << 20,
  });
  const { reader, got, read } = reading(TO_HOST, OUTPUT);
  for (const byte of header.subarray(0, HEADER_BYTES - 1)) read(Uint8Array.of(byte));
  assertEquals(reader.held, HEADER_BYTES - 1);
  const error = assertThrows(() => read(header.subarray(HEADER_BYTES - 1)), WireError);
  assertStringIncludes(error.message, "Notify: a text is longer than allowed");
  assertEquals(got, []);
});

Deno.test("operations before the one that is refused were taken, and none after it", () => {
  const ping = bytesOf({ code: ToCell.Ping });
  const bytes = new Uint8Array([...ping, ...ping, ...bytesOf({ code: 99 }), ...ping]);
  const { got, read } = reading(TO_CELL);
  assertThrows(() => read(bytes), WireError, "operation 99 does not exist");
  assertEquals(got.length, 2);
});

Deno.test("next() gives one operation at a time, in order, at any cut of the bytes", () => {
  const texts = ["", "a", "bc", "", "defg"];
  const operations = texts.map((text, at) =>
    bytesOf({ code: ToHost.Notify, session: at + 1, texts: new TextEncoder().encode(text) })
  );
  const bytes = new Uint8Array(operations.flatMap((operation) => [...operation]));
  for (let size = 1; size <= bytes.length; size++) {
    const sessions: number[] = [];
    const reader = new OperationReader({ table: TO_HOST, output: OUTPUT });
    for (let at = 0; at < bytes.length; at += size) {
      reader.push(bytes.slice(at, at + size));
      for (let operation = reader.next(); operation !== null; operation = reader.next()) {
        sessions.push(operation.session);
        assertEquals(new TextDecoder().decode(operation.first), texts[operation.session - 1]);
        if (sessions.length < texts.length) assertEquals(reader.held, 0, "what was not asked for is not held");
      }
      assertEquals(reader.next(), null, "nothing more comes without further bytes");
    }
    assertEquals(sessions, [1, 2, 3, 4, 5], `chunks of ${size}`);
  }
});

Deno.test("use() judges what follows by another table, in the same chunk too", () => {
  const notify = bytesOf({ code: ToHost.Notify, session: 1, texts: new Uint8Array(OUTPUT) });
  const greeting = { table: new Map([[ToHost.Hello as number, TO_HOST.get(ToHost.Hello)!]]), output: 0 };
  const bytes = new Uint8Array([...bytesOf({ code: ToHost.Hello, texts: new Uint8Array(64) }), ...notify]);
  const reader = new OperationReader(greeting);
  reader.push(bytes);
  assertEquals(reader.next()?.code, ToHost.Hello);
  reader.use({ table: TO_HOST, output: OUTPUT });
  assertEquals(reader.next()?.code, ToHost.Notify);
  const strict = new OperationReader(greeting);
  strict.push(bytes);
  strict.next();
  assertThrows(() => strict.next(), WireError, "does not exist");
});

Deno.test("a reader holds no more than the operation that is incomplete", () => {
  const operation = bytesOf({ code: ToHost.Notify, session: 1, texts: new Uint8Array(OUTPUT) });
  const { reader, got, read } = reading(TO_HOST, OUTPUT);
  for (let turn = 0; turn < 3; turn++) {
    for (const byte of operation) {
      read(Uint8Array.of(byte));
      assertLessOrEqual(reader.held, operation.length - 1);
    }
  }
  assertEquals([got.length, reader.held], [3, 0]);
});

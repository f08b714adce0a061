/** Arbitrary operations between front and cells: those the table allows, those that nearly are, and their bytes. */
import fc from "fast-check";
import { OperationWriter } from "../../lib/sandbox/wire/operation_stream.ts";
import { HEADER_BYTES, type OperationShape, TO_CELL, TO_HOST } from "../../lib/sandbox/wire/operations.ts";
import { bytesOf, type Plain } from "../helpers/operations.ts";

/** Most bytes of a text that a module sends: small, so that it is met often. */
export const OUTPUT = 200;

export type Direction = "cell" | "host";
export const TABLES: Readonly<Record<Direction, ReadonlyMap<number, OperationShape>>> = {
  cell: TO_CELL,
  host: TO_HOST,
};

const U32 = 0xffff_ffff;
const most = (bound: number | "output" | undefined) => bound === "output" ? OUTPUT : bound ?? 0;
const number = (max: number, min = 0) => fc.oneof(fc.constantFrom(min, max), fc.integer({ min, max }));

function text(bound: number | "output" | undefined): fc.Arbitrary<string> {
  const hex = (length: number) => fc.uint8Array({ minLength: 0, maxLength: length }).map((bytes) => bytes.toHex());
  return most(bound) === 0 ? fc.constant("") : hex(Math.min(most(bound), 300));
}

function allowed([code, shape]: [number, OperationShape]): fc.Arbitrary<Plain> {
  return fc.record({
    code: fc.constant(code),
    session: shape.session === undefined ? fc.constant(0) : number(U32, shape.session === "required" ? 1 : 0),
    id: shape.id === undefined ? fc.constant(0) : number(U32, 1),
    extra: number(shape.extra ?? 0),
    first: text(shape.first),
    second: text(shape.second),
  });
}

/** Operations that keep to the table of a direction. */
export const operations: fc.Arbitrary<{ direction: Direction; operations: Plain[] }> = fc
  .constantFrom<Direction>("cell", "host")
  .chain((direction) => {
    const one = fc.oneof(...[...TABLES[direction]].map(allowed));
    return fc.record({ direction: fc.constant(direction), operations: fc.array(one, { maxLength: 12 }) });
  });

/** The bytes of operations, as the writer makes them. */
export function written(operations: readonly Plain[]): Uint8Array {
  const writer = new OperationWriter();
  for (const { code, session, id, extra, first, second } of operations) {
    writer.write(code, session, id, extra, Uint8Array.fromHex(first), Uint8Array.fromHex(second));
  }
  return writer.take();
}

/** Something like a header, in which anything can be wrong. */
const nearly = fc.record({
  code: fc.oneof(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: U32 })),
  session: number(U32),
  id: number(U32),
  extra: fc.oneof(fc.constantFrom(0, 1, 2, 4999, 5000), number(U32)),
  length: fc.oneof(fc.integer({ min: 0, max: 400 }), number(U32)),
  firstLength: fc.oneof(fc.integer({ min: 0, max: 300 }), number(U32)),
  texts: fc.uint8Array({ maxLength: 60 }),
}).map(({ length, ...fields }) => bytesOf({ ...fields, length: length <= 400 ? HEADER_BYTES + length : length }));

/** The writes of a peer that follows no rule. */
export const wild: fc.Arbitrary<{ direction: Direction; bytes: Uint8Array }> = fc.tuple(
  operations,
  fc.array(fc.oneof(nearly, fc.uint8Array({ maxLength: 60 })), { maxLength: 4 }),
).map(([{ direction, operations }, rest]) => ({
  direction,
  bytes: new Uint8Array([written(operations), ...rest].flatMap((part) => [...part])),
}));

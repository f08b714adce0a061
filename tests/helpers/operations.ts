/** Operations as bytes, and as plain values. */
import { type Operation, OperationReader } from "../../lib/sandbox/wire/operation_reader.ts";
import { HEADER_BYTES, type OperationShape } from "../../lib/sandbox/wire/operations.ts";

/** An operation that outlives the call. */
export interface Plain {
  readonly code: number;
  readonly session: number;
  readonly id: number;
  readonly extra: number;
  readonly first: string;
  readonly second: string;
}

/** The header's fields as they are written; nothing has to fit. */
export interface Fields {
  readonly length?: number;
  readonly code: number;
  readonly session?: number;
  readonly id?: number;
  readonly extra?: number;
  readonly firstLength?: number;
  readonly texts?: Uint8Array;
}

/** An operation by hand: the lengths are those of `texts`, all of it the first, unless said otherwise. */
export function bytesOf(fields: Fields): Uint8Array<ArrayBuffer> {
  const { code, session = 0, id = 0, extra = 0, texts = new Uint8Array(0) } = fields;
  const { length = HEADER_BYTES + texts.length, firstLength = texts.length } = fields;
  const bytes = new Uint8Array(HEADER_BYTES + texts.length);
  const view = new DataView(bytes.buffer);
  [length, code, session, id, extra, firstLength].forEach((value, at) => view.setUint32(4 * at, value, true));
  bytes.set(texts, HEADER_BYTES);
  return bytes;
}

/** Bytes as hex, so that a difference shows what was cut where. */
export function plain({ code, session, id, extra, first, second }: Operation): Plain {
  return { code, session, id, extra, first: first.toHex(), second: second.toHex() };
}

/** A reader, what it has read, and a function that lets it read all of a chunk. */
export function reading(table: ReadonlyMap<number, OperationShape>, output = 64) {
  const got: Plain[] = [];
  const reader = new OperationReader({ table, output });
  const read = (chunk: Uint8Array) => {
    reader.push(chunk);
    for (let operation = reader.next(); operation !== null; operation = reader.next()) got.push(plain(operation));
  };
  return { reader, got, read };
}

/** Arbitrary byte streams of a client, right, nearly right and wrong, and where to cut them. */
import fc from "fast-check";
import { type ClientFrame, closePayload, concat, frame } from "../helpers/client_frames.ts";
import type { DecoderLimits } from "../../lib/websocket/websocket.ts";

/** Small limits, so that they are met often; sizes around every boundary of the codec. */
export const limits: fc.Arbitrary<DecoderLimits> = fc.record({
  max_bytes: fc.oneof(fc.integer({ min: 0, max: 300 }), fc.constantFrom(125, 126, 127, 1000, 65_535, 65_536)),
  max_fragments: fc.oneof(fc.integer({ min: 1, max: 6 }), fc.constantFrom(10, 100, 1024)),
});

const mask = fc.uint8Array({ minLength: 4, maxLength: 4 });

/** Lengths near the boundaries of header forms, word loops and bulk judging. */
const length = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: 140 }) },
  { weight: 1, arbitrary: fc.constantFrom(255, 256, 257, 1000) },
);

/** Text as bytes: mostly valid, sometimes with a byte changed. */
export const textBytes: fc.Arbitrary<Uint8Array> = fc.tuple(
  fc.oneof(
    length.map((count) => "a".repeat(count)),
    fc.string({ unit: "binary", maxLength: 60 }),
    fc.string({ unit: fc.constantFrom("a", "é", "€", "😀", "\ufeff", "\u0000"), maxLength: 60 }),
  ),
  fc.option(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { freq: 4 }),
).map(([text, change]) => {
  const bytes = new TextEncoder().encode(text);
  if (change !== null && bytes.length > 0) bytes[change[0] % bytes.length] = change[1];
  return bytes;
});

const bytes = length.chain((count) => fc.uint8Array({ minLength: count, maxLength: count }));

const dataFrame: fc.Arbitrary<ClientFrame> = fc.record({
  opcode: fc.constantFrom(0, 0, 1, 1, 2),
  fin: fc.boolean(),
  payload: fc.oneof(textBytes, bytes),
  mask,
});

const controlFrame: fc.Arbitrary<ClientFrame> = fc.record({
  opcode: fc.constantFrom(9, 10),
  payload: fc.uint8Array({ maxLength: 125 }),
  mask,
});

const closeFrame: fc.Arbitrary<ClientFrame> = fc.oneof(
  fc.record({ opcode: fc.constant(8), payload: fc.uint8Array({ maxLength: 10 }), mask }),
  fc.record({
    opcode: fc.constant(8),
    payload: fc.tuple(fc.constantFrom(1000, 1003, 1004, 1014, 1015, 2999, 3000, 4999, 5000), textBytes)
      .map(([code, reason]) => closePayload(code, reason.subarray(0, 123))),
    mask,
  }),
);

const wrongFrame: fc.Arbitrary<ClientFrame> = fc.record({
  opcode: fc.integer({ min: 0, max: 15 }),
  fin: fc.boolean(),
  rsv: fc.constantFrom(0, 0, 0, 1, 4),
  mask: fc.option(mask, { freq: 5 }),
  payload: fc.uint8Array({ maxLength: 130 }),
  lengthEncoding: fc.constantFrom(16 as const, 64 as const),
  announcedLength: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
}).map((spec) => spec.lengthEncoding === 16 ? { ...spec, announcedLength: spec.announcedLength & 0xffffn } : spec);

/** A whole message in fragments, valid by itself. */
const message: fc.Arbitrary<Uint8Array> = fc.tuple(
  fc.oneof(
    fc.tuple(
      fc.constant(1),
      fc.string({ unit: "binary", maxLength: 100 }).map((text) => new TextEncoder().encode(text)),
    ),
    fc.tuple(fc.constant(2), bytes),
  ),
  fc.array(fc.nat({ max: 100 }), { maxLength: 4 }),
  fc.option(controlFrame),
  mask,
).map(([[opcode, payload], cuts, control, key]) => {
  const frames: Uint8Array[] = [];
  let rest: Uint8Array = payload;
  for (const [index, cut] of cuts.entries()) {
    frames.push(frame({ opcode: index === 0 ? opcode : 0, fin: false, payload: rest.subarray(0, cut), mask: key }));
    rest = rest.subarray(cut);
    if (index === 0 && control !== null) frames.push(frame(control));
  }
  frames.push(frame({ opcode: cuts.length === 0 ? opcode : 0, payload: rest, mask: key }));
  return concat(...frames);
});

const piece: fc.Arbitrary<Uint8Array> = fc.oneof(
  { weight: 30, arbitrary: message },
  { weight: 2, arbitrary: dataFrame.map(frame) },
  { weight: 8, arbitrary: controlFrame.map(frame) },
  { weight: 1, arbitrary: closeFrame.map(frame) },
  { weight: 1, arbitrary: wrongFrame.map(frame) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 40 }) },
);

/** The bytes that a client sends in the life of a connection. */
export const stream: fc.Arbitrary<Uint8Array> = fc.array(piece, { maxLength: 20, size: "max" }).map((pieces) =>
  concat(...pieces)
);

/** Sizes of chunks, used in turn again and again. */
export const chunkSizes: fc.Arbitrary<number[]> = fc.array(fc.integer({ min: 1, max: 200 }), {
  minLength: 1,
  maxLength: 10,
});

/** The stream in chunks of these sizes, each in memory of its own at an offset from 0 to 3. */
export function cut(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length]!;
    const part = bytes.subarray(at, at + size);
    const offset = turn & 3;
    const memory = new Uint8Array(offset + part.length);
    memory.set(part, offset);
    chunks.push(memory.subarray(offset));
    at += size;
  }
  return chunks;
}

/** Frames of a front to its supervisor. */
import fc from "fast-check";
import { FrameReader } from "../../../lib/sandbox/wire/frame_reader.ts";
import {
  decodeFrontFrame,
  encodeFrontFrame,
  FRONT_FRAME_BYTES,
  type FrontFrame,
  FrontKind,
  FrontState,
} from "../../../lib/sandbox/wire/front_frames.ts";
import { assert, assertEquals } from "../../assert.ts";
import { concat } from "../../helpers/client_frames.ts";
import { chunked, CUTS } from "./chunked.ts";

const u32 = fc.nat(2 ** 32 - 1);
const request = fc.integer({ min: 1, max: 2 ** 32 - 1 });
const frontFrame: fc.Arbitrary<FrontFrame> = fc.oneof(
  fc.record({
    kind: fc.constant<FrontKind.Alive>(FrontKind.Alive),
    state: fc.constantFrom(FrontState.Starting, FrontState.Serving, FrontState.Overloaded, FrontState.Draining),
    connections: u32,
    maxConnections: u32,
    responsive: fc.boolean(),
  }),
  fc.record({ kind: fc.constantFrom<FrontKind.Ready | FrontKind.Reloaded>(FrontKind.Ready, FrontKind.Reloaded) }),
  fc.record({ kind: fc.constant<FrontKind.Start>(FrontKind.Start), module: u32, request }),
  fc.record({ kind: fc.constant<FrontKind.Kill>(FrontKind.Kill), request }),
);

function bytesOf(...operands: number[]): Uint8Array {
  const bytes = new Uint8Array(FRONT_FRAME_BYTES);
  const view = new DataView(bytes.buffer);
  operands.forEach((value, index) => view.setUint32(4 * index, value, true));
  return bytes;
}

const VALID: [string, number[]][] = [
  ["a sign of life in the last state", [1, 3, 10, 20, 1]],
  ["ready", [2]],
  ["reloaded", [3]],
  ["a start of the first module", [4, 0, 1]],
  ["a kill", [5, 1]],
];
for (const [what, operands] of VALID) {
  Deno.test(`decodeFrontFrame() takes ${what}`, () => {
    assertEquals(decodeFrontFrame(bytesOf(...operands))?.kind, operands[0]);
  });
}

const INVALID: [string, number[]][] = [
  ["kind 0", [0]],
  ["an unknown kind", [6]],
  ["a state after the last one", [1, 4, 0, 0, 0]],
  ["a responsiveness that is neither 0 nor 1", [1, 1, 0, 0, 2]],
  ["ready with an operand", [2, 0, 0, 0, 1]],
  ["reloaded with an operand", [3, 1]],
  ["a start without a request", [4, 1, 0]],
  ["a start with a third operand", [4, 0, 1, 1]],
  ["a start with a fourth operand", [4, 0, 1, 0, 1]],
  ["a kill without a request", [5, 0]],
  ["a kill with a second operand", [5, 1, 1]],
];
for (const [what, operands] of INVALID) {
  Deno.test(`decodeFrontFrame() refuses ${what}`, () => {
    assertEquals(decodeFrontFrame(bytesOf(...operands)), null);
  });
}

Deno.test("decodeFrontFrame() refuses a frame that is a byte too short or too long", () => {
  const frame = bytesOf(2);
  assertEquals(decodeFrontFrame(frame.subarray(1)), null);
  assertEquals(decodeFrontFrame(Uint8Array.of(...frame, 0)), null);
});

Deno.test("frames of a front come out as they went in, at any cut", () => {
  fc.assert(fc.property(fc.array(frontFrame), CUTS, (frames, lengths) => {
    const reader = new FrameReader(FRONT_FRAME_BYTES, decodeFrontFrame);
    const found: FrontFrame[] = [];
    for (const chunk of chunked(concat(...frames.map(encodeFrontFrame)), lengths)) {
      assert(reader.read(chunk, (frame) => found.push(frame)));
    }
    assertEquals(found, frames);
  }));
});

Deno.test("bytes that are a frame are one frame only, and all others are none", () => {
  const noise = fc.uint8Array({ minLength: FRONT_FRAME_BYTES, maxLength: FRONT_FRAME_BYTES });
  const nearly = fc.tuple(frontFrame, fc.nat(FRONT_FRAME_BYTES - 1), fc.nat(255)).map(([frame, at, value]) => {
    const bytes = encodeFrontFrame(frame);
    bytes[at] = value;
    return bytes;
  });
  fc.assert(fc.property(fc.oneof(noise, nearly), (bytes) => {
    const frame = decodeFrontFrame(bytes);
    if (frame !== null) assertEquals(encodeFrontFrame(frame), new Uint8Array(bytes));
  }));
  for (const length of [0, FRONT_FRAME_BYTES - 1, FRONT_FRAME_BYTES + 1]) {
    assertEquals(decodeFrontFrame(new Uint8Array(length)), null);
  }
  assertEquals(decodeFrontFrame(new Uint8Array(FRONT_FRAME_BYTES)), null, "kind 0");
});

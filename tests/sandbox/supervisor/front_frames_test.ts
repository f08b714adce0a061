/** What the supervisor takes for a frame of its front, value by value. */
import { decodeFrontFrame, FRONT_FRAME_BYTES } from "../../../lib/sandbox/wire/front_frames.ts";
import { assertEquals } from "../../assert.ts";

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

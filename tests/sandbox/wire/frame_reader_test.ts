import { FrameReader } from "../../../lib/sandbox/wire/frame_reader.ts";
import { assertEquals } from "../../assert.ts";

const SIZE = 4;
/** Frames of four equal bytes. */
const reader = () => new FrameReader(SIZE, (bytes) => bytes.every((byte) => byte === bytes[0]) ? bytes[0]! : null);
const frame = (value: number) => new Array<number>(SIZE).fill(value);

Deno.test("FrameReader finds the same frames at any cut of the stream", () => {
  const stream = new Uint8Array([...frame(1), ...frame(2), ...frame(3)]);
  for (let size = 1; size <= stream.length; size++) {
    const [frames, read]: [number[], FrameReader<number>] = [[], reader()];
    for (let at = 0; at < stream.length; at += size) {
      assertEquals(read.read(stream.subarray(at, at + size), (one) => frames.push(one)), true);
    }
    assertEquals(frames, [1, 2, 3], `pieces of ${size}`);
  }
});

Deno.test("FrameReader stops at the first bytes that are no frame, and gives none after them", () => {
  const frames: number[] = [];
  const stream = new Uint8Array([...frame(1), 1, 2, 3, 4, ...frame(5)]);
  assertEquals(reader().read(stream, (one) => frames.push(one)), false);
  assertEquals(frames, [1]);
});

import { assertEquals } from "../../assert.ts";
import { FrameReader } from "../../../lib/sandbox/wire/frame_reader.ts";
import { decodeVitals, encodeVitals, VITALS_FRAME_BYTES, VitalsKind } from "../../../lib/sandbox/wire/processes.ts";

const vitals = { memory: 12_345_678_901, cpuMs: 1234.5 };

Deno.test("vitals are read as they were written", () => {
  for (const kind of [VitalsKind.Alive, VitalsKind.OutOfMemory]) {
    assertEquals(decodeVitals(encodeVitals(kind, vitals)), { kind, ...vitals });
  }
  assertEquals(decodeVitals(encodeVitals(VitalsKind.Alive, { memory: 0, cpuMs: 0 }))?.memory, 0);
});

Deno.test("a frame that is none of vitals is refused", () => {
  const frame = encodeVitals(VitalsKind.Alive, vitals);
  assertEquals(decodeVitals(frame.subarray(1)), null, "too short");
  const changed = (change: (view: DataView) => void) => {
    const copy = frame.slice();
    change(new DataView(copy.buffer));
    return decodeVitals(copy);
  };
  for (const kind of [0, 3, 4, 255, 0xffff_ffff]) assertEquals(changed((view) => view.setUint32(0, kind, true)), null);
  assertEquals(changed((view) => view.setUint32(4, 1, true)), null, "what must be zero");
  for (const at of [8, 16]) {
    for (const value of [-1, NaN, Infinity, -Infinity]) {
      assertEquals(changed((view) => view.setFloat64(at, value, true)), null, `${value} at ${at}`);
    }
  }
});

Deno.test("FrameReader finds frames in a stream cut anywhere, and stops at what is none", () => {
  const frames = [1, 2, 3].map((memory) => encodeVitals(VitalsKind.Alive, { memory, cpuMs: 0 }));
  const bytes = new Uint8Array(frames.flatMap((frame) => [...frame]));
  for (let size = 1; size <= bytes.length; size++) {
    const got: number[] = [];
    const reader = new FrameReader(VITALS_FRAME_BYTES, decodeVitals);
    for (let at = 0; at < bytes.length; at += size) {
      assertEquals(reader.read(bytes.subarray(at, at + size), ({ memory }) => got.push(memory)), true);
    }
    assertEquals(got, [1, 2, 3], `chunks of ${size}`);
  }
  bytes[VITALS_FRAME_BYTES] = 9;
  const got: number[] = [];
  const reader = new FrameReader(VITALS_FRAME_BYTES, decodeVitals);
  assertEquals(reader.read(bytes, ({ memory }) => got.push(memory)), false);
  assertEquals(got, [1]);
});

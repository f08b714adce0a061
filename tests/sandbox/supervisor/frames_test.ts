import fc from "fast-check";
import { assert, assertEquals, assertThrows } from "../../assert.ts";
import { parseLimits, probeSystemLimits } from "../../../lib/sandbox/supervisor/limits_probe.ts";
import { endOf } from "../../../lib/sandbox/supervisor/process_end.ts";
import { LOOK_MS, Silence } from "../../../lib/sandbox/supervisor/silence.ts";
import { FrameReader } from "../../../lib/sandbox/wire/frame_reader.ts";
import {
  decodeFrontFrame,
  encodeFrontFrame,
  FRONT_FRAME_BYTES,
  type FrontFrame,
  FrontKind,
  FrontState,
} from "../../../lib/sandbox/wire/front_frames.ts";
import { decodeVitals, encodeVitals, VITALS_FRAME_BYTES, VitalsKind } from "../../../lib/sandbox/wire/processes.ts";
import {
  encodeSupervisorMessage,
  MAX_PAYLOAD_BYTES,
  SupervisorKind,
  type SupervisorMessage,
  SupervisorReader,
} from "../../../lib/sandbox/wire/supervisor_messages.ts";

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
const message: fc.Arbitrary<SupervisorMessage> = fc.record({
  kind: fc.integer({ min: SupervisorKind.Begin, max: SupervisorKind.Ended }) as fc.Arbitrary<SupervisorKind>,
  request: u32,
  payload: fc.uint8Array({ maxLength: 200 }),
});
const cuts = fc.array(fc.nat(50), { minLength: 1, maxLength: 30 });

function join(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Hands `bytes` out in chunks of these lengths, over and over. */
function* chunked(bytes: Uint8Array, lengths: readonly number[]): Generator<Uint8Array> {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const length = (lengths[i % lengths.length] ?? 0) + 1;
    yield bytes.subarray(at, at + length);
    at += length;
  }
}

Deno.test("frames of a front come out as they went in, at any cut", () => {
  fc.assert(fc.property(fc.array(frontFrame), cuts, (frames, lengths) => {
    const reader = new FrameReader(FRONT_FRAME_BYTES, decodeFrontFrame);
    const found: FrontFrame[] = [];
    for (const chunk of chunked(join(frames.map(encodeFrontFrame)), lengths)) {
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

Deno.test("signs of life of a cell are read as they were written, and nothing else is one", () => {
  const figures = fc.double({ min: 0, max: 1e15, noNaN: true });
  fc.assert(fc.property(fc.constantFrom(1, 2), figures, figures, (kind, memory, cpuMs) => {
    const frame = encodeVitals(kind as VitalsKind, { memory, cpuMs });
    assertEquals(decodeVitals(frame), { kind, memory, cpuMs });
    frame[5] = 1;
    assertEquals(decodeVitals(frame), null);
  }));
  const alive = (memory: number, cpuMs: number) => encodeVitals(VitalsKind.Alive, { memory, cpuMs });
  for (const [memory, cpuMs] of [[NaN, 1], [-1, 1], [1, Infinity], [1, -1]] as const) {
    assertEquals(decodeVitals(alive(memory, cpuMs)), null);
  }
  assertEquals(decodeVitals(new Uint8Array(VITALS_FRAME_BYTES)), null);
  for (const kind of [3, 4]) {
    assertEquals(decodeVitals(encodeVitals(kind as VitalsKind, { memory: 1, cpuMs: 1 })), null);
  }
});

Deno.test("messages of the supervisor come out as they went in, at any cut", () => {
  fc.assert(fc.property(fc.array(message), cuts, (messages, lengths) => {
    const reader = new SupervisorReader();
    const bytes = join(messages.map(encodeSupervisorMessage));
    const found = [...chunked(bytes, lengths)].flatMap((chunk) => [...reader.read(chunk)]);
    assertEquals(found.map(({ payload, ...rest }) => ({ ...rest, payload: [...payload] })), [
      ...messages.map(({ payload, ...rest }) => ({ ...rest, payload: [...payload] })),
    ]);
  }));
});

Deno.test("a message of an unknown kind, or too long, is refused by its header", () => {
  const header = (kind: number, length: number) => {
    const bytes = new Uint8Array(12);
    new DataView(bytes.buffer).setUint32(0, kind, true);
    new DataView(bytes.buffer).setUint32(8, length, true);
    return bytes;
  };
  for (const [kind, length] of [[0, 0], [8, 0], [SupervisorKind.Output, MAX_PAYLOAD_BYTES + 1]] as const) {
    assertThrows(() => [...new SupervisorReader().read(header(kind, length))], RangeError);
  }
  assertEquals([...new SupervisorReader().read(header(SupervisorKind.Output, MAX_PAYLOAD_BYTES))], []);
});

Deno.test("silence counts only while it could have been broken", () => {
  const silence = new Silence();
  assertEquals(silence.look(LOOK_MS), LOOK_MS);
  // The machine slept for an hour.
  assertEquals(silence.look(3_600_000), 3 * LOOK_MS);
  assertEquals(silence.look(-5), 3 * LOOK_MS);
  silence.broken();
  assertEquals(silence.look(LOOK_MS), LOOK_MS);
});

Deno.test("endOf() believes a farewell before a kill, and a kill before an exit", () => {
  const killed = { cause: "killed", detail: "no longer wanted" } as const;
  const end = (evidence: Partial<Parameters<typeof endOf>[0]>) =>
    endOf({ code: null, signal: "SIGKILL", errors: "", ...evidence }).cause;
  assertEquals(end({ farewell: VitalsKind.OutOfMemory, killed }), "out_of_memory");
  assertEquals(end({ killed }), "killed");
  assertEquals(end({}), "crash");
  const fatal = "# Fatal JavaScript out of memory: Reached heap limit";
  for (const evidence of [{ signal: "SIGTRAP" }, { signal: "SIGABRT" }, { signal: null, code: 133 }]) {
    assertEquals(end({ ...evidence, errors: fatal }), "out_of_memory");
    assertEquals(end({ ...evidence, errors: "something else" }), "crash");
  }
  // A module can print what V8 prints, but not make its exit look like V8's by that.
  assertEquals(end({ signal: null, code: 1, errors: fatal }), "crash");
});

Deno.test("endOf() gives text that can't forge a line of a terminal, at any length", () => {
  const details = fc.string({ unit: "binary", maxLength: 2_000 });
  fc.assert(
    fc.property(details, (errors) => {
      const { detail } = endOf({ code: 1, signal: null, errors });
      return detail.length <= 1_000 && !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(detail);
    }),
    { numRuns: 20 },
  );
});

Deno.test("the limits of the system are what the system says", async () => {
  const { openFiles } = await probeSystemLimits();
  const { stdout } = await new Deno.Command("sh", { args: ["-c", "ulimit -Hn"] }).output();
  // Deno raises its own limit to what is allowed.
  assertEquals(String(openFiles), new TextDecoder().decode(stdout).trim());
  for (
    const [text, limits] of [["1024 -", [1024, null]], ["- 5000", [null, 5000]], ["", [null, null]], ["x 1e9", [
      null,
      null,
    ]]] as const
  ) {
    const { openFiles, memoryBytes } = parseLimits(text);
    assertEquals([openFiles, memoryBytes], [...limits]);
  }
});

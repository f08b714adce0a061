/** Properties that hold for any input. Run by the tests with a few inputs each, by `deno task fuzz` for as long as wanted. */
import fc from "fast-check";
import { assert, assertEquals, assertLessOrEqual } from "../assert.ts";
import {
  Decoder,
  DECODER_OVERHEAD_BYTES,
  encodeBinary,
  encodeClose,
  encodeControl,
  encodeText,
  FrameWriter,
  isCloseCode,
  Opcode,
} from "../../lib/websocket/websocket.ts";
import { closePayload, concat, fragments, frame } from "../helpers/client_frames.ts";
import { eventsOf, record, type Recorded, ROOMY } from "../helpers/decoder_recorder.ts";
import { type ServerFrame, ServerFrameReader } from "../helpers/server_frames.ts";
import { OperationReader, WireError } from "../../lib/sandbox/wire/operation_reader.ts";
import { HEADER_BYTES } from "../../lib/sandbox/wire/operations.ts";
import { type Plain, plain } from "../helpers/operations.ts";
import { expectedEvents } from "./model.ts";
import { type Direction, operations, OUTPUT, TABLES, wild, written } from "./operations.ts";
import { chunkSizes, cut, limits, stream, textBytes } from "./streams.ts";

/** A named property whose input can be written down as JSON and played again. */
export interface Property {
  readonly name: string;
  /** Checks it with random inputs; null when it held. */
  check(parameters: { seed: number; numRuns: number }): Counterexample | null;
  /** Checks one input, as {@linkcode Counterexample.input} has it. Throws when it does not hold. */
  replay(input: unknown): void;
}

export interface Counterexample {
  readonly property: string;
  readonly seed: number;
  /** JSON: byte arrays are `{ "bytes": "hex" }`. */
  readonly input: unknown;
  readonly error: string;
}

function property<Input>(name: string, input: fc.Arbitrary<Input>, holds: (input: Input) => void): Property {
  return {
    name,
    check({ seed, numRuns }) {
      const result = fc.check(fc.property(input, holds), { seed, numRuns });
      if (!result.failed) return null;
      const [found] = result.counterexample ?? [];
      return { property: name, seed: result.seed, input: freeze(found), error: String(result.errorInstance) };
    },
    replay: (frozen) => holds(thaw(frozen) as Input),
  };
}

function freeze(value: unknown): unknown {
  if (value instanceof Uint8Array) return { bytes: value.toHex() };
  if (Array.isArray(value)) return value.map(freeze);
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, freeze(part)]));
  }
  return value;
}

function thaw(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(thaw);
  if (typeof value !== "object" || value === null) return value;
  if ("bytes" in value && typeof value.bytes === "string") return Uint8Array.fromHex(value.bytes);
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, thaw(part)]));
}

const terminal = (event: Recorded | undefined) => event?.[0] === "close" || event?.[0] === "fail";

export const properties: readonly Property[] = [
  property(
    "Any stream cut anywhere gives the events of the whole, within the memory promise",
    fc.record({ bytes: stream, sizes: chunkSizes, limits }),
    ({ bytes, sizes, limits }) => {
      const whole = record(limits);
      const consumed = whole.decoder.push(bytes.slice());
      assert(consumed === bytes.length || terminal(whole.events.at(-1)), "Stopped without a reason");
      const { decoder, events } = record(limits);
      for (const chunk of cut(bytes, sizes)) {
        decoder.push(chunk);
        assertLessOrEqual(decoder.buffered, limits.max_bytes + DECODER_OVERHEAD_BYTES);
        if (terminal(events.at(-1))) assertEquals(decoder.buffered, 0);
      }
      assertEquals(events, whole.events);
      assertEquals(events.slice(0, -1).some(terminal), false, "Spoke after its last word");
    },
  ),
  property(
    "Any stream gives the events the plain model expects",
    fc.record({ bytes: stream, limits }),
    ({ bytes, limits }) => assertEquals(eventsOf(bytes, limits), expectedEvents(bytes, limits)),
  ),
  property(
    "Noise never throws and never holds more than the promise",
    fc.record({ bytes: fc.uint8Array({ maxLength: 400 }), sizes: chunkSizes, limits }),
    ({ bytes, sizes, limits }) => {
      const { decoder, events } = record(limits);
      for (const chunk of cut(bytes, sizes)) {
        const consumed = decoder.push(chunk);
        assert(consumed >= 0 && consumed <= chunk.length);
        assertLessOrEqual(decoder.buffered, limits.max_bytes + DECODER_OVERHEAD_BYTES);
      }
      assertEquals(events, eventsOf(bytes, limits));
    },
  ),
  property(
    "Suspending after any event loses and reorders nothing",
    fc.record({ bytes: stream, sizes: chunkSizes, pauses: fc.array(fc.boolean(), { minLength: 1 }), limits }),
    ({ bytes, sizes, pauses, limits }) => {
      let turn = 0;
      const { decoder, events } = record(limits, ({ decoder }) => {
        if (pauses[turn++ % pauses.length]) decoder.suspend();
      });
      for (const chunk of cut(bytes, sizes)) {
        let at = decoder.push(chunk);
        while (at < chunk.length && !terminal(events.at(-1))) {
          assertEquals(decoder.push(chunk.subarray(at)), 0, "Went on though suspended");
          decoder.resume();
          at += decoder.push(chunk.subarray(at));
        }
        decoder.resume();
      }
      assertEquals(events, eventsOf(bytes, limits));
    },
  ),
  property(
    "What a client encodes is what the decoder says",
    fc.record({
      payload: fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 300 }), fc.oneof(fc.nat(400), fc.nat(70_000)))
        .map(([pattern, length]) =>
          Uint8Array.from({ length }, (_, index) => pattern[index % pattern.length]! + index)
        ),
      size: fc.integer({ min: 100, max: 70_000 }),
      mask: fc.uint8Array({ minLength: 4, maxLength: 4 }),
      sizes: chunkSizes,
    }),
    ({ payload, size, mask, sizes }) => {
      const bytes = concat(frame({ opcode: 2, payload, mask }), ...fragments(2, payload, size));
      const messages: string[] = [];
      const ignore = () => {};
      const message = (data: string | Uint8Array) =>
        void messages.push(typeof data === "string" ? "text" : data.toHex());
      const decoder = new Decoder(ROOMY, {
        message,
        ping: ignore,
        pong: ignore,
        fragment: ignore,
        close: ignore,
        fail: ignore,
      });
      for (const chunk of cut(bytes, sizes)) decoder.push(chunk);
      assertEquals(messages, [payload.toHex(), payload.toHex()]);
    },
  ),
  property(
    "What the writer gathers is what a client reads",
    fc.array(
      fc.oneof(
        fc.string({ unit: "grapheme", maxLength: 300 }),
        fc.string({ unit: "binary", maxLength: 200 }),
        fc.nat({ max: 70_000 }).map((count) => "x".repeat(count)),
        fc.uint8Array({ maxLength: 300 }),
      ),
      { maxLength: 20 },
    ),
    (messages) => {
      const writer = new FrameWriter();
      for (const message of messages) typeof message === "string" ? writer.text(message) : writer.binary(message);
      const taken = writer.take();
      const alone = concat(
        ...messages.map((message) => typeof message === "string" ? encodeText(message) : encodeBinary(message)),
      );
      assertEquals(taken.toHex(), alone.toHex());
      const frames = new ServerFrameReader().push(taken);
      assertEquals(frames.map(said), messages.map((message) => typeof message === "string" ? message : [...message]));
    },
  ),
  property(
    "Control frames and close frames come back as they were said",
    fc.record({
      payload: fc.uint8Array({ maxLength: 125 }),
      code: fc.integer({ min: 0, max: 5100 }),
      reason: fc.string({ unit: "grapheme", maxLength: 150 }),
    }),
    ({ payload, code, reason }) => {
      const [ping] = new ServerFrameReader().push(encodeControl(Opcode.ping, payload));
      assertEquals([ping?.opcode, ping?.payload.toHex()], [Opcode.ping, payload.toHex()]);
      if (!isCloseCode(code)) return;
      const [close] = new ServerFrameReader().push(encodeClose(code, reason));
      const said = close?.payload ?? new Uint8Array();
      // What we send, our own decoder accepts; the reason is cut, never broken.
      const [event] = eventsOf(frame({ opcode: Opcode.close, payload: said }));
      assertEquals([event?.[0], event?.[1]], ["close", code]);
      assert(reason.startsWith(String(event?.[2])));
      assert(said.length === closePayload(code, reason).length || said.length > 125 - 4);
    },
  ),
  property(
    "Text is judged as TextDecoder judges it, cut anywhere",
    fc.record({
      bytes: fc.oneof(textBytes, fc.uint8Array({ maxLength: 200 })),
      sizes: chunkSizes,
      size: fc.integer({ min: 1, max: 100 }),
    }),
    ({ bytes, sizes, size }) => {
      let expected: Recorded;
      try {
        expected = ["text", new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)];
      } catch {
        expected = ["fail", 1007, ""];
      }
      for (const sent of [frame({ opcode: 1, payload: bytes }), concat(...fragments(1, bytes, size))]) {
        const { decoder, events } = record(ROOMY);
        for (const chunk of cut(sent, sizes)) decoder.push(chunk);
        assertEquals(events.filter(([kind]) => kind !== "fragment"), [expected]);
      }
    },
  ),
  property(
    "Operations between front and cell are read as they were written, cut anywhere",
    fc.record({ made: operations, sizes: chunkSizes }),
    ({ made: { direction, operations }, sizes }) => {
      const { got, error } = taken(direction, cut(written(operations), sizes));
      assertEquals(error, null);
      assertEquals(got, operations);
    },
  ),
  property(
    "Whatever a front or a cell reads, it throws nothing but a WireError and holds no more than one bounded operation",
    fc.record({ made: wild, sizes: chunkSizes }),
    ({ made: { direction, bytes }, sizes }) => {
      const { got, error } = taken(direction, cut(bytes, sizes));
      const whole = taken(direction, [bytes.slice()]);
      assertEquals([got, error], [whole.got, whole.error]);
      const read = written(got);
      assertEquals(bytes.subarray(0, read.length).toHex(), read.toHex(), "What was taken is what was written");
    },
  ),
];

/** The operations that a reader finds in these chunks, and the error it throws. */
function taken(direction: Direction, chunks: Uint8Array[]): { got: Plain[]; error: string | null } {
  const got: Plain[] = [];
  const reader = new OperationReader({ table: TABLES[direction], output: OUTPUT });
  const bounds = [...TABLES[direction].values()].map(({ first = 0, second = 0 }) =>
    [first, second].reduce<number>((sum, bound) => sum + (bound === "output" ? OUTPUT : bound), HEADER_BYTES)
  );
  try {
    for (const chunk of chunks) {
      reader.push(chunk);
      for (let operation = reader.next(); operation !== null; operation = reader.next()) {
        got.push(plain(operation));
        assertLessOrEqual(reader.held, Math.max(...bounds));
      }
      assertLessOrEqual(reader.held, Math.max(...bounds));
    }
    return { got, error: null };
  } catch (error) {
    if (error instanceof WireError) return { got, error: error.message };
    throw error;
  }
}

function said({ opcode, payload }: ServerFrame): unknown {
  return opcode === 1 ? new TextDecoder("utf-8", { ignoreBOM: true }).decode(payload) : [...payload];
}

import { assert, assertEquals, assertGreater, assertLessOrEqual } from "../assert.ts";
import {
  CloseCode,
  Decoder,
  DECODER_OVERHEAD_BYTES,
  type DecoderEvents,
  Opcode,
  TINY_FRAGMENT_BYTES,
} from "../../lib/websocket/websocket.ts";
import { closePayload, concat, fragments, frame } from "../helpers/client_frames.ts";
import { eventsOf, record, type Recorded, ROOMY } from "../helpers/decoder_recorder.ts";

const { continuation, text, binary, close, ping, pong } = Opcode;

/** In one chunk, in bytes and in sevens: what comes out must not depend on it. */
function assertEvents(bytes: Uint8Array, expected: Recorded[], limits = ROOMY): void {
  for (const size of [bytes.length || 1, 7, 1]) {
    assertEquals(eventsOf(bytes, limits, size), expected, `chunks of ${size}`);
  }
}

const silent: DecoderEvents = {
  message: () => {},
  ping: () => {},
  pong: () => {},
  fragment: () => {},
  close: () => {},
  fail: () => {},
};

const protocolError: Recorded = ["fail", 1002, ""];
const tooBig: Recorded = ["fail", 1009, "message_too_big"];
const invalidText: Recorded = ["fail", 1007, ""];

Deno.test("Decoder reads the masked example of RFC 6455 5.7", () => {
  const hello = Uint8Array.of(0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58);
  assertEvents(hello, [["text", "Hello"]]);
});

for (const length of [0, 1, 2, 3, 4, 5, 15, 16, 17, 31, 32, 33, 63, 64, 65, 124, 125, 126, 127, 128, 65535, 65536]) {
  Deno.test(`Decoder reads a message of ${length} bytes`, () => {
    const data = Uint8Array.from({ length }, (_, index) => index * 7);
    for (const size of length < 1000 ? [length + 14, 1] : [length + 14, 997]) {
      assertEquals(eventsOf(frame({ opcode: binary, payload: data }), ROOMY, size), [["binary", [...data]]]);
      const letters = "a".repeat(length);
      assertEquals(eventsOf(frame({ opcode: text, payload: letters }), ROOMY, size), [["text", letters]]);
      const umlauts = "ü".repeat(length >> 1);
      assertEquals(eventsOf(frame({ opcode: text, payload: umlauts }), ROOMY, size), [["text", umlauts]]);
    }
  });
}

Deno.test("Decoder unmasks at every alignment of the chunk in memory", () => {
  const data = Uint8Array.from({ length: 100 }, (_, index) => index);
  const bytes = frame({ opcode: binary, payload: data });
  for (let offset = 0; offset < 8; offset++) {
    const memory = new Uint8Array(offset + bytes.length);
    memory.set(bytes, offset);
    const { decoder, events } = record();
    assertEquals(decoder.push(memory.subarray(offset)), bytes.length);
    assertEquals(events, [["binary", [...data]]]);
  }
});

Deno.test("Decoder reads many frames of one chunk in their order", () => {
  const frames = Array.from({ length: 100 }, (_, index) => frame({ opcode: text, payload: `message ${index}` }));
  assertEvents(concat(...frames), frames.map((_, index): Recorded => ["text", `message ${index}`]));
});

Deno.test("Decoder hands a text's bytes on when it came in one frame and one piece", () => {
  const said = 'a {"ü": "😀"} of some length, so that it is judged in bulk'.repeat(4);
  const given: (string | undefined)[] = [];
  const nothing = () => {};
  const decoder = new Decoder(ROOMY, {
    message: (data, bytes, utf8) => {
      given.push(utf8 && new TextDecoder().decode(utf8));
      if (utf8 !== undefined) assertEquals([data, bytes], [said, utf8.length]);
    },
    ping: nothing,
    pong: nothing,
    fragment: nothing,
    close: nothing,
    fail: nothing,
  });
  const payload = new TextEncoder().encode(said);
  decoder.push(concat(frame({ opcode: text, payload }), frame({ opcode: text, payload })));
  assertEquals(given.splice(0), [said, said]);
  decoder.push(frame({ opcode: binary, payload }));
  decoder.push(concat(...fragments(text, payload, 50)));
  assertEquals(given.splice(0), [undefined, undefined]);
  for (const byte of frame({ opcode: text, payload })) decoder.push(Uint8Array.of(byte));
  assertEquals(given, [undefined]);
});

Deno.test("Decoder keeps a leading byte order mark: it is part of the text", () => {
  for (const length of [0, 1, 125, 252, 253, 254, 300, 5000]) {
    const payload = "\ufeff" + "x".repeat(length);
    assertEvents(frame({ opcode: text, payload }), [["text", payload]]);
  }
});

Deno.test("Decoder takes U+FFFD itself, which platform decoders put in place of wrong bytes", () => {
  for (const length of [0, 1, 252, 253, 254, 5000]) {
    const payload = "x".repeat(length) + "\ufffd";
    assertEvents(frame({ opcode: text, payload }), [["text", payload]]);
  }
});

// RFC 6455 5.1, 5.2: every first byte, masked and not, in a fresh connection.
Deno.test("Decoder judges every first byte", () => {
  for (let first = 0; first < 256; first++) {
    const rsv = (first >> 4) & 7;
    const opcode = first & 15;
    const fin = first >= 128;
    const known = opcode === text || opcode === binary || (fin && opcode >= 8 && opcode <= 10);
    const expected: Recorded[] = rsv !== 0 || !known
      ? [protocolError]
      : opcode === text
      ? (fin ? [["text", ""]] : [["fragment", 0]])
      : opcode === binary
      ? (fin ? [["binary", []]] : [["fragment", 0]])
      : opcode === ping
      ? [["ping", []]]
      : opcode === pong
      ? [["pong", []]]
      : [["close", 1005, ""]];
    assertEvents(frame({ opcode, fin, rsv }), expected);
    assertEvents(frame({ opcode, fin, rsv, mask: null }), [protocolError]);
  }
});

const refusedHeaders: [string, Uint8Array, Recorded][] = [
  ["7 bits in 16", frame({ opcode: text, payload: "a".repeat(125), lengthEncoding: 16 }), protocolError],
  ["7 bits in 64", frame({ opcode: text, payload: "a".repeat(125), lengthEncoding: 64 }), protocolError],
  ["16 bits in 64", frame({ opcode: text, announcedLength: 65535, lengthEncoding: 64 }), protocolError],
  ["nothing in 16", frame({ opcode: text, lengthEncoding: 16 }), protocolError],
  ["2^63", frame({ opcode: text, announcedLength: 1n << 63n }), protocolError],
  ["2^64-1", frame({ opcode: text, announcedLength: (1n << 64n) - 1n }), protocolError],
  ["2^63-1", frame({ opcode: text, announcedLength: (1n << 63n) - 1n }), tooBig],
  ["2^53+1", frame({ opcode: text, announcedLength: (1n << 53n) + 1n }), tooBig],
  ["2^32", frame({ opcode: text, announcedLength: 1n << 32n }), tooBig],
  ["2^31", frame({ opcode: text, announcedLength: 1n << 31n }), tooBig],
];
for (const [name, bytes, expected] of refusedHeaders) {
  Deno.test(`Decoder refuses a length of ${name} from the header alone`, () => {
    assertEvents(bytes, [expected]);
    const { decoder, events } = record();
    decoder.push(bytes.slice());
    assertEquals([events.length, decoder.buffered], [1, 0]);
  });
}

Deno.test("Decoder refuses control frames longer than 125 bytes and fragmented ones", () => {
  for (const opcode of [close, ping, pong]) {
    for (const length of [126, 127, 65536]) {
      assertEvents(frame({ opcode, payload: new Uint8Array(length) }), [protocolError]);
    }
    assertEvents(frame({ opcode, fin: false }), [protocolError]);
  }
  const longest = new Uint8Array(125).fill(0x61);
  assertEvents(frame({ opcode: ping, payload: longest }), [["ping", [...longest]]]);
  assertEvents(frame({ opcode: pong, payload: longest }), [["pong", [...longest]]]);
  const reason = "r".repeat(123);
  assertEvents(frame({ opcode: close, payload: closePayload(1000, reason) }), [["close", 1000, reason]]);
});

Deno.test("Decoder takes control frames in the midst of a message", () => {
  const bytes = concat(
    frame({ opcode: text, fin: false, payload: "é".repeat(100) }),
    frame({ opcode: ping, payload: "1" }),
    frame({ opcode: continuation, fin: false, payload: "b" }),
    frame({ opcode: pong, payload: "2" }),
    frame({ opcode: continuation, payload: "c" }),
  );
  const expected: Recorded[] = [["ping", [49]], ["fragment", 1], ["pong", [50]], ["text", "é".repeat(100) + "bc"]];
  assertEvents(bytes, expected);
});

Deno.test("Decoder ends with a close frame in the midst of a message", () => {
  const bytes = concat(
    frame({ opcode: text, fin: false, payload: "a".repeat(200) }),
    frame({ opcode: close, payload: closePayload(1000) }),
    frame({ opcode: continuation, payload: "c" }),
  );
  assertEvents(bytes, [["close", 1000, ""]]);
});

Deno.test("Decoder refuses continuations of nothing and new messages within one", () => {
  const whole = frame({ opcode: text, payload: "a" });
  const start = frame({ opcode: binary, fin: false, payload: new Uint8Array(TINY_FRAGMENT_BYTES) });
  assertEvents(frame({ opcode: continuation, payload: "a" }), [protocolError]);
  assertEvents(frame({ opcode: continuation, fin: false }), [protocolError]);
  assertEvents(concat(whole, frame({ opcode: continuation })), [["text", "a"], protocolError]);
  assertEvents(concat(start, whole), [protocolError]);
  assertEvents(concat(start, start), [protocolError]);
  assertEvents(concat(start, frame({ opcode: continuation }), frame({ opcode: continuation })), [
    ["binary", Array(TINY_FRAGMENT_BYTES).fill(0)],
    protocolError,
  ]);
});

Deno.test("Decoder takes the next message after one of any form", () => {
  const half = [frame({ opcode: text, fin: false, payload: "ü" }), frame({ opcode: continuation, payload: "€" })];
  const bytes = concat(...half, frame({ opcode: text, payload: "a" }), ...half, ...fragments(text, "ab", 1));
  const umlaut: Recorded[] = [["fragment", 2], ["text", "ü€"]];
  assertEvents(bytes, [...umlaut, ["text", "a"], ...umlaut, ["fragment", 1], ["text", "ab"]]);
});

Deno.test("Decoder reports non-final fragments under 128 bytes, and no others", () => {
  for (const [length, reported] of [[0, true], [1, true], [127, true], [128, false]] as const) {
    const payload = "a".repeat(length);
    const bytes = concat(frame({ opcode: text, fin: false, payload }), frame({ opcode: continuation, payload: "z" }));
    assertEvents(bytes, reported ? [["fragment", length], ["text", payload + "z"]] : [["text", payload + "z"]]);
  }
});

const utf8Cases: [string, number[], boolean][] = [
  ["U+0080, the first of two bytes", [0xc2, 0x80], true],
  ["an overlong form of two bytes", [0xc1, 0xbf], false],
  ["U+0800, the first of three bytes", [0xe0, 0xa0, 0x80], true],
  ["an overlong form of three bytes", [0xe0, 0x9f, 0xbf], false],
  ["U+D7FF, before the surrogates", [0xed, 0x9f, 0xbf], true],
  ["the surrogate U+D800", [0xed, 0xa0, 0x80], false],
  ["the surrogate U+DFFF", [0xed, 0xbf, 0xbf], false],
  ["U+E000, after the surrogates", [0xee, 0x80, 0x80], true],
  ["U+10000, the first of four bytes", [0xf0, 0x90, 0x80, 0x80], true],
  ["an overlong form of four bytes", [0xf0, 0x8f, 0xbf, 0xbf], false],
  ["U+10FFFF, the last", [0xf4, 0x8f, 0xbf, 0xbf], true],
  ["U+110000", [0xf4, 0x90, 0x80, 0x80], false],
  ["the lead byte f5", [0xf5, 0x80, 0x80, 0x80], false],
  ["a continuation byte alone", [0x80], false],
  ["half a character", [0xe2, 0x82], false],
  ["ff", [0xff], false],
];
for (const [name, bytes, valid] of utf8Cases) {
  Deno.test(`Decoder ${valid ? "takes" : "refuses"} text with ${name}`, () => {
    for (const padding of ["", "a".repeat(100)]) {
      const payload = concat(new TextEncoder().encode(padding), Uint8Array.from(bytes));
      const expected: Recorded = valid ? ["text", new TextDecoder().decode(payload)] : invalidText;
      assertEvents(frame({ opcode: text, payload }), [expected]);
      const pieces = fragments(text, payload, 1);
      for (const whole of [true, false]) {
        const { decoder, events } = record();
        if (whole) decoder.push(concat(...pieces));
        else for (const piece of pieces) decoder.push(piece);
        assertEquals(events.filter(([kind]) => kind !== "fragment"), [expected]);
      }
    }
  });
}

Deno.test("Decoder refuses wrong text at the first wrong byte, before the frame is whole", () => {
  const { decoder, events } = record();
  const bytes = frame({ opcode: text, payload: Uint8Array.of(0x61, 0xe2, 0x28, 0x61, 0x61) });
  decoder.push(bytes.slice(0, 8));
  assertEquals(events, []);
  decoder.push(bytes.slice(8, 9));
  assertEquals(events, [invalidText]);
});

Deno.test("Decoder refuses wrong text in a fragment before the message is whole", () => {
  const payload = Uint8Array.of(...Array<number>(300).fill(0x61), 0xf4, 0x90);
  assertEvents(frame({ opcode: text, fin: false, payload }), [invalidText]);
});

for (
  const [code, valid] of [
    [0, false],
    [999, false],
    [1000, true],
    [1001, true],
    [1002, true],
    [1003, true],
    [1004, false],
    [1005, false],
    [1006, false],
    [1007, true],
    [1011, true],
    [1012, true],
    [1014, true],
    [1015, false],
    [1016, false],
    [1100, false],
    [2000, false],
    [2999, false],
    [3000, true],
    [3999, true],
    [4000, true],
    [4999, true],
    [5000, false],
    [65535, false],
  ] as const
) {
  Deno.test(`Decoder ${valid ? "takes" : "refuses"} close code ${code}`, () => {
    const bytes = frame({ opcode: close, payload: closePayload(code, "why") });
    assertEvents(bytes, [valid ? ["close", code, "why"] : protocolError]);
  });
}

Deno.test("Decoder judges a close frame's payload", () => {
  assertEvents(frame({ opcode: close }), [["close", CloseCode.noStatus, ""]]);
  // Half a code, also where a zero would make it an allowed one.
  for (let half = 0; half < 256; half++) {
    assertEvents(frame({ opcode: close, payload: Uint8Array.of(half) }), [protocolError]);
  }
  assertEvents(frame({ opcode: close, payload: closePayload(1000, "grüß") }), [["close", 1000, "grüß"]]);
  const wrong = closePayload(1000, Uint8Array.of(0xed, 0xa0, 0x80));
  assertEvents(frame({ opcode: close, payload: wrong }), [invalidText]);
});

Deno.test("Decoder says and takes nothing after a close frame or a failure", () => {
  const hello = frame({ opcode: text, payload: "hello" });
  for (const last of [frame({ opcode: close }), frame({ opcode: 3 })]) {
    const { decoder, events } = record();
    decoder.push(concat(last, hello));
    const before = events.length;
    assertEquals([before, decoder.push(hello.slice()), decoder.push(last.slice()), decoder.buffered], [1, 0, 0, 0]);
    decoder.resume();
    assertEquals([decoder.push(hello.slice()), events.length], [0, before]);
  }
});

Deno.test("Decoder gives its memory back at a close frame or a failure in the midst of a message", () => {
  for (const last of [frame({ opcode: close }), frame({ opcode: 3 })]) {
    const { decoder } = record();
    decoder.push(frame({ opcode: binary, payload: new Uint8Array(50), fin: false }));
    assertGreater(decoder.buffered, 0);
    decoder.push(last);
    assertEquals(decoder.buffered, 0);
  }
});

Deno.test("Decoder takes max_bytes and refuses one more, whole or in fragments", () => {
  for (const max_bytes of [0, 1, 125, 126, 1000]) {
    const limits = { max_bytes, max_fragments: 4096 };
    for (const opcode of [text, binary] as const) {
      const fits = new Uint8Array(max_bytes).fill(0x61);
      const over = new Uint8Array(max_bytes + 1).fill(0x61);
      const message: Recorded = opcode === text ? ["text", "a".repeat(max_bytes)] : ["binary", [...fits]];
      assertEvents(frame({ opcode, payload: fits }), [message], limits);
      assertEvents(frame({ opcode, payload: over }), [tooBig], limits);
      for (const size of [1, 100, 128, 999]) {
        const last = (bytes: Uint8Array) => eventsOf(concat(...fragments(opcode, bytes, size)), limits).at(-1);
        assertEquals(last(fits), message);
        assertEquals(last(over), tooBig);
      }
    }
  }
});

Deno.test("Decoder counts from zero with each message", () => {
  const limits = { max_bytes: 10, max_fragments: 2 };
  const message = concat(...fragments(text, "0123456789", 5));
  const bytes = concat(message, message, message);
  const expected: Recorded[] = [["fragment", 5], ["text", "0123456789"]];
  assertEvents(bytes, [...expected, ...expected, ...expected], limits);
});

Deno.test("Decoder takes max_fragments frames of a message and refuses one more", () => {
  const limits = { max_bytes: 1000, max_fragments: 3 };
  const start = frame({ opcode: text, fin: false });
  const more = frame({ opcode: continuation, fin: false });
  const last = frame({ opcode: continuation });
  assertEvents(concat(start, more, last), [["fragment", 0], ["fragment", 0], ["text", ""]], limits);
  const tooMany: Recorded = ["fail", 1008, "too_many_fragments"];
  const three: Recorded[] = [["fragment", 0], ["fragment", 0], ["fragment", 0]];
  assertEvents(concat(start, more, more, last), [...three, tooMany], limits);
  assertEvents(concat(start, more, more, more), [...three, tooMany], limits);
});

Deno.test("Decoder.buffered never exceeds max_bytes and the overhead, and is nothing between messages", () => {
  const limits = { max_bytes: 5000, max_fragments: 10_000 };
  const message = concat(
    ...fragments(binary, new Uint8Array(5000), 700).flatMap((part) => [
      part,
      frame({ opcode: ping, payload: new Uint8Array(125) }),
    ]),
  );
  const { decoder, events } = record(limits);
  for (const byte of message) {
    decoder.push(Uint8Array.of(byte));
    assertLessOrEqual(decoder.buffered, limits.max_bytes + DECODER_OVERHEAD_BYTES);
  }
  assertEquals(events.filter(([kind]) => kind === "binary").length, 1);
  assertEquals(decoder.buffered, 0);
});

Deno.test("Decoder hands a whole frame's payload out where it lies", () => {
  const chunk = concat(frame({ opcode: binary, payload: "binary" }), frame({ opcode: ping, payload: "ping" }));
  const memories: ArrayBufferLike[] = [];
  const keep = (data: string | Uint8Array) => void (typeof data === "string" || memories.push(data.buffer));
  const unexpected = () => assert(false);
  const events = { message: keep, ping: keep, pong: keep, fragment: unexpected, close: unexpected, fail: unexpected };
  new Decoder(ROOMY, events).push(chunk);
  assertEquals(memories.map((memory) => memory === chunk.buffer), [true, true]);
});

Deno.test("Decoder says how many bytes a message had on the wire", () => {
  for (const [payload, bytes] of [["", 0], ["abc", 3], ["ü€😀", 9]] as const) {
    for (const opcode of [text, binary] as const) {
      for (const parts of [[frame({ opcode, payload })], fragments(opcode, payload, 1)]) {
        const said: number[] = [];
        const message = (_: string | Uint8Array, bytes: number) => void said.push(bytes);
        const decoder = new Decoder(ROOMY, { ...silent, message });
        decoder.push(concat(...parts));
        assertEquals(said, [bytes]);
      }
    }
  }
});

Deno.test("Decoder.suspend() in an event stops right after it, and resume() goes on with the rest", () => {
  const bytes = concat(
    frame({ opcode: text, payload: "a" }),
    frame({ opcode: ping, payload: "b" }),
    frame({ opcode: binary, fin: false, payload: "c" }),
    frame({ opcode: continuation, payload: "d" }),
    frame({ opcode: close }),
  );
  const { decoder, events } = record(ROOMY, ({ decoder }) => decoder.suspend());
  let at = 0;
  const ends: number[] = [];
  for (let count = 1; count <= 5; count++) {
    at += decoder.push(bytes.subarray(at));
    ends.push(at);
    assertEquals(events.length, count);
    assertEquals(decoder.push(bytes.subarray(at)), 0);
    decoder.resume();
  }
  assertEquals(ends, [7, 14, 21, 28, 34]);
  assertEquals(events.map(([kind]) => kind), ["text", "ping", "fragment", "binary", "close"]);
});

Deno.test("Decoder.suspend() between chunks takes nothing", () => {
  const { decoder, events } = record();
  const hello = frame({ opcode: text, payload: "hello" });
  decoder.push(hello.slice(0, 4));
  decoder.suspend();
  assertEquals([decoder.push(hello.slice(4)), events.length], [0, 0]);
  decoder.resume();
  decoder.push(hello.slice(4));
  assertEquals(events, [["text", "hello"]]);
});

Deno.test("Failure.detail says what was wrong and holds nothing of the payload", () => {
  const recording = record();
  recording.decoder.push(frame({ opcode: text, payload: Uint8Array.of(0x73, 0x65, 0x63, 0xff) }));
  assertEquals(recording.detail, "Text is not UTF-8");
});

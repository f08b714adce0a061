/**
 * Each class of published vulnerability that concerns framing or the memory behind it, as a test named by one of its
 * advisories. What can't exist here:
 * - Decompression bombs (Bandit CVE-2026-39804, websocket-driver CVE-2026-54490, undici CVE-2026-1526) and bad extension
 *   parameters (undici CVE-2026-2229): no extension is ever negotiated, RSV1 alone fails the connection (below).
 * - Many attachments of one message (socket.io-parser CVE-2026-33151): a message is one string or one array of bytes.
 */
import { assert, assertEquals, assertLess, assertLessOrEqual } from "../assert.ts";
import {
  Decoder,
  DECODER_OVERHEAD_BYTES,
  encodeClose,
  encodeControl,
  encodeText,
  FrameWriter,
  Opcode,
} from "../../lib/websocket/websocket.ts";
import { closePayload, concat, frame } from "../helpers/client_frames.ts";
import { eventsOf, record, type Recorded } from "../helpers/decoder_recorder.ts";
import { ServerFrameReader } from "../helpers/server_frames.ts";

const { continuation, text, binary, close, ping } = Opcode;
const limits = { max_bytes: 64 * 1024, max_fragments: 1024 };
const protocolError: Recorded = ["fail", 1002, ""];
const tooBig: Recorded = ["fail", 1009, "message_too_big"];
const tooMany: Recorded = ["fail", 1008, "too_many_fragments"];

Deno.test("ws CVE-2016-10542: a message over the limit is refused from its header, and there always is a limit", () => {
  const { decoder, events } = record(limits);
  const header = frame({ opcode: binary, announcedLength: limits.max_bytes + 1 });
  // The mask isn't even needed.
  decoder.push(header.slice(0, header.length - 4));
  assertEquals([events, decoder.buffered], [[tooBig], 0]);
});

Deno.test("gorilla CVE-2020-27813: a 64-bit length neither overflows nor reserves memory", () => {
  for (const announcedLength of [(1n << 63n) - 1n, (1n << 63n) - 14n, 1n << 62n, 1n << 53n, 1n << 32n, 1n << 31n]) {
    for (const before of [[], [frame({ opcode: binary, fin: false, payload: new Uint8Array(1000) })]]) {
      const opcode = before.length === 0 ? binary : continuation;
      const { decoder, events } = record(limits);
      decoder.push(concat(...before, frame({ opcode, announcedLength })));
      assertEquals(events, [tooBig]);
      assertEquals(decoder.buffered, 0);
    }
  }
});

Deno.test("gorilla CVE-2020-27813: a header that announces much reserves little", () => {
  for (const opcode of [text, binary]) {
    const bytes = frame({ opcode, payload: "a".repeat(limits.max_bytes) });
    const { decoder } = record(limits);
    const sent = [14, 15, 100, 1000, 10_000];
    for (const [index, end] of sent.entries()) {
      decoder.push(bytes.slice(index === 0 ? 0 : sent[index - 1], end));
      assertLessOrEqual(decoder.buffered, Math.max(256, 2 * end));
    }
  }
});

Deno.test("undici CVE-2026-1528: a 64-bit length with its top bit set is a protocol error", () => {
  for (const announcedLength of [1n << 63n, (1n << 64n) - 1n, (1n << 63n) + 5n]) {
    assertEquals(eventsOf(frame({ opcode: text, announcedLength }), limits), [protocolError]);
  }
});

Deno.test("websocket-driver CVE-2026-54466: lengths have one form, so that no two readers see different frames", () => {
  const hidden = frame({ opcode: text, payload: "hidden" });
  for (const lengthEncoding of [16, 64] as const) {
    assertEquals(eventsOf(frame({ opcode: text, payload: hidden, lengthEncoding }), limits), [protocolError]);
  }
});

Deno.test("Tomcat CVE-2020-13935: a control frame's length is judged at once and never loops", () => {
  for (const opcode of [close, ping]) {
    for (const announcedLength of [126, 65535, 65536, (1n << 63n) - 1n, (1n << 64n) - 1n]) {
      const bytes = frame({ opcode, announcedLength });
      for (const size of [bytes.length, 1]) assertEquals(eventsOf(bytes, limits, size), [protocolError]);
      assertEquals(eventsOf(bytes.slice(0, 2), limits), [protocolError]);
    }
  }
});

Deno.test("Bandit GHSA-rhh8-5xw9-c3gm: frames that are not masked are refused, of every kind", () => {
  for (const opcode of [text, binary, close, ping, Opcode.pong]) {
    for (const payload of ["", "hi"]) {
      assertEquals(eventsOf(frame({ opcode, payload, mask: null }), limits), [protocolError]);
    }
  }
  const unmaskedRest = concat(
    frame({ opcode: text, fin: false, payload: "a".repeat(200) }),
    frame({ opcode: continuation, payload: "b", mask: null }),
  );
  assertEquals(eventsOf(unmaskedRest, limits), [protocolError]);
});

Deno.test("Bandit CVE-2026-42786: fragments without end are closed at max_bytes, and no more is held", () => {
  const { decoder, events } = record(limits);
  decoder.push(frame({ opcode: binary, fin: false, payload: new Uint8Array(4096) }));
  let fragments = 1;
  while (events.length === 0) {
    decoder.push(frame({ opcode: continuation, fin: false, payload: new Uint8Array(4096) }));
    fragments++;
    assertLessOrEqual(decoder.buffered, limits.max_bytes + DECODER_OVERHEAD_BYTES);
  }
  assertEquals([events, fragments, decoder.buffered], [[tooBig], limits.max_bytes / 4096 + 1, 0]);
});

Deno.test("Bandit CVE-2026-42786: empty fragments without end are closed at max_fragments", () => {
  const { decoder, events } = record(limits);
  const empty = frame({ opcode: continuation, fin: false });
  decoder.push(frame({ opcode: text, fin: false }));
  let fragments = 1;
  for (; events.at(-1)?.[0] !== "fail"; fragments++) {
    decoder.push(empty.slice());
    assertEquals(decoder.buffered, 0);
  }
  assertEquals([events.at(-1), fragments], [tooMany, limits.max_fragments + 1]);
  // Each cost a token on the way.
  assertEquals(events.filter(([kind]) => kind === "fragment").length, limits.max_fragments);
});

/** Bytes copied by growing storage while a message arrives: each change of the capacity copies what was there. */
function copiedFor(fragments: number): number {
  const { decoder, events } = record({ max_bytes: 1 << 20, max_fragments: fragments });
  let copied = 0;
  let capacity = 0;
  for (let count = 1; count <= fragments; count++) {
    const opcode = count === 1 ? binary : continuation;
    decoder.push(frame({ opcode, fin: count === fragments, payload: Uint8Array.of(count) }));
    if (decoder.buffered !== capacity && count < fragments) copied += count;
    capacity = decoder.buffered;
  }
  assertEquals(events.at(-1)?.[0], "binary");
  return copied;
}

Deno.test("ws CVE-2026-48779: 10,000 fragments of one byte cost linear work", () => {
  for (const fragments of [1000, 10_000, 20_000]) assertLess(copiedFor(fragments), 2 * fragments);
});

Deno.test("Bandit CVE-2026-65623: one frame in chunks of one byte costs linear work", () => {
  const size = 50_000;
  const { decoder, events } = record(limits);
  let copied = 0;
  let capacity = 0;
  for (const [index, byte] of frame({ opcode: text, payload: "a".repeat(size) }).entries()) {
    decoder.push(Uint8Array.of(byte));
    if (decoder.buffered > 14 && decoder.buffered !== capacity) {
      copied += index;
      capacity = decoder.buffered;
    }
  }
  assertEquals(events, [["text", "a".repeat(size)]]);
  assertLess(copied, 2 * size);
});

Deno.test("ws CVE-2016-10518: a pong carries the ping's bytes and no other memory", () => {
  for (const length of [0, 1, 5, 124, 125]) {
    const payload = new Uint8Array(length).fill(0x70);
    const sent = frame({ opcode: ping, payload });
    for (const size of [sent.length, 3]) {
      const answered: Uint8Array[] = [];
      const decoder = answeringPings(answered);
      for (let at = 0; at < sent.length; at += size) decoder.push(sent.slice(at, at + size));
      assertEquals(decoder.buffered, 0);
      assertEquals(answered.map((bytes) => [...bytes]), [[0x8a, length, ...payload]]);
    }
  }
});

function answeringPings(answered: Uint8Array[]): Decoder {
  const ignore = () => {};
  const answer = (payload: Uint8Array) => void answered.push(encodeControl(Opcode.pong, payload));
  return new Decoder(limits, {
    message: ignore,
    ping: answer,
    pong: ignore,
    fragment: ignore,
    close: ignore,
    fail: ignore,
  });
}

Deno.test("ws CVE-2026-45736: a close frame carries code and reason and no other memory", () => {
  for (const reason of ["", "x", "message_too_big", "r".repeat(123), "r".repeat(500), "ü".repeat(62)]) {
    const [sent] = new ServerFrameReader().push(encodeClose(1008, reason));
    const cut = new TextEncoder().encode(reason).subarray(0, 123);
    const whole = reason.startsWith("ü") ? cut.subarray(0, 122) : cut;
    assertEquals(sent?.payload.toHex(), closePayload(1008, whole).toHex());
  }
  assertEquals([...encodeClose(1005, "ignored")], [0x88, 0]);
});

Deno.test("ws CVE-2026-45736: bytes taken from the writer hold frames and no other memory", () => {
  const writer = new FrameWriter();
  writer.text("a".repeat(5000));
  const first = writer.take();
  writer.text("b");
  const second = writer.take();
  assertEquals([...second], [0x81, 1, 0x62]);
  assertEquals(first.length, 5004);
  assert(first.subarray(4).every((byte) => byte === 0x61));
});

Deno.test("ws-rs CVE-2020-35896: what is waiting to be sent is counted to the byte", () => {
  const writer = new FrameWriter();
  let expected = 0;
  for (const size of [0, 10, 125, 126, 65_535, 65_536]) {
    writer.text("é".repeat(size >> 1));
    writer.binary(new Uint8Array(size));
    expected += encodeText("é".repeat(size >> 1)).length + new Uint8Array(size).length +
      (size < 126 ? 2 : size < 65_536 ? 4 : 10);
    assertEquals(writer.size, expected);
  }
  assertEquals([writer.take().length, writer.size], [expected, 0]);
});

Deno.test("orpc #1615: no malformed frame throws", () => {
  for (let first = 0; first < 256; first++) {
    for (let second = 0; second < 256; second++) {
      const bytes = Uint8Array.of(
        first,
        second,
        0xff,
        0xff,
        0xff,
        0xff,
        0xff,
        0xff,
        0xff,
        0xff,
        0xff,
        0xff,
        0xff,
        0xff,
      );
      const { decoder, events } = record(limits);
      decoder.push(bytes);
      assertLessOrEqual(events.length, 7);
      assertLessOrEqual(decoder.buffered, limits.max_bytes + DECODER_OVERHEAD_BYTES);
    }
  }
});

Deno.test("Bandit CVE-2026-39804: a frame marked as compressed is refused before any byte of it", () => {
  const { decoder, events } = record(limits);
  assertEquals(decoder.push(frame({ opcode: text, rsv: 4, payload: "x" }).slice(0, 2)), 0);
  assertEquals(events, [protocolError]);
});

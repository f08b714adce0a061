/**
 * A second decoder, as plain as the RFC: it has the whole stream at once, copies freely and is never used but to be
 * compared. It says what the events must be; a rule broken in one place shows as a difference.
 */
import type { DecoderLimits } from "../../lib/websocket/websocket.ts";
import type { Recorded } from "../helpers/decoder_recorder.ts";

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Closes the connection: the last event. */
class Last extends Error {
  constructor(readonly event: Recorded) {
    super();
  }
}

/** The stream has no more bytes. */
class End extends Error {}

export function expectedEvents(stream: Uint8Array, limits: DecoderLimits): Recorded[] {
  const events: Recorded[] = [];
  try {
    readFrames([...stream], limits, events);
  } catch (error) {
    if (error instanceof Last) events.push(error.event);
    else if (!(error instanceof End)) throw error;
  }
  return events;
}

function readFrames(rest: number[], limits: DecoderLimits, events: Recorded[]): never {
  let message: { text: boolean; octets: number[]; frames: number } | null = null;
  for (;;) {
    const [first, second] = take(rest, 2) as [number, number];
    const opcode = first % 16;
    const fin = first >= 128;
    if (Math.floor(first / 16) % 8 !== 0 || second < 128) throw failure(1002);
    const isControl = [8, 9, 10].includes(opcode);
    if (!isControl && ![0, 1, 2].includes(opcode)) throw failure(1002);
    if (isControl && (!fin || second > 128 + 125)) throw failure(1002);
    if (!isControl && (opcode === 0) !== (message !== null)) throw failure(1002);
    if (opcode === 0 && message !== null && message.frames + 1 > limits.max_fragments) {
      throw failure(1008, "too_many_fragments");
    }
    const length = readLength(rest, second - 128);
    if (!isControl && length + BigInt(message?.octets.length ?? 0) > limits.max_bytes) {
      throw failure(1009, "message_too_big");
    }
    const key = take(rest, 4);
    const cut = rest.length < length;
    const payload = rest.splice(0, Number(length)).map((octet, index) => octet ^ key[index % 4]!);

    if (isControl) {
      if (cut) throw new End();
      if (opcode === 8) throw new Last(closeEvent(payload));
      events.push([opcode === 9 ? "ping" : "pong", payload]);
      continue;
    }
    message ??= { text: opcode === 1, octets: [], frames: 0 };
    message.octets.push(...payload);
    message.frames++;
    const text = message.text ? judged(message.octets, fin && !cut) : "";
    if (cut) throw new End();
    if (fin) {
      events.push(message.text ? ["text", text] : ["binary", message.octets]);
      message = null;
    } else if (payload.length < 128) {
      events.push(["fragment", payload.length]);
    }
  }
}

function readLength(rest: number[], short: number): bigint {
  if (short < 126) return BigInt(short);
  const octets = take(rest, short === 126 ? 2 : 8);
  const length = octets.reduce((sum, octet) => sum * 256n + BigInt(octet), 0n);
  if (length < (short === 126 ? 126n : 65_536n) || length >= 1n << 63n) throw failure(1002);
  return length;
}

/** The text so far; when it goes on, half a character at its end is no fault. */
function judged(octets: number[], whole: boolean): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(octets), {
      stream: !whole,
    });
  } catch {
    throw failure(1007);
  }
}

function closeEvent(payload: number[]): Recorded {
  if (payload.length === 0) return ["close", 1005, ""];
  const code = payload[0]! * 256 + (payload[1] ?? NaN);
  const allowed = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014].includes(code) ||
    (code >= 3000 && code < 5000);
  if (!allowed) return ["fail", 1002, ""];
  try {
    return ["close", code, strict.decode(Uint8Array.from(payload.slice(2)))];
  } catch {
    return ["fail", 1007, ""];
  }
}

function take(rest: number[], count: number): number[] {
  if (rest.length < count) throw new End();
  return rest.splice(0, count);
}

function failure(code: number, reason = ""): Last {
  return new Last(["fail", code, reason]);
}

/** Writes a decoder's events down, for tests. */
import { closeFor } from "../../lib/gate/gate.ts";
import { Decoder, type DecoderLimits } from "../../lib/websocket/websocket.ts";

/** One event as a list: its name and what it carries; bytes are copied, as they are valid only during the call. */
export type Recorded =
  | readonly ["text", string]
  | readonly ["binary" | "ping" | "pong", readonly number[]]
  | readonly ["fragment", number]
  | readonly ["close" | "fail", number, string];

/** A decoder and its events so far. */
export interface Recording {
  readonly decoder: Decoder;
  readonly events: Recorded[];
  /** The detail of the failure for the log; empty when there is none. */
  detail: string;
}

/** Limits that no test of something else reaches. */
export const ROOMY: DecoderLimits = { max_bytes: 1 << 20, max_fragments: 1024 };

/** A decoder that records; `onEvent` is called after each event, from inside it. */
export function record(limits: DecoderLimits = ROOMY, onEvent: (recording: Recording) => void = () => {}): Recording {
  const events: Recorded[] = [];
  const add = (event: Recorded) => {
    events.push(event);
    onEvent(recording);
  };
  const decoder = new Decoder(limits, {
    message: (data) => add(typeof data === "string" ? ["text", data] : ["binary", [...data]]),
    ping: (payload) => add(["ping", [...payload]]),
    pong: (payload) => add(["pong", [...payload]]),
    fragment: (bytes) => add(["fragment", bytes]),
    close: (code, reason) => add(["close", code, reason]),
    fail: ({ reason: cause, detail }) => {
      recording.detail = detail;
      const { code, reason } = closeFor(cause);
      add(["fail", code, reason]);
    },
  });
  const recording: Recording = { decoder, events, detail: "" };
  return recording;
}

/** The events of these bytes, given in one chunk or in chunks of `size`. The bytes themselves are left as they are. */
export function eventsOf(bytes: Uint8Array, limits: DecoderLimits = ROOMY, size: number = bytes.length): Recorded[] {
  const { decoder, events } = record(limits);
  for (let at = 0; at < bytes.length; at += size) decoder.push(bytes.slice(at, at + size));
  return events;
}

/** The codec as an echo server, without a socket: decoder and writer joined by the shortest way. */
import { closeFor } from "../../lib/gate/gate.ts";
import {
  Decoder,
  type DecoderLimits,
  encodeClose,
  encodeControl,
  FrameWriter,
  Opcode,
} from "../../lib/websocket/websocket.ts";
import { type ServerFrame, ServerFrameReader } from "../helpers/server_frames.ts";
import type { EchoPeer } from "./runner.ts";

/** Room for the largest case: 1 MiB in fragments of 64 bytes. */
export const CASE_LIMITS: DecoderLimits = { max_bytes: 1 << 20, max_fragments: 1 << 14 };

export function memoryPeer(limits: DecoderLimits = CASE_LIMITS): EchoPeer {
  const writer = new FrameWriter();
  const reader = new ServerFrameReader();
  const frames: ServerFrame[] = [];
  let ended = false;
  const close = (code: number) => {
    writer.raw(encodeClose(code, ""));
    ended = true;
  };
  const decoder = new Decoder(limits, {
    message: (data) => typeof data === "string" ? writer.text(data) : writer.binary(data),
    ping: (payload) => writer.raw(encodeControl(Opcode.pong, payload)),
    pong: () => {},
    fragment: () => {},
    close,
    fail: ({ reason }) => close(closeFor(reason).code),
  });
  return {
    write(bytes) {
      decoder.push(bytes);
      frames.push(...reader.push(writer.take()));
      return Promise.resolve();
    },
    next() {
      return Promise.resolve(frames.shift() ?? (ended ? "ended" : "nothing"));
    },
    end() {},
  };
}

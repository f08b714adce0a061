/**
 * The codec alone, without sockets: `deno bench --no-prompt -A tests/bench/codec_bench.ts`. One iteration is a whole
 * chunk; the name says how many frames or bytes it has. Each iteration starts from the same masked bytes, whose copying
 * (as the kernel's into the read buffer) is measured by itself.
 */
import { Decoder, encodeText, FrameWriter, SharedText } from "../../lib/websocket/websocket.ts";
import { Utf8Judge } from "../../lib/websocket/utf8.ts";
import { concat, fragments, frame } from "../helpers/client_frames.ts";

const LIMITS = { max_bytes: 1 << 20, max_fragments: 1 << 14 };
const KIB = 1024;
const ignore = () => {};

function echo(writer: FrameWriter): Decoder {
  return new Decoder(LIMITS, {
    message: (data) => typeof data === "string" ? writer.text(data) : writer.binary(data),
    ping: ignore,
    pong: ignore,
    fragment: ignore,
    close: ignore,
    fail: (failure) => {
      throw new Error(failure.detail);
    },
  });
}

const silent = new Decoder(LIMITS, {
  message: ignore,
  ping: ignore,
  pong: ignore,
  fragment: ignore,
  close: ignore,
  fail: ignore,
});

/** Decodes `bytes` from a fresh copy, in chunks of `size`. */
function decode(decoder: Decoder, bytes: Uint8Array, memory: Uint8Array, size = bytes.length): void {
  memory.set(bytes);
  for (let at = 0; at < bytes.length; at += size) decoder.push(memory.subarray(at, Math.min(at + size, bytes.length)));
}

function benchDecode(name: string, bytes: Uint8Array, size?: number): void {
  const memory = new Uint8Array(bytes.length);
  Deno.bench(`decode ${name}`, () => decode(silent, bytes, memory, size));
}

const json32 = '{"method":"echo","params":[1,2]}';
const message32 = frame({ opcode: 1, payload: json32 });
const batch = concat(...Array.from({ length: 100 }, () => message32));
const batchMemory = new Uint8Array(batch.length);

Deno.bench("copy 100 frames of 32 bytes", () => batchMemory.set(batch));
benchDecode("1 text of 32 bytes", message32);
benchDecode("100 texts of 32 bytes", batch);
benchDecode(
  "100 binaries of 32 bytes",
  concat(...Array.from({ length: 100 }, () => frame({ opcode: 2, payload: json32 }))),
);
benchDecode(
  "100 texts of 32 bytes with umlauts",
  concat(...Array.from({ length: 100 }, () => frame({ opcode: 1, payload: "ü".repeat(16) }))),
);

const writer = new FrameWriter();
const echoing = echo(writer);
Deno.bench("decode and encode 1 text of 32 bytes", () => {
  decode(echoing, message32, batchMemory);
  writer.take();
});
Deno.bench("decode and encode 16 texts of 32 bytes", () => {
  decode(echoing, batch.subarray(0, 16 * message32.length), batchMemory);
  writer.take();
});
Deno.bench("decode and encode 100 texts of 32 bytes", () => {
  decode(echoing, batch, batchMemory);
  writer.take();
});

const big = 64 * KIB;
const ascii = frame({ opcode: 1, payload: "x".repeat(big) });
const bigMemory = new Uint8Array(ascii.length);
Deno.bench("copy 64 KiB", () => bigMemory.set(ascii));
benchDecode("binary of 64 KiB", frame({ opcode: 2, payload: new Uint8Array(big) }));
benchDecode("ASCII text of 64 KiB", ascii);
benchDecode("other text of 64 KiB", frame({ opcode: 1, payload: "üx€".repeat(big / 6) }));
benchDecode("ASCII text of 64 KiB in chunks of 4 KiB", ascii, 4 * KIB);
benchDecode("other text of 64 KiB in chunks of 4 KiB", frame({ opcode: 1, payload: "üx€".repeat(big / 6) }), 4 * KIB);
benchDecode("ASCII text of 64 KiB in fragments of 128", concat(...fragments(1, "x".repeat(big), 128)));

const judged = new TextEncoder().encode("üx€".repeat(big / 6));
Deno.bench("judge 64 KiB of UTF-8", () => void new Utf8Judge().push(judged, 0, judged.length));

const letters64K = "x".repeat(big);
Deno.bench("write 1 text of 64 KiB", () => {
  writer.text(letters64K);
  writer.take();
});
const shared = new SharedText(json32);
Deno.bench("write 100 texts of 32 bytes", () => {
  for (let count = 0; count < 100; count++) writer.text(json32);
  writer.take();
});
Deno.bench("write 100 shared texts of 32 bytes", () => {
  for (let count = 0; count < 100; count++) writer.raw(shared.frame);
  writer.take();
});
Deno.bench("encodeText() of 32 bytes", () => void encodeText(json32));

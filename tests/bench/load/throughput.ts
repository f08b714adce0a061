import { connectMany, maskedFrame, PING, repeated, TEXT } from "./connection.ts";
import { FrameCounter } from "./frame_counter.ts";
import { Histogram } from "./histogram.ts";
import type { Figures, ThroughputJob } from "./job.ts";
import { watch } from "./process_figures.ts";

const PONG = 10;
const READ_BUFFER_BYTES = 16 * 1024;

/** Payload length of the frame at the start of `bytes`, which holds at least its header. */
export function frameLength(bytes: Uint8Array): number {
  const short = (bytes[1] ?? 0) & 0x7f;
  return short < 126 ? short : new DataView(bytes.buffer, bytes.byteOffset).getUint16(2);
}

/** Sends one frame and reads the answer, whose payload must be what a working server says. */
async function firstReply(connection: Deno.Conn, frame: Uint8Array, payload: string): Promise<number> {
  await connection.write(frame);
  const buffer = new Uint8Array(READ_BUFFER_BYTES);
  const read = await connection.read(buffer);
  if (read === null) throw new Error("The server closed the connection instead of answering");
  const length = frameLength(buffer);
  const reply = new TextDecoder().decode(buffer.subarray(length < 126 ? 2 : 4, read));
  const works = reply === payload || reply.includes('"result"');
  if (!works) throw new Error(`Not an echo: ${reply}`);
  return length;
}

/** Messages a second, server CPU for each, and latency from write to read. */
export async function throughput(job: ThroughputJob): Promise<Figures> {
  const connections = await connectMany(job.connections, job.target);
  const frame = maskedFrame(job.frame === "ping" ? PING : TEXT, job.payload);
  const batch = repeated(frame, job.inFlight);
  const histogram = new Histogram();
  let messages = 0;
  let odd = 0;

  const drive = async (connection: Deno.Conn, replyLength: number) => {
    const counter = new FrameCounter(job.frame === "ping" ? PONG : TEXT, replyLength);
    const buffer = new Uint8Array(READ_BUFFER_BYTES);
    // Answers come in order: when the oldest group of frames was written, and how many of it are unanswered.
    const sent: { at: number; left: number }[] = [{ at: performance.now(), left: job.inFlight }];
    await connection.write(batch);
    while (true) {
      const read = await connection.read(buffer);
      if (read === null) throw new Error("The server closed a connection under load");
      const complete = counter.push(buffer.subarray(0, read));
      odd += counter.odd;
      counter.odd = 0;
      if (complete === 0) continue;
      messages += complete;
      const now = performance.now();
      for (let left = complete; left > 0;) {
        const oldest = sent[0];
        if (oldest === undefined) throw new Error("More answers than requests");
        const answered = Math.min(left, oldest.left);
        histogram.add(now - oldest.at, answered);
        oldest.left -= answered;
        left -= answered;
        if (oldest.left === 0) sent.shift();
      }
      sent.push({ at: now, left: complete });
      await connection.write(complete === job.inFlight ? batch : batch.subarray(0, complete * frame.length));
    }
  };

  const replyLengths: number[] = [];
  for (const connection of connections) replyLengths.push(await firstReply(connection, frame, job.payload));
  const failed = Promise.race(connections.map((connection, i) => drive(connection, replyLengths[i] ?? 0)));
  await Promise.race([failed, delay(job.warmupMs)]);
  histogram.reset();
  const before = messages;
  const clock = watch(job.pid);
  await Promise.race([failed, delay(job.durationMs)]);
  const usage = clock.end();
  if (odd > 0) throw new Error(`${odd} answers were not an echo: a limit was met, most likely`);
  const counted = messages - before;
  return {
    rate: counted / usage.seconds,
    cpuUs: usage.serverCpuUs / counted,
    p50: histogram.quantile(0.5),
    p99: histogram.quantile(0.99),
    usage,
  };
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

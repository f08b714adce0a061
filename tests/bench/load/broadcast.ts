import { connect, connectMany, maskedFrame, TEXT } from "./connection.ts";
import { FrameCounter } from "./frame_counter.ts";
import { Histogram } from "./histogram.ts";
import type { BroadcastJob, Figures } from "./job.ts";
import { watch } from "./process_figures.ts";
import { frameLength } from "./throughput.ts";

/** Deliveries a second to many subscribers; latency is from the publisher's write to each receiver's read. */
export async function broadcast(job: BroadcastJob): Promise<Figures> {
  const subscribers = await connectMany(job.subscribers, job.target);
  const publisher = await connect(job.publisher);
  const publish = maskedFrame(TEXT, job.publish);
  const buffer = new Uint8Array(16 * 1024);
  if (job.join !== undefined) {
    const join = maskedFrame(TEXT, job.join);
    for (const subscriber of subscribers) {
      await subscriber.write(join);
      if (await subscriber.read(buffer) === null) throw new Error("The server refused a subscriber");
    }
  }
  (async () => {
    const answers = new Uint8Array(4096);
    while (await publisher.read(answers) !== null) continue; // the answers to `publish` are not deliveries
  })();

  const histogram = new Histogram();
  let deliveries = 0;
  let missing = subscribers.length;
  let sentAt = performance.now();
  const send = async () => {
    missing = subscribers.length;
    sentAt = performance.now();
    await publisher.write(publish);
  };
  const receive = async (subscriber: Deno.Conn) => {
    const own = new Uint8Array(4096);
    let counter: FrameCounter | undefined;
    while (true) {
      const read = await subscriber.read(own);
      if (read === null) throw new Error("The server closed a subscriber");
      counter ??= new FrameCounter(TEXT, frameLength(own));
      const complete = counter.push(own.subarray(0, read));
      if (complete === 0) continue;
      deliveries += complete;
      histogram.add(performance.now() - sentAt, complete);
      missing -= complete;
      if (missing === 0) await send();
    }
  };
  const receivers = Promise.race(subscribers.map(receive));
  const pause = (ms: number) => Promise.race([receivers, new Promise((resolve) => setTimeout(resolve, ms))]);
  await send();
  await pause(job.warmupMs);
  histogram.reset();
  const before = deliveries;
  const clock = watch(job.pid);
  await pause(job.durationMs);
  const usage = clock.end();
  const counted = deliveries - before;
  if (counted === 0) throw new Error("Nothing was delivered");
  return {
    rate: counted / usage.seconds,
    cpuUs: usage.serverCpuUs / counted,
    p50: histogram.quantile(0.5),
    p99: histogram.quantile(0.99),
    usage,
  };
}

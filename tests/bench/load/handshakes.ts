import { connect } from "./connection.ts";
import { Histogram } from "./histogram.ts";
import type { Figures, HandshakeJob } from "./job.ts";
import { watch } from "./process_figures.ts";

/** Complete handshakes a second: TCP, TLS without resumption, request with a token no other handshake used, 101. */
export async function handshakes(job: HandshakeJob): Promise<Figures> {
  const histogram = new Histogram();
  let next = 0;
  let done = 0;
  let stopped = false;
  const worker = async () => {
    while (!stopped) {
      const token = job.tokens[next++];
      if (token === undefined) throw new Error("The tokens ran out: give the job more of them");
      const started = performance.now();
      const connection = await connect({ ...job.target, token });
      histogram.add(performance.now() - started);
      done++;
      connection.close();
    }
  };
  const workers = Promise.all(Array.from({ length: job.parallel }, worker));
  const pause = (ms: number) => Promise.race([workers, new Promise((resolve) => setTimeout(resolve, ms))]);
  await pause(job.warmupMs);
  histogram.reset();
  const before = done;
  const clock = watch(job.pid);
  await pause(job.durationMs);
  const usage = clock.end();
  stopped = true;
  const counted = done - before;
  return {
    rate: counted / usage.seconds,
    cpuUs: usage.serverCpuUs / counted,
    p50: histogram.quantile(0.5),
    p99: histogram.quantile(0.99),
    usage,
  };
}

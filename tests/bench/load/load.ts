/**
 * The load generator: a process of its own, so that its garbage collector and its just-in-time compiler are not the server's.
 * Takes one job as JSON on stdin, prints its figures as one line of JSON.
 */
import { broadcast } from "./broadcast.ts";
import { handshakes } from "./handshakes.ts";
import { idle } from "./idle.ts";
import type { Figures, Job } from "./job.ts";
import { throughput } from "./throughput.ts";

function run(job: Job): Promise<Figures> {
  switch (job.kind) {
    case "throughput":
      return throughput(job);
    case "idle":
      return idle(job);
    case "handshakes":
      return handshakes(job);
    case "broadcast":
      return broadcast(job);
  }
}

const figures = await run(JSON.parse(await new Response(Deno.stdin.readable).text()) as Job);
await Deno.stdout.write(new TextEncoder().encode(JSON.stringify(figures) + "\n"));
Deno.exit(0); // the connections are still open and busy: the process ends them

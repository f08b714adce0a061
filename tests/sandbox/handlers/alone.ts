/** Run as a process of its own by `output_test.ts`: everything that goes wrong in a cell, once, with a log that writes nowhere. */
import { Bench, settings } from "../../helpers/sandbox.ts";
import { until } from "../../helpers/until.ts";

const bench = await Bench.start(settings("misbehaving.ts", { timeout: 300, memory: 32 * 1024 * 1024 }));
const client = bench.client();
for (const method of ["throw", "reject", "unhandled", "timer_throws", "loop", "log_flood", "heap"]) {
  await client.call(method);
  await until(async () => "result" in await client.call("ping"), "the cell is back");
}
await Bench.start(settings("not_there.ts")).catch(() => {});
await bench[Symbol.asyncDispose]();
Deno.exit(7);

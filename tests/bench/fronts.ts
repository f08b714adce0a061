/**
 * The capacity of two fronts against that of one, on the side of the processor:
 *
 *     deno task bench:fronts [--fronts 2] [--rounds 7] [--connections 400] [--in-flight 16]
 *
 * A thread uses one core at most, so the busiest thread of a server limits it. The capacity is the number of messages for each
 * second of CPU of that thread. It does not depend on how many cores are free, so a machine whose cores the load generator and
 * the servers share can measure it. The servers take turns, round by round. The fronts are not nodes of a cluster here.
 */
import { parseArgs } from "@std/cli/parse-args";
import { print, ROOT } from "../../tools/project.ts";
import { freePort } from "../helpers/free_port.ts";
import { serveArgs } from "../helpers/fronts.ts";
import { until } from "../helpers/until.ts";
import { createFixtures, type Fixtures, ORIGIN } from "./fixtures.ts";
import type { Figures } from "./load/job.ts";
import { runLoad } from "./load/run.ts";
import { median } from "./report.ts";
import { sallyportConfig } from "./sallyport_config.ts";
import { type ServerProcess, startServer } from "./server_process.ts";

const WARMUP_MS = 1_000;
const DURATION_MS = 3_000;
const LEAST_RATIO = 1.8;
const REQUEST = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "echo", params: { text: "0123456789abcdef" } });

const given = (parseArgs as (words: string[], options: object) => Record<string, string>)(Deno.args, {
  string: ["fronts", "rounds", "connections", "in-flight"],
  default: { "fronts": "2", "rounds": "7", "connections": "400", "in-flight": "16" },
});

/** The number of sockets that listen on a port of loopback. */
async function listeners(port: number): Promise<number> {
  const table = await Deno.readTextFile("/proc/net/tcp");
  const end = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return table.split("\n").map((line) => line.trim().split(/\s+/)).filter(([, local, , state]) =>
    local?.endsWith(end) && state === "0A"
  ).length;
}

async function start(fronts: number, fixtures: Fixtures): Promise<ServerProcess> {
  const port = freePort();
  const config = `${fixtures.directory}/fronts-${fronts}.toml`;
  // Processes that compete for the cores are no overload.
  const text = sallyportConfig("edge", fixtures).replace("port = 0", `port = ${port}\nreuse_port = true`)
    .replace("[limits]", "[limits]\nadaptive = false");
  await Deno.writeTextFile(config, text);
  const server = await startServer({ command: Deno.execPath(), args: await serveArgs(fronts, config), cwd: ROOT });
  await until(async () => await listeners(port) === fronts, `${fronts} listening fronts`);
  return server;
}

/** Messages for each second of CPU of the busiest thread. */
function capacity({ rate = NaN, usage }: Figures): number {
  return rate / (usage?.busiestThread ?? NaN);
}

const counts = [1, Number(given["fronts"])];
const fixtures = await createFixtures();
const servers: ServerProcess[] = [];
const figures = counts.map((): Figures[] => []);
try {
  for (const count of counts) servers.push(await start(count, fixtures));
  const token = await fixtures.token("bench");
  for (let round = 0; round < Number(given["rounds"]); round++) {
    for (const [index, { pid, port }] of servers.entries()) {
      figures[index]!.push(
        await runLoad({
          kind: "throughput",
          target: { path: "/ws", subprotocol: "echo.v1", port, token, caPem: fixtures.caPem, origin: ORIGIN },
          pid,
          frame: "text",
          payload: REQUEST,
          connections: Number(given["connections"]),
          inFlight: Number(given["in-flight"]),
          warmupMs: WARMUP_MS,
          durationMs: DURATION_MS,
        }),
      );
    }
  }
} finally {
  for (const server of servers) await server.stop();
  await fixtures.remove();
}
for (const [index, rounds] of figures.entries()) {
  const of = (read: (one: Figures) => number) => median(rounds.map(read));
  print(
    `fronts = ${counts[index]}: ${Math.round(of(capacity))} messages for each second of the busiest thread, ` +
      `${of(({ cpuUs = NaN }) => cpuUs).toFixed(1)} µs of CPU a message, ` +
      `${Math.round(of(({ rate = NaN }) => rate))} messages/s, p99 ${of(({ p99 = NaN }) => p99).toFixed(1)} ms`,
  );
}
const ratio = median(figures[1]!.map((one, round) => capacity(one) / capacity(figures[0]![round]!)));
print(`capacity: ${ratio.toFixed(2)} × (wanted at least ${LEAST_RATIO} × for two fronts)`);
Deno.exit(counts[1] !== 2 || ratio >= LEAST_RATIO ? 0 : 1);

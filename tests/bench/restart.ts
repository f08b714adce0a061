/**
 * Five thousand clients of the library through a rolling restart of two processes on one port:
 *
 *     deno task bench:restart [--clients 5000] [--rate 500] [--drain 20]
 *
 * Prints what became of calls and connections; ends with 1 when a call was lost without being told, more attempts came in a
 * second than the rate, or a client came early.
 */
import { parseArgs } from "@std/cli/parse-args";
import { print } from "../../tools/project.ts";
import { rollingRestart } from "../helpers/rolling_restart.ts";

const { clients, rate, drain } = (parseArgs as (words: string[], options: object) => Record<string, string>)(
  Deno.args,
  {
    string: ["clients", "rate", "drain"],
    default: { clients: "5000", rate: "500", drain: "20" },
  },
);
const handshakesPerSecond = Number(rate);
const report = await rollingRestart({
  clients: Number(clients),
  handshakesPerSecond,
  drainTimeoutS: Number(drain),
  callEveryMs: 10_000,
  deadlineMs: 300_000,
  progress: print,
});
print(JSON.stringify(report, null, 2));
const good = report.unsettled === 0 && report.early === 0 && report.attemptsPerSecond <= handshakesPerSecond;
Deno.exit(good ? 0 : 1);

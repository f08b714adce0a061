/**
 * Five thousand clients of the library through a rolling restart of two processes on one port:
 *
 *     deno task bench:restart [--clients 5000] [--crowds 4] [--rate 100] [--drain 240]
 *
 * Prints what became of calls and connections; ends with 1 when a call was lost without being told, more attempts came in a
 * second than the rate, a client came early, or the last was not back within the spread and the time of an attempt.
 */
import { parseArgs } from "@std/cli/parse-args";
import { ATTEMPT_TIMEOUT_MS } from "../../client/limits.ts";
import { print } from "../../tools/project.ts";
import { rollingRestart } from "../helpers/rolling_restart.ts";

const { clients, crowds, rate, drain } = (parseArgs as (words: string[], options: object) => Record<string, string>)(
  Deno.args,
  {
    string: ["clients", "crowds", "rate", "drain"],
    default: { clients: "5000", crowds: "4", rate: "100", drain: "240" },
  },
);
const handshakesPerSecond = Number(rate);
const report = await rollingRestart({
  clients: Number(clients),
  crowds: Number(crowds),
  handshakesPerSecond,
  drainTimeoutS: Number(drain),
  callEveryMs: 10_000,
  deadlineMs: 600_000,
  progress: print,
});
print(JSON.stringify(report, null, 2));
const { unsettled, early, attemptsPerSecond, backMs, spreadMs } = report;
const good = unsettled === 0 && early === 0 && attemptsPerSecond <= handshakesPerSecond &&
  backMs <= spreadMs + ATTEMPT_TIMEOUT_MS;
Deno.exit(good ? 0 : 1);

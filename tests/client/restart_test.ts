/** Two hundred clients through a rolling restart; `deno task bench:restart` does it with five thousand. */
import { assert, assertEquals } from "../assert.ts";
import { rollingRestart } from "../helpers/rolling_restart.ts";

const CLIENTS = 200;
const HANDSHAKES_PER_SECOND = 60;

Deno.test("a rolling restart loses no call, disconnects no client, and keeps the pace", async () => {
  const report = await rollingRestart({
    clients: CLIENTS,
    crowds: 2,
    handshakesPerSecond: HANDSHAKES_PER_SECOND,
    drainTimeoutS: 30,
    callEveryMs: 500,
    deadlineMs: 90_000,
  });
  const text = JSON.stringify(report);
  assertEquals([report.told, report.unsettled, report.early], [CLIENTS, 0, 0], text);
  assertEquals([Object.keys(report.calls), report.broken], [["answered"], 0], text);
  assert(report.calls.answered! > CLIENTS, text);
  // Each client comes once, at its own moment of twelve seconds: 17 a second.
  assertEquals(report.attempts, CLIENTS, text);
  assert(report.attemptsPerSecond <= HANDSHAKES_PER_SECOND, text);
  assert(report.spreadMs <= 12_000, text);
});

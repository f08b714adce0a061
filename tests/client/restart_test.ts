/** Two hundred clients through a rolling restart; `deno task bench:restart` does it with five thousand. */
import { assert, assertEquals } from "../assert.ts";
import { rollingRestart } from "../helpers/rolling_restart.ts";

const CLIENTS = 200;
const HANDSHAKES_PER_SECOND = 60;

Deno.test("a rolling restart: each lost call is reported, no client comes early, the pace is kept", async () => {
  const report = await rollingRestart({
    clients: CLIENTS,
    handshakesPerSecond: HANDSHAKES_PER_SECOND,
    drainTimeoutS: 8,
    callEveryMs: 500,
    deadlineMs: 90_000,
  });
  const text = JSON.stringify(report);
  assertEquals([report.told, report.unsettled, report.early], [CLIENTS, 0, 0], text);
  assertEquals(Object.keys(report.calls).filter((name) => !["answered", "unknown"].includes(name)), [], text);
  assert((report.calls.unknown ?? 0) <= CLIENTS, text);
  assert(report.calls.answered! > CLIENTS, text);
  // Each client comes once, at its own moment of eight seconds: 25 a second.
  assertEquals(report.attempts, CLIENTS, text);
  assert(report.attemptsPerSecond <= HANDSHAKES_PER_SECOND, text);
  assert(report.spreadMs <= 8_000, text);
});

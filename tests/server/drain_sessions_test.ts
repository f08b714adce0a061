import { drainSessions } from "../../lib/server/drain_sessions.ts";
import { Registry, type Session } from "../../lib/session/session.ts";
import { assert, assertEquals } from "../assert.ts";
import { configWith } from "../helpers/admission.ts";
import { Lines } from "../helpers/limits.ts";

/** The clock of the tests takes this step at each look, so that a drain of ten steps needs few of them. */
const STEP_MS = 1_000;
const ALONE = { control: { nodes: () => [] } };

/** A session whose client leaves at one of the steps of a drain; at none, only its cut ends it. */
function client(registry: Registry<Session>, id: string, leavesAt: "announce" | "drain" | "end" | "terminate") {
  const seen: string[] = [];
  const step = (name: string) => {
    seen.push(name);
    if (name === leavesAt) registry.delete(session);
  };
  const session = {
    id,
    ip: "192.0.2.1",
    userId: id,
    announce: () => step("announce"),
    drain: () => step("drain"),
    end: (reason: string) => step(reason === "draining" ? "end" : reason),
    terminate: () => step("terminate"),
  } as unknown as Session;
  registry.add(session);
  return seen;
}

Deno.test("drainSessions() drains, closes what is still open, cuts what does not close, and then ends", async () => {
  const registry = new Registry<Session>();
  const idle = client(registry, "idle", "drain");
  const busy = client(registry, "busy", "end");
  const deaf = client(registry, "deaf", "terminate");
  const log = new Lines();
  let now = 0;
  const config = configWith({ server: { drain_timeout: 10 * STEP_MS, reuse_port: false } });
  await drainSessions({ config, log, registry, cluster: ALONE, monotonic: () => now += STEP_MS });
  assertEquals(idle, ["announce", "drain"]);
  assertEquals(busy, ["announce", "drain", "end"]);
  assertEquals(deaf, ["announce", "drain", "end", "terminate"]);
  assertEquals(log.of("drain.started"), [{ connections: 3 }]);
  const [{ connections, duration_ms }] = log.of("drain.finished") as [{ connections: number; duration_ms: number }];
  assertEquals(connections, 0);
  // Each look at the clock is a step, also that for the log line.
  assert(duration_ms <= 12 * STEP_MS, `${duration_ms}`);
});

Deno.test("drainSessions() waits for no deadline when all clients have left", async () => {
  const registry = new Registry<Session>();
  const seen = client(registry, "idle", "drain");
  const log = new Lines();
  let now = 0;
  const config = configWith({ server: { drain_timeout: 10 * STEP_MS, reuse_port: false } });
  await drainSessions({ config, log, registry, cluster: ALONE, monotonic: () => now += STEP_MS });
  assertEquals(seen, ["announce", "drain"]);
  assertEquals(log.of("drain.finished"), [{ connections: 0, duration_ms: STEP_MS }]);
});

Deno.test("drainSessions() beside a process that takes the port serves its clients until they have moved", async () => {
  const registry = new Registry<Session>();
  const moved = client(registry, "moved", "drain");
  const deaf = client(registry, "deaf", "terminate");
  let now = 0;
  const log = new Lines();
  const config = configWith({ server: { drain_timeout: 10 * STEP_MS, reuse_port: true } });
  await drainSessions({ config, log, registry, cluster: ALONE, monotonic: () => now += STEP_MS / 2 });
  assertEquals(moved, ["announce", "drain"]);
  assertEquals(deaf, ["announce", "drain", "end", "terminate"]);
  assertEquals(log.of("drain.finished").map(({ connections }) => connections), [0]);
});

Deno.test("drainSessions() beside a process that takes the port ends as soon as all clients have moved", async () => {
  const registry = new Registry<Session>();
  const seen = client(registry, "quick", "announce");
  const log = new Lines();
  let now = 0;
  const config = configWith({ server: { drain_timeout: 10 * STEP_MS, reuse_port: true } });
  await drainSessions({ config, log, registry, cluster: ALONE, monotonic: () => now += STEP_MS / 2 });
  assertEquals(seen, ["announce"]);
  assertEquals(log.of("drain.finished"), [{ connections: 0, duration_ms: STEP_MS / 2 }]);
});

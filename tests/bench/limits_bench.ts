/**
 * The cost of limiting: `deno bench -A --v8-flags=--expose-gc tests/bench/limits_bench.ts`. The target is at most 0.5 µs of CPU
 * a message with all buckets on ("a message and its call"). "A million addresses" prints bytes, since memory is its question.
 */
import { Limits, type LimitSettings } from "../../lib/limits/limits.ts";
import { createLog } from "../../lib/log/log.ts";
import { Telemetry } from "../../lib/telemetry/telemetry.ts";
import { openStore } from "../../lib/store/store.ts";

const log = createLog({ level: "error", format: "json", write: () => {} });
const HIGH = { rate: 1e9, burst: 1e9 };

function make(overrides: Partial<LimitSettings> = {}): Limits {
  const settings: LimitSettings = {
    handshake: HIGH,
    handshake_user: HIGH,
    ip: HIGH,
    connection: { ...HIGH, bytes_rate: 1e15, bytes_burst: 1e15 },
    user: HIGH,
    ticket: HIGH,
    types: { "chat.send": HIGH },
    on_exceed: "reject",
    max_violations: 20,
    ban: 60_000,
    never_ban: [],
    ...overrides,
  };
  const store = openStore({ kind: "memory" }, { log, now: Date.now });
  return new Limits(settings, {
    log,
    telemetry: new Telemetry(),
    store,
    now: Date.now,
    monotonic: () => performance.now(),
  });
}

const limits = make();
const sessions = Array.from({ length: 1000 }, (_, i) => limits.session(`10.0.${i >> 8}.${i & 255}`, `user${i % 300}`));
const limited = make({ connection: { rate: 1e-9, burst: 1, bytes_rate: 1e15, bytes_burst: 1e15 } }).session(
  "10.0.0.1",
  "ann",
);
limited.message(1);

let next = 0;
const session = () => sessions[next++ % sessions.length]!;

Deno.bench("a message and its call, all buckets on, 1,000 sessions", { baseline: true }, () => {
  const one = session();
  if (one.message(32) !== null || one.call("chat.send", 1) !== null) throw new Error("Limited");
});

Deno.bench("a message and its call, no bucket for the method", () => {
  const one = session();
  if (one.message(32) !== null || one.call("chat.read", 1) !== null) throw new Error("Limited");
});

Deno.bench("a refused message", () => {
  if (limited.message(32) === null) throw new Error("Not limited");
});

Deno.bench("a ping", () => {
  if (session().control(4, "ping") !== null) throw new Error("Limited");
});

Deno.bench("a handshake of one of 65,536 addresses", () => {
  limits.handshake(`10.${next & 15}.${(next >> 4) & 63}.${next++ & 63}`);
});

Deno.bench("the clock alone", () => {
  performance.now();
});

Deno.bench({
  name: "a million addresses, each of them over its limit",
  n: 1,
  warmup: 0,
  fn(bench) {
    const before = heap();
    const flooded = make({ handshake: { rate: 1e-6, burst: 1 } });
    bench.start();
    for (let i = 0; i < 1_000_000; i++) {
      const ip = `11.${i >> 16}.${(i >> 8) & 255}.${i & 255}`;
      flooded.handshake(ip);
      flooded.handshake(ip);
    }
    bench.end();
    const used = (heap() - before) / 1e6;
    flooded.tick();
    // deno-lint-ignore no-console -- the figure is what this bench is for
    console.log(`  ${used.toFixed(1)} MB of heap for buckets and violations`);
  },
});

function heap(): number {
  (globalThis as { gc?: () => void }).gc?.();
  return Deno.memoryUsage().heapUsed;
}

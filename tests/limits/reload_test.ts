import { Bans } from "../../lib/limits/bans.ts";
import { TokenBucket } from "../../lib/limits/bucket.ts";
import { MemoryStore } from "../../lib/store/memory.ts";
import type { Store } from "../../lib/store/store.ts";
import { assertEquals } from "../assert.ts";
import { Clock, countUntilRefused, Lines, makeLimits, settings } from "../helpers/limits.ts";

const MINUTE = 60_000;

Deno.test("Limits.reconfigure() reaches every bucket of those that have no session yet", () => {
  const { limits, clock } = makeLimits();
  const [ip, user] = ["192.0.2.1", "ann"];
  const buckets = {
    handshake: () => limits.handshake(ip),
    handshake_user: () => limits.userHandshake(user),
    request: () => limits.request(ip),
    preflight: () => limits.preflight(ip),
    ticket: () => limits.ticket(user),
  };
  const bursts = () =>
    Object.entries(buckets).map(([name, take]) => [name, countUntilRefused(() => take() === 0)] as const);
  assertEquals(Object.fromEntries(bursts()), {
    handshake: 20,
    handshake_user: 20,
    request: 20,
    preflight: 400,
    ticket: 10,
  });
  limits.reconfigure(settings({
    handshake: { rate: 100, burst: 3 },
    handshake_user: { rate: 100, burst: 4 },
    ip: { rate: 100, burst: 5 },
    ticket: { rate: 100, burst: 6 },
  }));
  clock.advance(1000);
  assertEquals(Object.fromEntries(bursts()), { handshake: 3, handshake_user: 4, request: 3, preflight: 5, ticket: 6 });
});

Deno.test("Limits.reconfigure() removes the limit of a method that is named like a part of an object", () => {
  const names = ["toString", "constructor", "hasOwnProperty"];
  const types = Object.fromEntries(names.map((name) => [name, { rate: 1, burst: 1 }]));
  const { limits } = makeLimits({ types });
  const session = limits.session("192.0.2.1", "ann");
  const call = (method: string) => {
    session.message(1);
    return session.call(method, 1)?.scope ?? null;
  };
  for (const name of names) assertEquals([call(name), call(name)], [null, "method"], name);
  limits.reconfigure(settings({ types: {} }));
  for (const name of names) assertEquals([call(name), call(name)], [null, null], name);
});

Deno.test("SessionLimits.call() of a limited method pays for each element of a batch but the first", () => {
  const { limits } = makeLimits({
    types: { m: { rate: 1e6, burst: 1e6 } },
    connection: { rate: 1, burst: 5, bytes_rate: 1e6, bytes_burst: 1e6 },
  });
  const session = limits.session("192.0.2.1", "ann");
  assertEquals(session.message(10), null);
  // The message has paid for one of them, and four tokens are left.
  assertEquals(countUntilRefused(() => session.call("m", 1) === null), 5);
  assertEquals(session.call("m", 1)?.scope, "connection");
});

Deno.test("SessionLimits.release() lets go of buckets for good, also if a call comes afterwards", () => {
  const { limits, clock } = makeLimits({ types: { m: { rate: 1, burst: 1 } } });
  const session = limits.session("192.0.2.1", "ann");
  session.message(1);
  assertEquals(session.call("m", 1), null);
  session.release();
  session.release();
  session.call("m", 1);
  // Nothing holds the user's bucket, so that it is swept once it is full; the next session gets a fresh one.
  clock.advance(1000);
  limits.tick();
  limits.reconfigure(settings({ types: { m: { rate: 1, burst: 7 } } }));
  const next = limits.session("192.0.2.1", "ann");
  next.message(1);
  assertEquals(countUntilRefused(() => next.call("m", 1) === null), 7);
});

Deno.test("SessionLimits.release() twice lets go of no bucket that another session of the user holds", () => {
  const { limits } = makeLimits({ user: { rate: 1, burst: 3 } });
  const ended = limits.session("192.0.2.1", "ann");
  ended.release();
  ended.release();
  const one = limits.session("192.0.2.1", "ann");
  limits.tick();
  const other = limits.session("192.0.2.1", "ann");
  assertEquals([one, other].map((session) => countUntilRefused(() => session.message(1) === null)), [3, 0]);
});

Deno.test("TokenBucket.giveBack() never fills a bucket beyond its burst", () => {
  const bucket = new TokenBucket({ rate: 1, burst: 5 }, 0);
  bucket.giveBack(100);
  bucket.spend(5);
  assertEquals(bucket.wait(1, 0), 1000);
});

Deno.test("Bans that the store has again shorten none that is in force", () => {
  const clock = new Clock();
  const memory = new MemoryStore(clock.now);
  let epoch = 0;
  const store: Store = new Proxy(memory, {
    get: (target, name: keyof Store) => {
      const value = name === "epoch" ? epoch : target[name];
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const bans = new Bans({ ban: MINUTE, never_ban: [] }, { log: new Lines(), store, now: clock.now });
  bans.add("user:ann");
  const record = (until: number) => JSON.stringify({ until, duration: MINUTE, strikes: 1 });
  store.set("ban", "user:ann", record(clock.time + 1000), clock.time + MINUTE);
  store.set("ban", "user:bob", record(clock.time + 2000), clock.time + MINUTE);
  epoch = 1;
  bans.tick();
  assertEquals([bans.banned("user:ann"), bans.banned("user:bob")], [MINUTE, 2000]);
});

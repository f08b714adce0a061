import { Bans } from "../../lib/limits/bans.ts";
import { MemoryStore } from "../../lib/store/memory.ts";
import type { Store } from "../../lib/store/store.ts";
import { assert, assertEquals, assertLessOrEqual } from "../assert.ts";
import { Clock, Lines } from "../helpers/limits.ts";

const MINUTE = 60_000;
const HOUR = 3_600_000;
const DAY = 86_400_000;

function make(options: { ban?: number; never_ban?: string[]; clock?: Clock; store?: Store } = {}) {
  const clock = options.clock ?? new Clock();
  const store = options.store ?? new MemoryStore(clock.now);
  const log = new Lines();
  const settings = { ban: options.ban ?? MINUTE, never_ban: options.never_ban ?? [] };
  return { bans: new Bans(settings, { log, store, now: clock.now }), clock, store, log };
}

Deno.test("Bans.add() bans for the configured time, to the millisecond", () => {
  const { bans, clock } = make();
  assertEquals(bans.banned("user:ann"), 0);
  assertEquals(bans.add("user:ann"), MINUTE);
  assertEquals(bans.banned("user:ann"), MINUTE);
  clock.advance(MINUTE - 1);
  assertEquals(bans.banned("user:ann"), 1);
  clock.advance(1);
  assertEquals(bans.banned("user:ann"), 0);
  assertEquals(bans.banned("user:bob"), 0);
});

Deno.test("Bans.add() doubles with each ban in a row, up to a day", () => {
  const { bans, clock } = make();
  const durations = Array.from({ length: 14 }, () => {
    const duration = bans.add("ip:192.0.2.1");
    clock.advance(duration);
    return duration;
  });
  const doubled = durations.map((_, i) => Math.min(MINUTE * 2 ** i, DAY));
  assertEquals(durations, doubled);
  assertEquals(durations.at(-1), DAY);
});

Deno.test("Bans.add() starts over an hour after the end of a short ban", () => {
  const { bans, clock } = make();
  bans.add("user:ann");
  clock.advance(MINUTE + HOUR - 1);
  assertEquals(bans.add("user:ann"), 2 * MINUTE);
  clock.advance(2 * MINUTE + HOUR);
  assertEquals(bans.add("user:ann"), MINUTE);
});

Deno.test("Bans.add() starts over after a long ban only when its own duration has passed again", () => {
  const { bans, clock } = make({ ban: 2 * HOUR });
  bans.add("user:ann");
  clock.advance(4 * HOUR - 1);
  assertEquals(bans.add("user:ann"), 4 * HOUR);
  clock.advance(8 * HOUR);
  assertEquals(bans.add("user:ann"), 2 * HOUR);
});

Deno.test("Bans.add() of a banned key changes nothing", () => {
  const { bans, clock, log } = make();
  bans.add("user:ann");
  clock.advance(1000);
  assertEquals(bans.add("user:ann"), MINUTE - 1000);
  assertEquals(bans.list(), [{ key: "user:ann", until: clock.time + MINUTE - 1000, strikes: 1 }]);
  assertEquals(log.events(), ["ban.added"]);
});

Deno.test("Bans takes an IPv6 address for its /64, and IPv4-mapped for IPv4", () => {
  const { bans } = make();
  bans.add("ip:2001:db8::1");
  assertEquals(bans.banned("ip:2001:db8::ffff"), MINUTE);
  assertEquals(bans.banned("ip:2001:db8:0:1::1"), 0);
  assertEquals(bans.list().map(({ key }) => key), ["ip:2001:db8:0:0::/64"]);
  assert(bans.lift("ip:2001:db8:0:0::/64"));
  bans.add("ip:::ffff:192.0.2.1");
  assertEquals(bans.banned("ip:192.0.2.1"), MINUTE);
});

Deno.test("Bans never bans an address of never_ban, and lifts its ban on reload", () => {
  const { bans } = make({ never_ban: ["10.0.0.0/8"] });
  assertEquals(bans.add("ip:10.1.2.3"), 0);
  assertEquals(bans.banned("ip:10.1.2.3"), 0);
  bans.add("ip:192.0.2.1");
  bans.add("ip:2001:db8::1");
  bans.reconfigure({ ban: MINUTE, never_ban: ["192.0.2.0/24", "2001:db8::/32"] });
  assertEquals(bans.list(), []);
});

Deno.test("Bans logs each ban and its end once, with key and until", () => {
  const { bans, clock, log } = make();
  bans.add("user:ann");
  const until = new Date(clock.time + MINUTE).toISOString();
  clock.advance(MINUTE);
  bans.tick();
  bans.tick();
  bans.banned("user:ann");
  assertEquals(log.events(), ["ban.added", "ban.expired"]);
  assertEquals(log.of("ban.added"), [{ key: "user:ann", until, duration_ms: MINUTE, strikes: 1 }]);
  assertEquals(log.of("ban.expired"), [{ key: "user:ann", until }]);
});

Deno.test("Bans.lift() ends one ban and forgets its strikes", () => {
  const { bans, clock, store, log } = make();
  bans.add("user:ann");
  bans.add("user:bob");
  assertEquals(bans.lift("user:ann"), true);
  assertEquals(bans.lift("user:ann"), false);
  assertEquals(bans.banned("user:ann"), 0);
  assertEquals(bans.banned("user:bob"), MINUTE);
  assertEquals(bans.add("user:ann"), MINUTE);
  assertEquals(store.list("ban").length, 2);
  assertEquals(log.of("ban.expired").length, 1);
  clock.advance(MINUTE);
  assertEquals(bans.lift("user:bob"), false, "it was over");
});

Deno.test("Bans.liftAll() says how many were in force", () => {
  const { bans, clock, store } = make();
  bans.add("user:old");
  clock.advance(MINUTE);
  bans.add("user:ann");
  bans.add("ip:192.0.2.1");
  assertEquals(bans.liftAll(), 2);
  assertEquals(bans.list(), []);
  assertEquals(store.list("ban"), []);
});

Deno.test("Bans and strikes are there after a restart", () => {
  const clock = new Clock();
  const store = new MemoryStore(clock.now);
  make({ clock, store }).bans.add("user:ann");
  clock.advance(1000);
  const again = make({ clock, store });
  assertEquals(again.bans.banned("user:ann"), MINUTE - 1000);
  clock.advance(MINUTE);
  const later = make({ clock, store });
  assertEquals(later.bans.add("user:ann"), 2 * MINUTE);
});

Deno.test("Bans.list() has no ban that has ended since the last tick", () => {
  const { bans, clock } = make();
  bans.add("user:ann");
  clock.advance(MINUTE - 1);
  assertEquals(bans.list().map(({ key }) => key), ["user:ann"]);
  clock.advance(1);
  assertEquals(bans.list(), []);
});

Deno.test("Bans that ended while the server was down are logged as expired", () => {
  const clock = new Clock();
  const store = new MemoryStore(clock.now);
  make({ clock, store }).bans.add("user:ann");
  clock.advance(2 * MINUTE);
  const { bans, log } = make({ clock, store });
  bans.tick();
  assertEquals(log.events(), ["ban.expired"]);
});

Deno.test("Bans ignores records that it can't read", () => {
  const clock = new Clock();
  const store = new MemoryStore(clock.now);
  for (const [i, value] of ["", "{", "null", "[]", '{"until":"x"}', '{"until":1e400}'].entries()) {
    store.set("ban", `user:${i}`, value, Infinity);
  }
  assertEquals(make({ clock, store }).bans.list(), []);
});

Deno.test("Bans.tick() forgets strikes when their time is over", () => {
  const { bans, clock, store } = make();
  bans.add("user:ann");
  clock.advance(MINUTE + HOUR);
  bans.tick();
  bans.tick();
  assertEquals(store.list("ban"), []);
  assertEquals(bans.lift("user:ann"), false);
});

Deno.test("Bans is not prolonged by a clock that is set back", () => {
  const { bans, clock } = make();
  bans.add("user:ann");
  clock.advance(-DAY);
  assertEquals(bans.banned("user:ann"), MINUTE);
  clock.advance(MINUTE);
  assertEquals(bans.banned("user:ann"), 0);
});

Deno.test("Bans reports a ban soon after add(), not within it", async () => {
  const { bans, clock } = make();
  const told: [string, number][] = [];
  bans.onAdded = (key, until) => told.push([key, until]);
  bans.add("user:ann");
  assertEquals(told, []);
  await Promise.resolve();
  assertEquals(told, [["user:ann", clock.time + MINUTE]]);
});

Deno.test("Bans keeps a bounded number, and forgets those that end first", () => {
  const { bans, clock, store } = make();
  bans.add("user:first");
  clock.advance(1);
  for (let i = 0; i < 65_536; i++) bans.add(`ip:10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`);
  assertLessOrEqual(store.list("ban").length, 65_536);
  assertEquals(bans.banned("user:first"), 0);
  assertEquals(bans.banned("ip:10.0.255.255"), MINUTE);
});

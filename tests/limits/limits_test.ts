import { assert, assertAlmostEquals, assertEquals, assertGreater } from "../assert.ts";
import { countUntilRefused, makeLimits, settings } from "../helpers/limits.ts";

const MINUTE = 60_000;

Deno.test("Limits.handshake() allows the burst, then the rate, of each address", () => {
  const { limits, clock } = makeLimits({ max_violations: 1000 });
  const first = () => limits.handshake("192.0.2.1") === 0;
  assertEquals(countUntilRefused(first), 20);
  assertEquals(limits.handshake("192.0.2.2"), 0);
  assertEquals(limits.handshake("192.0.2.1"), 200);
  let more = 0;
  for (let i = 0; i < 1000; i++) {
    clock.advance(10);
    if (first()) more++;
  }
  assertEquals(more, 50);
});

Deno.test("Limits.handshake() takes a /64 for one address, and IPv4-mapped for IPv4", () => {
  const { limits } = makeLimits();
  let i = 0;
  assertEquals(countUntilRefused(() => limits.handshake(`2001:db8::${(i++).toString(16)}`) === 0), 20);
  assertEquals(limits.handshake("2001:db8:0:1::1"), 0);
  assertEquals(countUntilRefused(() => limits.handshake(i++ % 2 ? "192.0.2.1" : "::ffff:192.0.2.1") === 0), 20);
});

Deno.test("Limits.handshake() tells true how long to wait, and no refusal is an offence", () => {
  const { limits, clock } = makeLimits();
  assertEquals(countUntilRefused(() => limits.handshake("192.0.2.1") === 0), 20);
  for (let i = 0; i < 1000; i++) limits.handshake("192.0.2.1");
  const wait = limits.handshake("192.0.2.1");
  clock.advance(wait * 0.9);
  assertGreater(limits.handshake("192.0.2.1"), 0);
  clock.advance(wait * 0.1);
  assertEquals(limits.handshake("192.0.2.1"), 0);
  assertEquals(limits.bans.list(), []);
});

Deno.test("Limits.proven() gives the address its token back, and never more than its burst", () => {
  const { limits } = makeLimits();
  for (let i = 0; i < 1000; i++) {
    assertEquals(limits.handshake("2001:db8::1"), 0);
    limits.proven("2001:db8::2");
  }
  for (let i = 0; i < 50; i++) limits.proven("2001:db8::1");
  assertEquals(countUntilRefused(() => limits.handshake("2001:db8::1") === 0), 20);
});

Deno.test("Limits.exhausted() tells what handshake() would, and takes nothing", () => {
  const { limits, clock } = makeLimits();
  assertEquals(limits.exhausted("192.0.2.1"), false);
  for (let i = 0; i < 20; i++) limits.handshake("192.0.2.1");
  assertEquals([limits.exhausted("192.0.2.1"), limits.exhausted("192.0.2.2")], [true, false]);
  clock.advance(200);
  for (let i = 0; i < 5; i++) assertEquals(limits.exhausted("192.0.2.1"), false);
  assertEquals(limits.handshake("192.0.2.1"), 0);
});

Deno.test("Limits.userHandshake() allows each user the burst, then the rate, and bans no user", () => {
  const { limits, clock, telemetry } = makeLimits();
  assertEquals(countUntilRefused(() => limits.userHandshake("ann") === 0), 20);
  assertEquals([limits.userHandshake("ann"), limits.userHandshake("bob")], [1000, 0]);
  for (let i = 0; i < 100; i++) limits.userHandshake("ann");
  clock.advance(1000);
  assertEquals(limits.userHandshake("ann"), 0);
  assertEquals(limits.bans.list(), []);
  assertEquals(telemetry.limits.get("handshake_user", ""), 102);
});

Deno.test("Limits.request() and preflight() take nothing from handshakes", () => {
  const { limits } = makeLimits();
  assertEquals(countUntilRefused(() => limits.request("192.0.2.1") === 0), 20);
  assertEquals(countUntilRefused(() => limits.preflight("192.0.2.1") === 0), 400);
  for (let i = 0; i < 100; i++) limits.request("192.0.2.1", true);
  assertEquals(countUntilRefused(() => limits.handshake("192.0.2.1") === 0), 20);
  assertEquals(limits.bans.list(), []);
});

Deno.test("Limits.request() of vain requests costs half as much again, down to a debt of one burst", () => {
  const { limits, clock } = makeLimits();
  assertEquals(countUntilRefused(() => limits.request("192.0.2.1", true) === 0), 13);
  for (let i = 0; i < 1000; i++) limits.request("192.0.2.1", true);
  assertAlmostEquals(limits.request("192.0.2.1"), 21 / 5 * 1000, 1);
  clock.advance(4200);
  assertEquals(limits.request("192.0.2.1"), 0);
});

Deno.test("Limits.offence() bans a /64 on its 21st within a minute, though each address of it came once", () => {
  const { limits, clock, log } = makeLimits();
  for (let i = 0; i < 20; i++) limits.offence(`2001:db8::${i.toString(16)}`);
  clock.advance(MINUTE);
  for (let i = 0; i < 20; i++) limits.offence(`2001:db8::${i.toString(16)}`);
  assertEquals(limits.bans.banned("ip:2001:db8::ffff"), 0);
  limits.offence("2001:db8::f00");
  assertEquals(limits.bans.banned("ip:2001:db8::ffff"), MINUTE);
  assertEquals(limits.bans.banned("ip:2001:db8:0:1::"), 0);
  assertEquals(log.of("ban.added").map(({ key }) => key), ["ip:2001:db8:0:0::/64"]);
  assert(limits.bans.lift("ip:2001:db8::/64"), "as an operator would write it");
});

Deno.test("Limits.offence() leaves room for mishaps in proportion to limits.handshake", () => {
  const { limits, clock } = makeLimits({ handshake: { rate: 1000, burst: 1000 } });
  for (let second = 0; second < 60; second++) {
    for (let i = 0; i < 50; i++) limits.offence("192.0.2.1");
    clock.advance(1000);
  }
  assertEquals(limits.bans.list(), []);
  for (let i = 0; i < 70; i++) limits.offence("192.0.2.1");
  assertGreater(limits.bans.banned("ip:192.0.2.1"), 0);
});

Deno.test("Limits never bans addresses of never_ban, or users from them, but still limits them", () => {
  const { limits } = makeLimits({ never_ban: ["192.0.2.0/24"] });
  for (let i = 0; i < 200; i++) limits.offence("192.0.2.1");
  const session = limits.session("192.0.2.1", "ann");
  assertEquals(countUntilRefused(() => !session.violation()), 19);
  assertEquals(limits.bans.list(), []);
});

Deno.test("Limits never bans a shared address, but its users", () => {
  const { limits } = makeLimits({ shared: ["192.0.2.0/24", "::1"] });
  for (let i = 0; i < 200; i++) for (const ip of ["192.0.2.1", "::1"]) limits.offence(ip);
  assertEquals(limits.bans.list(), []);
  const session = limits.session("192.0.2.1", "ann");
  countUntilRefused(() => !session.violation());
  assertEquals(limits.bans.list().map(({ key }) => key), ["user:ann"]);
  limits.reconfigure(settings({ shared: [] }));
  for (let i = 0; i < 21; i++) limits.offence("192.0.2.1");
  assertGreater(limits.bans.banned("ip:192.0.2.1"), 0);
});

Deno.test("Limits.ticket() allows each user its burst, and bans no user", () => {
  const { limits, clock, telemetry } = makeLimits();
  assertEquals(countUntilRefused(() => limits.ticket("ann") === 0), 10);
  assertEquals(limits.ticket("bob"), 0);
  for (let i = 0; i < 100; i++) assertEquals(limits.ticket("ann"), 1000);
  clock.advance(1000);
  assertEquals(limits.ticket("ann"), 0);
  assertEquals(limits.bans.list(), []);
  assertEquals(telemetry.limits.get("ticket", ""), 101);
});

Deno.test("a refusal only by shedding load is no violation; one over the limit anyway is", () => {
  const { limits, clock } = makeLimits();
  const session = limits.session("192.0.2.1", "ann");
  limits.shrink = 1 / 4;
  const excused = { yes: 0, no: 0 };
  const seconds = 60;
  // Forty a second, of fifty that are configured.
  for (let i = 0; i < 40 * seconds; i++) {
    const verdict = session.message(100);
    if (verdict) excused[verdict.excused ? "yes" : "no"]++;
    clock.advance(25);
  }
  assertGreater(excused.yes, 1000);
  assertEquals(excused.no, 0);
  let violations = 0;
  for (let i = 0; i < 200 * 10; i++) {
    if (session.message(100)?.excused === false) violations++;
    clock.advance(5);
  }
  assertGreater(violations, 1000);
});

Deno.test("a refusal only by the address' bucket, which others emptied, is no violation", () => {
  const { limits } = makeLimits();
  const busy = ["bob", "cid", "dan", "eve"].map((user) => limits.session("192.0.2.1", user));
  for (const session of busy) assertEquals(countUntilRefused(() => session.message(1) === null), 100);
  const quiet = limits.session("192.0.2.1", "ann");
  const verdict = quiet.message(1);
  assertEquals([verdict?.scope, verdict?.excused], ["ip", true]);
  // Of its own hundred messages, not one more.
  let excused = 1;
  while (quiet.message(1)?.excused) excused++;
  assertEquals(excused, 100);
});

Deno.test("a user's sessions together have no more excused refusals than the user has messages", () => {
  const { limits } = makeLimits();
  const busy = ["bob", "cid", "dan", "eve"].map((user) => limits.session("192.0.2.1", user));
  for (const session of busy) assertEquals(countUntilRefused(() => session.message(1) === null), 100);
  let excused = 0;
  for (let i = 0; i < 3; i++) {
    const session = limits.session("192.0.2.1", "ann");
    while (session.message(1)?.excused) excused++;
  }
  assertEquals(excused, 200);
});

Deno.test("Limits.reconfigure() reaches live sessions, addresses, users, bans and violations", () => {
  const { limits, clock } = makeLimits();
  const session = limits.session("192.0.2.1", "ann");
  const message = () => session.message(1) === null;
  assertEquals(countUntilRefused(message), 100);
  assertEquals(countUntilRefused(() => limits.handshake("192.0.2.9") === 0), 20);
  limits.reconfigure(settings({
    connection: { rate: 1000, burst: 5, bytes_rate: 1e6, bytes_burst: 1e6 },
    handshake: { rate: 100, burst: 3 },
    max_violations: 2,
    ban: 5000,
  }));
  clock.advance(1000);
  assertEquals(countUntilRefused(message), 5);
  assertEquals(countUntilRefused(() => limits.handshake("192.0.2.9") === 0), 3);
  assertEquals([session.violation(), session.violation()], [false, true]);
  assertEquals(limits.bans.banned("user:ann"), 5000);
});

Deno.test("Limits.reconfigure() adds and removes the limits of methods", () => {
  const { limits } = makeLimits({ types: { slow: { rate: 1, burst: 1 } } });
  const session = limits.session("192.0.2.1", "ann");
  const call = (method: string) => {
    session.message(1);
    return session.call(method, 1)?.scope ?? null;
  };
  assertEquals([call("slow"), call("slow"), call("other")], [null, "method", null]);
  limits.reconfigure(settings({ types: { other: { rate: 1, burst: 1 } } }));
  assertEquals([call("slow"), call("slow"), call("other"), call("other")], [null, null, null, "method"]);
});

Deno.test("Limits.tick() forgets what is over", () => {
  const { limits, clock, log } = makeLimits();
  for (let i = 0; i < 21; i++) limits.offence("192.0.2.1");
  for (let i = 0; i < 50; i++) limits.handshake("192.0.2.1");
  assertEquals(log.events(), ["ban.added"]);
  clock.advance(MINUTE);
  limits.tick();
  assertEquals(log.events(), ["ban.added", "ban.expired"]);
  assert(limits.handshake("192.0.2.1") === 0);
});

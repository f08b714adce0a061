import { assert, assertAlmostEquals, assertEquals, assertGreater, assertLess } from "../assert.ts";
import { countUntilRefused, makeLimits, settings } from "./fixtures.ts";

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

Deno.test("Limits.handshake() makes failed ones cost more than good ones", () => {
  const { limits, clock } = makeLimits({ max_violations: 1000 });
  const failing = () => {
    if (limits.handshake("192.0.2.1") > 0) return false;
    limits.handshake("192.0.2.1", true);
    return true;
  };
  assertLess(countUntilRefused(failing), 10);
  let allowed = 0;
  const before = clock.time;
  while (clock.time < before + 20_000) {
    if (failing()) allowed++;
    clock.advance(10);
  }
  // Two and a half tokens each at five a second.
  assertAlmostEquals(allowed, 40, 4);
});

Deno.test("Limits.handshake() tells true how long to wait, after failed ones as well", () => {
  for (const failures of [0, 3, 50]) {
    const { limits, clock } = makeLimits({ max_violations: 1000 });
    for (let i = 0; i < failures; i++) limits.handshake("192.0.2.1", true);
    countUntilRefused(() => limits.handshake("192.0.2.1") === 0);
    const wait = limits.handshake("192.0.2.1");
    clock.advance(wait * 0.9);
    assertGreater(limits.handshake("192.0.2.1"), 0);
    clock.advance(wait * 0.1);
    assertEquals(limits.handshake("192.0.2.1"), 0);
  }
});

Deno.test("Limits.handshake() bans a /64 whose addresses are each used once", () => {
  const { limits } = makeLimits();
  for (let i = 0; i < 20 + 19; i++) limits.handshake(`2001:db8::${i.toString(16)}`);
  assertEquals(limits.bans.banned("ip:2001:db8::ffff"), 0);
  limits.handshake("2001:db8::f00");
  assertGreater(limits.bans.banned("ip:2001:db8::ffff"), 0);
  assertEquals(limits.bans.banned("ip:2001:db8:0:1::"), 0);
  assert(limits.bans.lift("ip:2001:db8::/64"), "as an operator would write it");
});

Deno.test("Limits.handshake() bans an address on its max_violations-th refusal within a minute", () => {
  const { limits, log } = makeLimits();
  for (let i = 0; i < 20 + 19; i++) limits.handshake("192.0.2.1");
  assertEquals(limits.bans.banned("ip:192.0.2.1"), 0);
  limits.handshake("192.0.2.1");
  assertEquals(limits.bans.banned("ip:192.0.2.1"), MINUTE);
  assertEquals(log.of("ban.added").map(({ key }) => key), ["ip:192.0.2.1"]);
});

Deno.test("Limits.handshake() bans an address that keeps failing, even if it never comes to the rate check", () => {
  const { limits } = makeLimits();
  const tries = countUntilRefused(() => {
    limits.handshake("2001:db8::1", true);
    return limits.bans.banned("ip:2001:db8::2") === 0;
  });
  assertEquals(tries, 13 + 20 - 1);
});

Deno.test("Limits.handshake() does not ban one who keeps to the rate, however long", () => {
  const { limits, clock } = makeLimits();
  for (let i = 0; i < 5000; i++) {
    assertEquals(limits.handshake("192.0.2.1"), 0);
    clock.advance(200);
  }
  assertEquals(limits.bans.list(), []);
});

Deno.test("Limits never bans addresses of never_ban, or users who come from them, but still limits them", () => {
  const { limits } = makeLimits({ never_ban: ["192.0.2.0/24"] });
  for (let i = 0; i < 200; i++) limits.handshake("192.0.2.1");
  assertGreater(limits.handshake("192.0.2.1"), 0);
  const session = limits.session("192.0.2.1", "ann");
  assertEquals(countUntilRefused(() => !session.violation()), 19);
  for (let i = 0; i < 200; i++) limits.ticket("ann", "192.0.2.1");
  assertEquals(limits.bans.list(), []);
});

Deno.test("Limits.ticket() allows each user its burst, then bans the one who goes on", () => {
  const { limits, clock, telemetry } = makeLimits();
  assertEquals(countUntilRefused(() => limits.ticket("ann") === 0), 10);
  assertEquals(limits.ticket("bob"), 0);
  assertEquals(limits.ticket("ann"), 1000);
  for (let i = 0; i < 18; i++) limits.ticket("ann");
  assertGreater(limits.bans.banned("user:ann"), 0);
  assertEquals(limits.bans.banned("user:bob"), 0);
  clock.advance(1000);
  assertEquals(limits.ticket("ann"), 0);
  assertEquals(telemetry.limits.get("ticket", ""), 20);
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
  for (let i = 0; i < 50; i++) limits.handshake("192.0.2.1");
  assertEquals(log.events(), ["ban.added"]);
  clock.advance(MINUTE);
  limits.tick();
  assertEquals(log.events(), ["ban.added", "ban.expired"]);
  assert(limits.handshake("192.0.2.1") === 0);
});

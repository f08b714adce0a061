/** Buckets that several nodes share: each decides by itself, and learns of the others' spending at each settlement. */
import { Limits, type LimitSettings, SpendingLedger } from "../../lib/limits/limits.ts";
import { TokenBucket } from "../../lib/limits/bucket.ts";
import type { Spent } from "../../lib/limits/spending_ledger.ts";
import { Telemetry } from "../../lib/telemetry/telemetry.ts";
import { MemoryStore } from "../../lib/store/memory.ts";
import { assert, assertEquals, assertGreater, assertLessOrEqual } from "../assert.ts";
import { Clock, countUntilRefused, Lines, settings } from "../helpers/limits.ts";

const SETTLE_MS = 250;
const PLENTY = { rate: 1e6, burst: 1e6 };
const USER = { rate: 100, burst: 200 };

/** Nodes that settle at once, when the test says so. */
class Nodes {
  readonly clock = new Clock();
  readonly limits: Limits[];
  /** The spending of each key that a node has not been told of. */
  readonly #untold: Map<string, number>[];
  /** The greatest number of keys in one settlement. */
  mostKeys = 0;

  constructor(count: number, changes: Partial<LimitSettings> = {}, ledgers = true) {
    const wide = { ip: PLENTY, connection: { ...PLENTY, bytes_rate: 1e9, bytes_burst: 1e9 }, user: USER };
    const now = this.clock.now;
    this.limits = Array.from({ length: count }, () =>
      new Limits(settings({ ...wide, ...changes }), {
        log: new Lines(),
        telemetry: new Telemetry(),
        store: new MemoryStore(now),
        now,
        ...(ledgers ? { ledger: new SpendingLedger(SETTLE_MS) } : {}),
      }));
    this.#untold = this.limits.map(() => new Map());
  }

  settle(): void {
    this.limits.forEach(({ ledger }, index) => {
      if (ledger === undefined) return;
      const spent = ledger.collect(this.limits.length);
      this.mostKeys = Math.max(this.mostKeys, spent.size);
      const ofOthers = new Map<string, number>();
      for (const [key, { tokens }] of spent) {
        for (const other of this.#untold.keys()) if (other !== index) this.#add(other, key, tokens);
        ofOthers.set(key, this.#untold[index]!.get(key) ?? 0);
        this.#untold[index]!.delete(key);
      }
      ledger.charge(ofOthers, this.clock.time);
    });
  }

  #add(node: number, key: string, tokens: number): void {
    this.#untold[node]!.set(key, (this.#untold[node]!.get(key) ?? 0) + tokens);
  }
}

/** Messages admitted in a minute of a user that sends as much as possible on both nodes, and refusals of a modest one. */
function flood(nodes: Nodes): { admitted: number; refused: number } {
  const sessions = (user: string) => nodes.limits.map((limits) => limits.session("192.0.2.1", user));
  const [loud, modest] = [sessions("loud"), sessions("modest").slice(0, 2)];
  let [admitted, refused] = [0, 0];
  for (let ms = 0; ms < 60_000; ms += 50) {
    nodes.clock.advance(50);
    for (const session of loud) admitted += countUntilRefused(() => session.message(1) === null);
    if (ms % 100 === 0) { for (const session of modest) if (session.message(1) !== null) refused++; }
    if (ms % SETTLE_MS === 0) nodes.settle();
  }
  return { admitted, refused };
}

Deno.test("a user on two nodes has one rate, and a modest one notices nothing", () => {
  const { admitted, refused } = flood(new Nodes(2));
  // Both bursts, the rate, and what one node can admit between two settlements.
  assertLessOrEqual(admitted, 2 * USER.burst + 60 * USER.rate + USER.rate);
  assertGreater(admitted, 60 * USER.rate);
  assertEquals(refused, 0);
  assertGreater(flood(new Nodes(2, {}, false)).admitted, 2 * 60 * USER.rate, "each its own, without a ledger");
});

Deno.test("a user on twenty nodes has one rate too", () => {
  const { admitted, refused } = flood(new Nodes(20));
  assertLessOrEqual(admitted, 20 * USER.burst + 1.1 * 60 * USER.rate);
  assertEquals(refused, 0);
});

Deno.test("a user that spends little on each of twenty nodes has one rate too", () => {
  const nodes = new Nodes(20);
  const sessions = nodes.limits.map((limits) => limits.session("192.0.2.1", "ann"));
  let admitted = 0;
  for (let ms = 0; ms < 60_000; ms += 50) {
    nodes.clock.advance(50);
    // 200 a second over all nodes.
    if (ms % 100 === 0) { for (const session of sessions) if (session.message(1) === null) admitted++; }
    if (ms % SETTLE_MS === 0) nodes.settle();
  }
  assertLessOrEqual(admitted, 20 * USER.burst + 1.1 * 60 * USER.rate);
});

Deno.test("a wrong report locks a user out for ten bursts at most", () => {
  const nodes = new Nodes(1);
  const session = nodes.limits[0]!.session("192.0.2.1", "ann");
  for (let i = 0; i < 100; i++) session.message(1);
  const { ledger } = nodes.limits[0]!;
  ledger!.collect(1);
  ledger!.charge(new Map([["user:ann", 1e9]]), nodes.clock.time);
  assertEquals(session.message(1)?.scope, "user");
  nodes.clock.advance((10 * USER.burst / USER.rate) * 1_000 + 20);
  assertEquals(session.message(1), null);
});

for (
  const [scope, changes, spend] of [
    ["ip", { user: PLENTY, ip: USER }, (limits) => limits.session("192.0.2.1", "ann").message(1) === null],
    ["method", { user: PLENTY, types: { "chat.send": USER } }, (limits) => {
      const session = limits.session("192.0.2.1", "ann");
      return session.message(1) === null && session.call("chat.send", 1) === null;
    }],
    ["handshakes of a user", { handshake_user: USER }, (limits) => limits.userHandshake("ann") === 0],
    ["tickets", { ticket: USER }, (limits) => limits.ticket("ann") === 0],
  ] as [string, Partial<LimitSettings>, (limits: Limits) => boolean][]
) {
  Deno.test(`tokens spent on one node are spent on the other: ${scope}`, () => {
    const nodes = new Nodes(2, changes);
    const [one, other] = nodes.limits as [Limits, Limits];
    for (let i = 0; i < 100; i++) assert(spend(one));
    for (let i = 0; i < 60; i++) assert(spend(other));
    nodes.settle();
    nodes.settle();
    assertEquals([countUntilRefused(() => spend(one)), countUntilRefused(() => spend(other))], [40, 40]);
  });
}

Deno.test("an address' own handshakes, and what it is only charged for, stay with the node", () => {
  const nodes = new Nodes(2, { handshake: USER });
  const [one, other] = nodes.limits as [Limits, Limits];
  for (let i = 0; i < 100; i++) assertEquals([one.handshake("192.0.2.1"), one.request("192.0.2.1")], [0, 0]);
  nodes.settle();
  assertEquals(nodes.mostKeys, 0);
  assertEquals(countUntilRefused(() => other.handshake("192.0.2.1") === 0), 200);
});

Deno.test("tokens charged by another node are not told again", () => {
  const nodes = new Nodes(3);
  const sessions = nodes.limits.map((limits) => limits.session("192.0.2.1", "ann"));
  for (const session of sessions) for (let i = 0; i < 50; i++) session.message(1);
  for (let i = 0; i < 20; i++) nodes.settle();
  assertEquals(sessions.map((session) => countUntilRefused(() => session.message(1) === null)), [50, 50, 50]);
});

/** A bucket whose account the test reads. */
function ledgerWith(limit = USER) {
  const ledger = new SpendingLedger(SETTLE_MS);
  const bucket = (name: string) =>
    Object.assign(new TokenBucket(limit, 0), { name, limit, account: null as { untold: number } | null });
  return { ledger, bucket };
}

Deno.test("SpendingLedger tells nothing below a quarter of the burst, and forgets it when the bucket has refilled", () => {
  const { ledger, bucket } = ledgerWith();
  ledger.open(bucket("user:ann") as never, 49);
  for (let i = 0; i < 8; i++) assertEquals(ledger.collect(2), new Map());
  assertEquals(ledger.size, 1);
  ledger.collect(2);
  assertEquals(ledger.size, 0, "after burst / rate = 2 s");
  ledger.open(bucket("user:ann") as never, 50);
  assertEquals(ledger.collect(2), new Map<string, Spent>([["user:ann", { tokens: 50, rate: 100 }]]));
});

Deno.test("SpendingLedger tells further small spending of a bucket that was told, none included", () => {
  const { ledger, bucket } = ledgerWith();
  const one = bucket("user:ann");
  ledger.open(one as never, 60);
  assertEquals(ledger.collect(2).get("user:ann")?.tokens, 60);
  assertEquals(ledger.collect(2).get("user:ann")?.tokens, 0);
  one.account!.untold += 5;
  assertEquals(ledger.collect(2).get("user:ann")?.tokens, 5);
});

Deno.test("SpendingLedger tells of a bounded number of buckets at once, and of each in its turn", () => {
  const { ledger, bucket } = ledgerWith();
  for (let i = 0; i < 2_500; i++) ledger.open(bucket(`user:${i}`) as never, 50);
  const told = Array.from({ length: 3 }, () => [...ledger.collect(2).keys()]);
  assertEquals(told.map(({ length }) => length), [1_000, 1_000, 1_000]);
  assertEquals(new Set(told.flat()).size, 2_500);
});

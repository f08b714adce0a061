/** Bans and revocations of several nodes, whose notices reach one another through the hands of the test. */
import { Revocations } from "../../lib/admission/admission.ts";
import type { Notice } from "../../lib/cluster/cluster.ts";
import type { Identity } from "../../lib/gate/gate.ts";
import { Bans } from "../../lib/limits/limits.ts";
import { SharedRights } from "../../lib/server/shared_rights.ts";
import { Registry, type Session } from "../../lib/session/session.ts";
import { MemoryStore } from "../../lib/store/memory.ts";
import { configWith, memoryLog } from "../helpers/admission.ts";
import { assert, assertEquals } from "../assert.ts";

const NOW = 1_800_000_000_000;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** `auth.clock_skew` of the configuration. */
const SKEW_MS = 30_000;

/** Nodes whose notices arrive at once, unless the link is down. */
class Link {
  readonly nodes: Node[] = [];
  isUp = true;
  told = 0;

  announce(from: Node, notice: Notice): Promise<boolean> {
    if (!this.isUp) return Promise.resolve(false);
    assert(++this.told < 1_000, "nodes tell one another without end");
    for (const node of this.nodes) if (node !== from) node.rights.learn(notice);
    return Promise.resolve(true);
  }
}

interface NodeOptions {
  readonly store?: MemoryStore;
  readonly never_ban?: readonly string[];
  /** How far the clock of this node is ahead. */
  readonly aheadMs?: number;
  /** How far its monotonic clock is behind. */
  readonly behindMs?: number;
}

class Node {
  readonly log = memoryLog();
  readonly store: MemoryStore;
  readonly bans: Bans;
  readonly revocations: Revocations;
  readonly registry = new Registry<Session>();
  readonly rights: SharedRights;
  /** Sessions that were ended, with the reason. */
  readonly ended: string[] = [];

  constructor(
    link: Link,
    clock: { now: number },
    { store, never_ban = [], aheadMs = 0, behindMs = 200_000 - 50_000 * link.nodes.length }: NodeOptions = {},
  ) {
    const now = () => clock.now + aheadMs;
    // The monotonic clocks of the nodes began with other times than their wall clocks have now.
    const steady = () => clock.now - behindMs;
    this.store = store ?? new MemoryStore(steady);
    this.bans = new Bans({ ban: MINUTE, never_ban }, { log: this.log, store: this.store, now: steady });
    this.revocations = new Revocations(this.store, { log: this.log, now, steady, retentionMs: HOUR });
    this.rights = new SharedRights({
      config: configWith(),
      limits: { bans: this.bans },
      revocations: this.revocations,
      registry: this.registry,
      cluster: { control: { announce: (notice) => link.announce(this, notice) } },
      now,
      steady,
    });
    link.nodes.push(this);
  }

  /** Opens a session with a token of that moment. */
  open(user: string, issuedAt: number, tokenId = `t-${user}`): void {
    const identity: Identity = { user, roles: [], claims: {}, issuedAt, expiresAt: issuedAt + HOUR, tokenId };
    const session = {
      id: `${user}-${issuedAt}`,
      userId: user,
      identity,
      ending: false,
      end: (reason: string) => {
        session.ending = true;
        this.ended.push(`${user} ${reason}`);
      },
    };
    this.registry.add(session as unknown as Session);
  }

  revoked(user: string, issuedAt: number): boolean {
    return this.revocations.isRevoked({ user, roles: [], claims: {}, issuedAt, expiresAt: issuedAt + HOUR });
  }
}

function make(...options: NodeOptions[]) {
  const [link, clock] = [new Link(), { now: NOW }];
  const nodes = options.map((one) => new Node(link, clock, one));
  return {
    link,
    clock,
    nodes,
    a: nodes[0]!,
    b: nodes[1]!,
    start: (one: NodeOptions = {}) => new Node(link, clock, one),
  };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

Deno.test("a user banned on one node has no session on another, and neither has the neighbour's node less", async () => {
  const { a, b, clock } = make({}, { aheadMs: 3_000 });
  b.open("ann", NOW);
  b.open("bob", NOW);
  a.bans.add("user:ann");
  await settled();
  assertEquals(b.ended, ["ann banned"]);
  assertEquals([b.bans.banned("user:ann") > 0, b.bans.banned("user:bob")], [true, 0]);
  clock.now += MINUTE - 3_500;
  assert(a.bans.banned("user:ann") > 0 && b.bans.banned("user:ann") > 0, "no clock shortens it");
  clock.now += 3_501;
  assertEquals([a.bans.banned("user:ann"), b.bans.banned("user:ann")], [0, 0], "no clock extends it");
  // The strikes are known on both.
  assertEquals(b.bans.add("user:ann"), 2 * MINUTE);
});

Deno.test("a ban lifted on one node is lifted on all; one that is not there is told to no node", async () => {
  const { a, b, link } = make({}, {});
  a.bans.add("ip:2001:db8::1");
  assert(b.bans.banned("ip:2001:db8::2") > 0);
  const lifted = b.rights.liftBan("ip:2001:db8:0:0::/64");
  assertEquals(await lifted?.shared, true);
  assertEquals([a.bans.banned("ip:2001:db8::1"), b.bans.banned("ip:2001:db8::1")], [0, 0]);
  assertEquals([b.rights.liftBan("ip:2001:db8::1"), link.told], [null, 2]);
});

Deno.test("a node does not take over the ban of an address that is exempt there", () => {
  const { a, b } = make({}, { never_ban: ["192.0.2.0/24"] });
  a.bans.add("ip:192.0.2.7");
  a.bans.add("ip:198.51.100.7");
  assertEquals([b.bans.banned("ip:192.0.2.7"), b.bans.banned("ip:198.51.100.7") > 0], [0, true]);
  assertEquals(b.bans.kept("ip:192.0.2.7"), undefined, "nor when it is exempt no longer");
});

Deno.test("bans made apart end with the later one on both nodes", () => {
  const { a, b, link, clock } = make({}, {});
  link.isUp = false;
  a.bans.add("user:ann");
  clock.now += 30_000;
  b.bans.add("user:ann");
  link.isUp = true;
  // The earlier one comes last.
  for (const notice of [...a.rights.held()]) b.rights.learn(notice);
  assertEquals([a.bans.banned("user:ann"), b.bans.banned("user:ann")], [MINUTE, MINUTE]);
});

Deno.test("a revocation holds on all nodes, for the tokens issued until then, and closes their sessions", async () => {
  const { a, b, clock } = make({}, {});
  b.open("ann", NOW - 1_000);
  b.open("bob", NOW - 1_000);
  const { closed, shared } = a.rights.revoke({ sub: "ann" });
  assertEquals([closed, await shared, b.ended], [0, true, ["ann token_revoked"]]);
  assertEquals([b.revoked("ann", NOW), b.revoked("ann", NOW + 1), b.revoked("bob", NOW)], [true, false, false]);
  clock.now += 2 * HOUR;
  assertEquals(b.revoked("ann", NOW), false, "its time is over");
});

Deno.test("a revoked user has no session on another node by a token of an issuer whose clock is ahead", () => {
  const { a, b, clock } = make({}, {});
  b.open("ann", NOW + 20_000);
  a.rights.revoke({ sub: "ann" });
  assertEquals(b.ended, ["ann token_revoked"]);
  assertEquals(
    [a.revoked("ann", NOW + 20_000), a.revoked("ann", NOW + 20_001)],
    [true, false],
    "nor elsewhere with it",
  );
  // One that comes late says nothing of the token that was issued after it.
  clock.now += MINUTE;
  b.open("ann", NOW + 30_000);
  for (const notice of [...a.rights.held()]) b.rights.learn(notice);
  assertEquals(b.ended.length, 1);
});

Deno.test("a revocation lifted on one node is lifted on all", async () => {
  const { a, b } = make({}, {});
  a.rights.revoke({ jti: "t-1" });
  a.rights.revoke({ before: NOW });
  assertEquals(b.revocations.list().map(({ key }) => key).sort(), ["before:2027-01-15T08:00:00.000Z", "jti:t-1"]);
  assertEquals(await b.rights.liftRevocation("before:2027-01-15T08:00:00Z")?.shared, true);
  assertEquals(a.revocations.list().map(({ key }) => key), ["jti:t-1"]);
  assertEquals(b.rights.liftRevocation("jti:t-2"), null);
});

Deno.test("a change that the others have not been told of says so, and holds here", async () => {
  const { a, b, link } = make({}, {});
  link.isUp = false;
  a.open("ann", NOW);
  const { closed, shared } = a.rights.revoke({ sub: "ann" });
  assertEquals([closed, await shared, a.revoked("ann", NOW), b.revoked("ann", NOW)], [1, false, true, false]);
});

Deno.test("a node that starts holds what the others tell it, after its own restart without them too", () => {
  const { a, start, clock } = make({});
  a.bans.add("user:ann");
  a.rights.revoke({ jti: "t-1" }, NOW + 2 * HOUR);
  a.rights.revoke({ sub: "bob" });
  const store = new MemoryStore(() => clock.now);
  const late = start({ store });
  for (const notice of a.rights.held()) late.rights.learn(notice);
  const again = new Node(new Link(), clock, { store, behindMs: 150_000 });
  for (const node of [late, again]) {
    assertEquals([node.bans.banned("user:ann"), node.revoked("bob", NOW)], [MINUTE, true]);
    assertEquals(node.revocations.list().find(({ key }) => key === "jti:t-1")?.expiresAt, NOW + 2 * HOUR + SKEW_MS);
  }
});

Deno.test("a node tells each record once, and none that it learns again", () => {
  const { a, b, link } = make({}, { aheadMs: 700 });
  a.bans.add("user:ann");
  a.rights.revoke({ sub: "bob" });
  assertEquals(link.told, 2);
  const lines = b.log.lines.length;
  for (const notice of [...a.rights.held(), ...b.rights.held()]) for (const node of [a, b]) node.rights.learn(notice);
  assertEquals([link.told, b.log.lines.length], [2, lines]);
});

Deno.test("a revocation without a moment of issue covers all tokens of the user", () => {
  const { b } = make({}, {});
  b.rights.learn({ kind: "revocation", key: "sub:ann", record: "{}", until: NOW + HOUR });
  assertEquals([b.revoked("ann", NOW + MINUTE), b.revoked("bob", NOW)], [true, false]);
});

Deno.test("a notice that is not understood, or whose time is over, changes nothing", () => {
  const { b } = make({}, {});
  const until = NOW + HOUR;
  const notices: Notice[] = [
    { kind: "ban", key: "user:ann", record: "{", until },
    { kind: "ban", key: "user:ann", record: "null", until },
    { kind: "ban", key: "user:ann", record: '{"until":"x","duration":1,"strikes":1}', until },
    { kind: "ban", key: "user:ann", record: `{"until":${NOW - 2 * HOUR},"duration":1,"strikes":1}`, until },
    { kind: "revocation", key: "sub:ann", record: "[", until },
    { kind: "revocation", key: "sub:ann", record: "{}", until: NOW - 1 },
    { kind: "revocation", key: "role:ann", record: "{}", until },
    { kind: "greeting", key: "user:ann", record: "{}", until },
    { kind: "ban", key: "user:nobody", record: null, until },
    { kind: "revocation", key: "sub:nobody", record: null, until },
  ];
  for (const notice of notices) b.rights.learn(notice);
  assertEquals([[...b.rights.held()], b.bans.banned("user:ann"), b.revoked("ann", NOW)], [[], 0, false]);
});

Deno.test("a node says how many sessions a revocation of another node closed, until that is long ago", () => {
  const { a, b, clock } = make({}, {});
  for (const [user, issuedAt] of [["ann", NOW - 2], ["ann", NOW - 1], ["bob", NOW]] as const) b.open(user, issuedAt);
  const { closed, name } = a.rights.revoke({ sub: "ann" });
  assertEquals([closed, name, b.rights.closedBy(name), b.rights.closedBy("sub:bob")], [0, "sub:ann", 2, 0]);
  // It is told again, which closes nothing.
  a.rights.revoke({ sub: "ann" });
  assertEquals(b.rights.closedBy(name), 2);
  clock.now += MINUTE;
  assertEquals(b.rights.closedBy(name), 0);
  b.open("ann", NOW - 1);
  clock.now += 1;
  a.rights.revoke({ sub: "ann" });
  assertEquals(b.rights.closedBy(name), 1);
});

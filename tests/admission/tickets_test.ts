import { join } from "node:path";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { Tickets } from "../../lib/admission/admission.ts";
import { openStore, type Store } from "../../lib/store/store.ts";
import { loneState } from "../helpers/lone_node.ts";
import { ALICE, memoryLog, NOW, ORIGIN, withFolder } from "../helpers/admission.ts";

interface Scene {
  readonly tickets: Tickets;
  readonly store: Store;
  readonly clock: { ms: number };
  /** Another process with the same file; with memory, the same store. */
  reopen(): Tickets;
}

async function scene(kind: "memory" | "sqlite", body: (scene: Scene) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    const clock = { ms: NOW };
    const deps = { now: () => clock.ms, log: memoryLog() };
    const open = () => openStore({ kind, path: join(folder, "state.db") }, deps);
    const stores = [open()];
    const [store] = stores;
    assert(store !== undefined);
    const reopen = () => {
      const another = kind === "memory" ? store : open();
      if (another !== store) stores.push(another);
      return new Tickets(loneState(another, deps.now), deps);
    };
    try {
      await body({ tickets: new Tickets(loneState(store, deps.now), deps), store, clock, reopen });
    } finally {
      for (const opened of stores) opened.close();
    }
  });
}

async function issued(tickets: Tickets, origin = ORIGIN): Promise<string> {
  const answer = await tickets.issue(ALICE, origin);
  assert(answer !== null);
  assertEquals(answer.expires_in, 30);
  return answer.ticket;
}

for (const kind of ["memory", "sqlite"] as const) {
  Deno.test(`Tickets give the identity back once, from the ${kind} store`, async () => {
    await scene(kind, async ({ tickets }) => {
      const ticket = await issued(tickets);
      assertMatch(ticket, /^[A-Za-z0-9_-]{43}$/);
      assertEquals(await tickets.redeem(ticket, ORIGIN), ALICE);
      assertEquals(await tickets.redeem(ticket, ORIGIN), null);
    });
  });

  Deno.test(`Tickets let exactly one of 100 racing redemptions in, from the ${kind} store`, async () => {
    await scene(kind, async ({ tickets, reopen }) => {
      const others = [tickets, reopen(), reopen()];
      const ticket = await issued(tickets);
      const race = Array.from({ length: 100 }, (_, i) => others[i % others.length]?.redeem(ticket, ORIGIN));
      const winners = (await Promise.all(race)).filter((identity) => identity !== null);
      assertEquals(winners, [ALICE]);
    });
  });

  Deno.test(`Tickets live 30 seconds, from the ${kind} store`, async () => {
    await scene(kind, async ({ tickets, clock }) => {
      const [first, second] = [await issued(tickets), await issued(tickets)];
      clock.ms += 29_999;
      assertEquals(await tickets.redeem(first, ORIGIN), ALICE);
      clock.ms += 1;
      assertEquals(await tickets.redeem(second, ORIGIN), null);
    });
  });
}

Deno.test("Tickets of another process count once, and a used one stays used after a restart", async () => {
  await scene("sqlite", async ({ tickets, reopen }) => {
    const [used, unused] = [await issued(tickets), await issued(tickets)];
    assertEquals(await tickets.redeem(used, ORIGIN), ALICE);
    const restarted = reopen();
    assertEquals(await restarted.redeem(used, ORIGIN), null);
    assertEquals(await restarted.redeem(unused, ORIGIN), ALICE);
    assertEquals(await tickets.redeem(unused, ORIGIN), null);
  });
});

Deno.test("Tickets are burnt by a try from a wrong origin", async () => {
  await scene("memory", async ({ tickets }) => {
    for (const origin of ["https://evil.example", "", "null", `${ORIGIN}/`, `${ORIGIN}:444`]) {
      const ticket = await issued(tickets);
      assertEquals(await tickets.redeem(ticket, origin), null, origin);
      assertEquals(await tickets.redeem(ticket, ORIGIN), null, origin);
    }
    assertEquals(await tickets.redeem(await issued(tickets), `${ORIGIN.toUpperCase()}:443`), ALICE);
    assertEquals(await tickets.issue(ALICE, "null"), null);
  });
});

Deno.test("Tickets end with the token they were bought with, and with its revocation", async () => {
  await scene("memory", async ({ store, clock }) => {
    const revoked = new Set<string>();
    const tickets = new Tickets(loneState(store, () => clock.ms), {
      now: () => clock.ms,
      isRevoked: ({ user }) => revoked.has(user),
    });
    const short = await tickets.issue({ ...ALICE, expiresAt: NOW + 1000 }, ORIGIN);
    const sound = await tickets.issue(ALICE, ORIGIN);
    assert(short !== null && sound !== null);
    clock.ms += 1000;
    assertEquals(await tickets.redeem(short.ticket, ORIGIN), null);
    revoked.add("alice");
    assertEquals(await tickets.redeem(sound.ticket, ORIGIN), null);
    revoked.clear();
    assertEquals(await tickets.redeem(sound.ticket, ORIGIN), null);
  });
});

Deno.test("Tickets are kept as hashes, bound to user and origin", async () => {
  await scene("memory", async ({ tickets, store }) => {
    const ticket = await issued(tickets);
    const records = store.list("ticket");
    assertEquals(records.length, 1);
    assertEquals(JSON.stringify(records).includes(ticket), false);
    assertEquals(JSON.parse(records[0]?.value ?? ""), { origin: ORIGIN, identity: ALICE });
    // What the store holds is no ticket.
    assertEquals(await tickets.redeem(records[0]?.key ?? "", ORIGIN), null);
    assertEquals(await tickets.redeem(ticket, ORIGIN), ALICE);
  });
});

Deno.test("Tickets of a wrong form never reach the store", async () => {
  await scene("memory", async ({ store }) => {
    const taken: string[] = [];
    const spy = Object.assign(Object.create(store) as Store, {
      take: (_: string, key: string) => void taken.push(key),
    });
    const tickets = new Tickets(loneState(spy, () => NOW), { now: () => NOW });
    const wrong = ["", "a", "a".repeat(42), "a".repeat(44), `${"a".repeat(42)}=`, "a".repeat(43), "é".repeat(43)];
    for (const ticket of wrong) assertEquals(await tickets.redeem(ticket, ORIGIN), null);
    assertEquals(taken, []);
  });
});

Deno.test("Tickets can't be guessed from others (Spring CVE-2026-41838, socket.io CVE-2017-16031)", async () => {
  await scene("memory", async ({ tickets }) => {
    const all = await Promise.all(Array.from({ length: 1000 }, () => issued(tickets)));
    assertEquals(new Set(all).size, all.length);
    // 256 random bits: every bit is set about half of the time; 150 of 1000 is 20 deviations away.
    const counts = new Array<number>(256).fill(0);
    for (const ticket of all) {
      const bytes = Uint8Array.fromBase64(ticket, { alphabet: "base64url" });
      assertEquals(bytes.length, 32);
      for (let bit = 0; bit < 256; bit++) {
        if (((bytes[bit >> 3] ?? 0) >> (bit & 7)) & 1) counts[bit] = (counts[bit] ?? 0) + 1;
      }
    }
    for (const count of counts) assert(count > 350 && count < 650);
  });
});

Deno.test("Tickets on their way are bounded in number, and room comes back with time", async () => {
  const clock = { ms: NOW };
  const records = new Map<string, string>();
  const store = { set: (_: string, key: string, value: string) => void records.set(key, value) } as unknown as Store;
  const tickets = new Tickets(loneState(store, () => clock.ms), { now: () => clock.ms });
  for (let i = 0; i < 100_000; i += 1000) {
    await Promise.all(Array.from({ length: 1000 }, () => issued(tickets)));
  }
  assertEquals(await tickets.issue(ALICE, ORIGIN), null);
  assertEquals(records.size, 100_000);
  clock.ms += 30_000;
  assert(await tickets.issue(ALICE, ORIGIN) !== null);
});

/** Events while a handshake is judged: others are judged too, the user is banned or revoked, the judge fails. */
import { assert, assertEquals } from "../assert.ts";
import { ENGINES } from "../helpers/client.ts";
import { until } from "../helpers/until.ts";
import type { RawClient, RawResponse } from "../helpers/raw_client.ts";
import { InProcess } from "./in_process.ts";

const PLENTY = { rate: 1e6, burst: 1e6 };
const LIMITS = { handshake: PLENTY, adaptive: false };

interface Visit {
  readonly client: RawClient;
  readonly response: RawResponse;
}

/** So many handshakes at once, of the users these tokens name; each is answered once all are being judged. */
async function atOnce(place: InProcess, tokens: readonly string[], judged = tokens.length): Promise<Visit[]> {
  const visits = Promise.all(tokens.map(async (token): Promise<Visit> => {
    const client = await place.connect();
    return { client, response: await client.upgrade("/ws", place.headers(token), 20_000) };
  }));
  await until(() => place.judging.length >= judged, `${judged} handshakes being judged`, 20_000);
  for (const one of place.judging.splice(0)) one.accept();
  return await visits;
}

function counted(visits: readonly Visit[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { response: { status, body } } of visits) {
    const key = status === 101 ? "101" : `${status} ${JSON.parse(body).error}`;
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
}

function leave(visits: readonly Visit[]): void {
  for (const { client } of visits) client.close();
}

for (const engine of ENGINES) {
  const start = (server: Record<string, unknown> = {}) =>
    InProcess.start({ engine, config: { server, limits: LIMITS } });

  Deno.test(`${engine}: of forty handshakes of one user judged at once exactly two are let in where two may be`, async () => {
    await using place = await start({ max_connections_per_user: 2 });
    const first = await atOnce(place, Array.from({ length: 40 }, () => "ann"));
    assertEquals(counted(first), { "101": 2, "429 too_many_connections": 38 });
    for (const { response } of first) {
      assert(response.status === 101 || Number(response.headers.get("retry-after")) >= 1);
    }
    // Another user notices nothing, and the places are free again once their connections have ended.
    const other = await atOnce(place, ["bob", "bob"]);
    assertEquals(counted(other), { "101": 2 });
    leave(first);
    await until(() => place.server.registry.countOfUser("ann") === 0, "the end of both", 20_000);
    const again = await atOnce(place, ["ann", "ann", "ann"]);
    assertEquals(counted(again), { "101": 2, "429 too_many_connections": 1 });
    leave([...other, ...again]);
  });

  Deno.test(`${engine}: of twenty handshakes judged at once exactly three are let in where the server takes three`, async () => {
    await using place = await start({ max_connections: 3 });
    const visits = await atOnce(place, Array.from({ length: 20 }, (_, index) => `user ${index}`), 3);
    assertEquals(counted(visits), { "101": 3, "503 server_full": 17 });
    leave(visits);
  });

  for (
    const [what, happen, status, code, reason] of [
      [
        "revoked",
        (place: InProcess, user: string) => void place.server.rights.revoke({ sub: user }),
        401,
        4401,
        "token_revoked",
      ],
      [
        "banned",
        (place: InProcess, user: string) => void place.server.limits.bans.add(`user:${user}`),
        429,
        1008,
        "banned",
      ],
    ] as const
  ) {
    Deno.test(`${engine}: a user that is ${what} at any moment between judgement and opening is not inside afterwards`, async () => {
      await using place = await start();
      for (let step = 0; step < 30; step++) {
        const user = `user-${step}`;
        using client = await place.connect();
        const opening = client.upgrade("/ws", place.headers(user), 20_000);
        await until(() => place.judging.length === 1, "the handshake being judged", 20_000);
        place.judging.pop()!.accept();
        await steps(step);
        happen(place, user);
        const response = await opening;
        if (response.status !== 101) {
          assertEquals([response.status, JSON.parse(response.body).error], [status, reason], `after ${step} steps`);
        } else {
          assertEquals(await client.nextClose(20_000), { code, reason }, `after ${step} steps`);
          await client.sendClose(code);
        }
        await until(() => place.server.registry.countOfUser(user) === 0, `the end of ${user}`, 20_000);
      }
      const honest = await atOnce(place, ["honest"]);
      assertEquals(counted(honest), { "101": 1 });
      leave(honest);
    });
  }

  Deno.test(`${engine}: an error in admission lets no client in, and delays no other`, async () => {
    await using place = await start({ max_connections: 3 });
    const failing = Array.from({ length: 3 }, async () => {
      const client = await place.connect();
      return { client, response: await client.upgrade("/ws", place.headers("ann"), 20_000) };
    });
    await until(() => place.judging.length === 3, "three handshakes being judged", 20_000);
    for (const one of place.judging.splice(0)) one.fail(new Error("the verifier broke: hunter2"));
    const refused = await Promise.all(failing);
    assertEquals(counted(refused), { "503 overloaded": 3 });
    assertEquals(place.server.registry.size, 0);
    for (const { response } of refused) {
      assert(Number(response.headers.get("retry-after")) >= 1);
      assert(!response.body.includes("hunter2"));
    }
    assert(place.lines.some(({ event, level }) => event === "handshake.failed" && level === "error"));
    // Their places were given back: three more find room.
    const visits = await atOnce(place, ["bob", "cyd", "dan"]);
    assertEquals(counted(visits), { "101": 3 });
    leave([...refused, ...visits]);
  });
}

/** Lets promises go on for so many steps; from the twenty-fifth on the event loop turns as well. */
async function steps(count: number): Promise<void> {
  for (let step = 0; step < Math.min(count, 25); step++) await Promise.resolve();
  for (let turn = 25; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}

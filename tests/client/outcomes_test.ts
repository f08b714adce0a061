/** Each end of an attempt or a connection: does the client come back, when, and with which token. */
import { FINAL, isFinal, TOKEN_REFUSED, TRANSIENT } from "../../client/outcomes.ts";
import {
  CLOSE_CODES,
  CLOSE_REASONS,
  closeFor,
  ERRORS,
  REASONS,
  REFUSALS,
  type Retry,
} from "../../lib/gate/outcomes.ts";
import { assert, assertEquals } from "../assert.ts";
import { settle, soon, World } from "./world.ts";

/** `at once` is: with a new token. */
type Back = "never" | "later" | "at once";

const BACK: Readonly<Record<Retry, Back>> = {
  never: "never",
  later: "later",
  when_told: "later",
  new_token: "at once",
};

/** Every close of the server's catalogue, and what a client can see besides. */
const ENDS: readonly [code: number, reason: string, back: Back][] = [
  ...CLOSE_REASONS.map((cause): [number, string, Back] => {
    const { code, reason } = closeFor(cause);
    return [code, reason, BACK[CLOSE_CODES.get(code)!.retry]];
  }),
  [1000, "bye", "never"],
  [1005, "", "later"],
  [1006, "", "later"],
  [1012, "", "later"],
  [1014, "", "later"],
  [4999, "", "later"],
];

async function assertBack(world: World, code: number, reason: string, back: Back): Promise<void> {
  await settle();
  const { why } = world;
  assert(why, "a reason was given");
  assertEquals([why.code, why.reason, why.final], [code, reason, back === "never"]);
  assertEquals(world.client.state, back === "never" ? "closed" : "waiting");
  const asked = world.asks.length;
  const attempts = () => world.asks.length - asked;
  if (back === "never") {
    await world.pass(86_400_000);
    assertEquals(attempts(), 0, "attempts in a day");
    return;
  }
  const delay = back === "later" ? 250 : 0; // half of 500 ms, random being 0.5
  assertEquals(why.retryInMs, delay);
  if (delay > 0) {
    await world.pass(delay - 1);
    assertEquals(attempts(), 0, "attempts too early");
    await world.pass(1);
  } else await world.pass(0);
  assertEquals([attempts(), world.asks.at(-1)], [1, back === "later" ? "connect" : "refused"]);
  assertEquals(world.client.state, "open");
}

for (const [code, reason, back] of ENDS) {
  Deno.test(`a connection closed ${code} ${reason} comes back: ${back}`, async () => {
    using world = await World.open();
    world.socket.end(code, reason);
    await assertBack(world, code, reason, back);
  });
}

for (const reason of REASONS) {
  const { status, retry } = REFUSALS[reason];
  const back = BACK[retry];
  Deno.test(`a ticket refused ${status} ${reason} comes back: ${back}`, async () => {
    using world = new World({ via: "ticket" });
    world.ticketAnswers.push({ status, error: reason });
    const connected = world.client.connect().then(() => "open", (error) => error);
    await assertBack(world, status, reason, back);
    const result = await soon(connected, "connect()");
    if (back === "never") assertEquals([result.code, result.message, result.outcome], [status, reason, "not_sent"]);
    else assertEquals(result, "open");
  });
}

Deno.test("the library's tables are those of the server's catalogue", () => {
  const codes: [number, Retry][] = [
    ...Object.values(REFUSALS).map(({ status, retry }): [number, Retry] => [status, retry]),
    ...[...CLOSE_CODES].map(([code, { retry }]): [number, Retry] => [code, retry]),
  ];
  const sorted = (some: Iterable<number>) => [...new Set(some)].sort((a, b) => a - b);
  const that = (...retries: Retry[]) =>
    sorted(codes.filter(([, retry]) => retries.includes(retry)).map(([code]) => code));
  assertEquals(that("never"), sorted(FINAL));
  assertEquals(that("new_token"), sorted(TOKEN_REFUSED));
  const transient = ERRORS.filter(({ retry }) => retry !== "never").map(({ code }) => code);
  assertEquals(sorted(transient), sorted(TRANSIENT));
});

Deno.test("a status that brings no reason comes from something before the server, and is not final", async () => {
  for (const status of [200, 403, 404, 500, 502, 504]) {
    using world = new World({ via: "ticket" });
    world.ticketAnswers.push({ status });
    world.connect();
    await settle();
    assertEquals([world.client.state, world.why?.code], ["waiting", status]);
  }
  assert(isFinal({ code: 404, reason: "not_found" }));
  assert(!isFinal({ code: 404, reason: "" }));
});

Deno.test("a second token that is refused with 401 is final", async () => {
  using world = new World({ via: "ticket" });
  world.ticketAnswers.push({ status: 401, error: "token_expired" }, { status: 401, error: "token_invalid" });
  world.connect();
  await world.pass(0);
  assertEquals(world.asks, ["connect", "refused"]);
  assertEquals(world.why, { code: 401, reason: "token_invalid", final: true });
});

Deno.test("4401 is answered with a new token at once, once; then with growing delays", async () => {
  using world = await World.open();
  const before = world.nowMs;
  world.socket.end(4401, "token_revoked");
  await world.pass(0);
  assertEquals([world.client.state, world.nowMs - before], ["open", 0]);
  world.socket.end(4401, "token_revoked");
  assertEquals([world.client.state, world.why?.retryInMs], ["waiting", 500]);
  await world.pass(500);
  world.socket.end(4401, "token_revoked");
  assertEquals(world.why?.retryInMs, 1_000);
  assertEquals(world.asks, ["connect", "refused", "refused"]);
  await world.pass(1_000 + 10_000);
  world.socket.end(4401, "token_expired");
  assertEquals(world.why?.retryInMs, 0, "at once again after ten seconds open");
});

Deno.test("a final end is final: nothing wakes the client but connect()", async () => {
  using world = await World.open();
  world.socket.end(1008, "kicked");
  await world.pass(3_600_000);
  assertEquals([world.client.state, world.sockets.length, world.timers], ["closed", 1, 0]);
  const connected = world.client.connect();
  await soon(connected, "connect()");
  assertEquals([world.client.state, world.sockets.length], ["open", 2]);
});

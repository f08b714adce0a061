/** Each end of an attempt or a connection: does the client come back, when, and with which token. */
import { FINAL, isFinal, TOKEN_REFUSED } from "../../client/outcomes.ts";
import { REASONS, statusOf } from "../../lib/gate/gate.ts";
import { assert, assertEquals } from "../assert.ts";
import { settle, World } from "./world.ts";

/** `at once` is: with a new token. */
type Back = "never" | "later" | "at once";

/** What the server's contract says of each close code. */
const CLOSES: readonly [code: number, reason: string, back: Back][] = [
  [1000, "bye", "never"],
  [1001, "draining", "later"],
  [1002, "protocol_error", "never"],
  [1003, "binary_not_taken", "never"],
  [1005, "", "later"],
  [1006, "", "later"],
  [1007, "invalid_utf8", "never"],
  [1008, "rate_limited", "never"],
  [1008, "invalid_messages", "never"],
  [1008, "too_many_fragments", "never"],
  [1008, "kicked", "never"],
  [1008, "banned", "never"],
  [1009, "message_too_big", "never"],
  [1011, "internal", "later"],
  [1012, "", "later"],
  [1013, "slow_consumer", "later"],
  [1014, "", "later"],
  [4401, "token_expired", "at once"],
  [4401, "token_revoked", "at once"],
  [4401, "session_expired", "at once"],
  [4408, "idle", "later"],
  [4999, "", "later"],
];

const BY_STATUS: Readonly<Record<number, Back>> = {
  400: "never",
  401: "at once",
  403: "never",
  404: "never",
  405: "never",
  408: "later",
  426: "never",
  429: "later",
  431: "never",
  503: "later",
};

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

for (const [code, reason, back] of CLOSES) {
  Deno.test(`a connection closed ${code} ${reason} comes back: ${back}`, async () => {
    using world = await World.open();
    world.socket.end(code, reason);
    await assertBack(world, code, reason, back);
  });
}

for (const reason of REASONS) {
  const status = statusOf(reason);
  const back = BY_STATUS[status]!;
  Deno.test(`a ticket refused ${status} ${reason} comes back: ${back}`, async () => {
    using world = new World({ via: "ticket" });
    world.ticketAnswers.push({ status, error: reason });
    const connected = world.client.connect().then(() => "open", (error) => error);
    await assertBack(world, status, reason, back);
    const result = await connected;
    if (back === "never") assertEquals([result.code, result.message, result.outcome], [status, reason, "not_sent"]);
    else assertEquals(result, "open");
  });
}

Deno.test("every status of the server's catalogue has a row, and every row of the library is named here", () => {
  for (const reason of REASONS) assert(BY_STATUS[statusOf(reason)], `${statusOf(reason)} ${reason}`);
  const rows = [...Object.entries(BY_STATUS), ...CLOSES.map(([code, , back]) => [String(code), back])];
  const named = (back: Back) => [...new Set(rows.filter((row) => row[1] === back).map(([code]) => Number(code)))];
  const sorted = (codes: readonly number[]) => [...codes].sort((a, b) => a - b);
  assertEquals(sorted(named("never")), sorted(FINAL));
  assertEquals(sorted(named("at once")), sorted(TOKEN_REFUSED));
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
  await connected;
  assertEquals([world.client.state, world.sockets.length], ["open", 2]);
});

import type { Verified } from "../../lib/gate/gate.ts";
import { assert, assertEquals } from "../assert.ts";
import { Toll, type TollDeps } from "../../lib/admission/toll.ts";
import { OutOfTurn } from "../../lib/timing/out_of_turn.ts";
import { ALICE, contextWith } from "../helpers/admission.ts";

const GOOD: Verified = { ok: true, identity: ALICE };
const FORGED: Verified = { ok: false, reason: "token_invalid", detail: "why" };
const IP = "192.0.2.1";
const here = () => false;

/** Tokens taken and given back, and reports, in order. */
function booked(changes: Partial<TollDeps> = {}): TollDeps & { readonly book: string[] } {
  const book: string[] = [];
  const context = contextWith(changes);
  return {
    ...context,
    book,
    takeHandshake: (ip) => (book.push("take"), context.takeHandshake(ip)),
    returnHandshake: () => void book.push("return"),
    takeUserHandshake: (user) => (book.push(`take ${user}`), context.takeUserHandshake(user)),
    forged: () => void book.push("forged"),
  };
}

/** The reason of the outcome, and what is in the book. */
async function judged(deps: TollDeps & { readonly book: string[] }, verdict: Verified): Promise<[string, ...string[]]> {
  const outcome = await new Toll(IP, deps).judge(() => Promise.resolve(verdict), here);
  return ["accepted" in outcome ? outcome.reason : outcome.user, ...deps.book];
}

Deno.test("Toll: a user with a valid credential pays, and the address gets its token back", async () => {
  assertEquals(await judged(booked(), GOOD), ["alice", "take", "take alice", "return"]);
});

Deno.test("Toll: the address of a flood by one user gets nothing back", async () => {
  const deps = booked({ takeUserHandshake: () => 1500 });
  assertEquals(await judged(deps, GOOD), ["rate_limited", "take", "take alice"]);
  assertEquals(await judged(booked({ userBanned: () => 1500 }), GOOD), ["banned", "take"]);
});

Deno.test("Toll: the address pays for an invalid credential; forged tokens are reported, others not", async () => {
  assertEquals(await judged(booked(), FORGED), ["token_invalid", "take", "forged"]);
  for (const reason of ["token_expired", "token_revoked"] as const) {
    assertEquals(await judged(booked(), { ok: false, reason, detail: "" }), [reason, "take"]);
  }
});

Deno.test("Toll: an address without tokens, or banned, is let in with a valid credential and pays nothing", async () => {
  assertEquals(await judged(booked({ takeHandshake: () => 1500 }), GOOD), ["alice", "take", "take alice"]);
  assertEquals(await judged(booked({ addressBanned: () => 1500 }), GOOD), ["alice", "take alice"]);
});

Deno.test("Toll: out of turn a forged token is refused as none, and one that was valid is told so", async () => {
  for (
    const [changes, reason] of [[{ takeHandshake: () => 1500 }, "rate_limited"], [
      { addressBanned: () => 1500 },
      "banned",
    ]] as const
  ) {
    const deps = booked(changes);
    const toll = new Toll(IP, deps);
    assertEquals([toll.refusal?.reason, toll.refusal?.retryAfter], [reason, 2]);
    const outcome = await toll.judge(() => Promise.resolve(FORGED), here);
    assert("accepted" in outcome);
    assertEquals([outcome.reason, outcome.retryAfter, deps.book.at(-1)], [reason, 2, "forged"]);
    const expired: Verified = { ok: false, reason: "token_expired", detail: "" };
    assertEquals((await judged(booked(changes), expired))[0], "token_expired");
  }
});

Deno.test("Toll: out of turn one credential of an address is judged at a time, in order; other addresses don't wait", async () => {
  const turns = new OutOfTurn();
  const deps = booked({ takeHandshake: () => 1500, turn: (ip) => turns.turn(ip) });
  const begun: string[] = [];
  const doors: PromiseWithResolvers<Verified>[] = [];
  const judge = (name: string, ip = IP, gone = here) => {
    const door = Promise.withResolvers<Verified>();
    doors.push(door);
    return new Toll(ip, deps).judge(() => (begun.push(name), door.promise), gone);
  };
  const outcomes = [judge("first"), judge("second"), judge("left", IP, () => true), judge("third")];
  const other = judge("other", "192.0.2.2");
  await new Promise((resolve) => setTimeout(resolve, 0));
  assertEquals(begun, ["first", "other"]);
  doors[0]!.reject(new Error("even if the verifier fails"));
  assertEquals(await outcomes[0]!.catch((error: Error) => error.message), "even if the verifier fails");
  await new Promise((resolve) => setTimeout(resolve, 0));
  assertEquals(begun, ["first", "other", "second"]);
  doors[1]!.resolve(GOOD);
  const left = await outcomes[2]!;
  assert("accepted" in left, "a client that has left is not judged");
  await new Promise((resolve) => setTimeout(resolve, 0));
  assertEquals(begun, ["first", "other", "second", "third"]);
  for (const door of doors) door.resolve(GOOD);
  await Promise.all([...outcomes.slice(1), other]);
  assertEquals(turns.size, 0);
});

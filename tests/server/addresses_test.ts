import { assert, assertEquals } from "../assert.ts";
import { Addresses } from "../../lib/server/addresses.ts";

Deno.test("Addresses.enter() gives exactly as many places as there are, and each back once", () => {
  const addresses = new Addresses();
  const entries = [addresses.enter("a", 2), addresses.enter("a", 2)];
  assertEquals(addresses.enter("a", 2), null);
  assert(addresses.enter("b", 2) !== null);
  entries[0]!.leave();
  entries[0]!.leave();
  assert(addresses.enter("a", 2) !== null);
  assertEquals(addresses.enter("a", 2), null);
});

Deno.test("Addresses keeps nothing of an address that has left", () => {
  const addresses = new Addresses();
  for (let i = 0; i < 1000; i++) addresses.enter(String(i), 1)!.leave();
  assertEquals(addresses.size, 0);
});

import { assert, assertEquals } from "../assert.ts";
import { Addresses } from "../../lib/server/addresses.ts";
import { Reservations } from "../../lib/server/reservations.ts";

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

Deno.test("Reservations holds a place until it is claimed or its time is over", () => {
  const reservations = new Reservations(1_000);
  const [claimed, forgotten] = [{}, {}];
  reservations.add(claimed, "ann", 0);
  reservations.add(forgotten, "ann", 500);
  assertEquals([reservations.count(500), reservations.countOfUser("ann", 500)], [2, 2]);
  reservations.release(claimed);
  reservations.release(claimed);
  assertEquals([reservations.count(1_499), reservations.countOfUser("ann", 1_499)], [1, 1]);
  assertEquals([reservations.count(1_500), reservations.countOfUser("ann", 1_500)], [0, 0]);
  reservations.release(forgotten);
  assertEquals(reservations.countOfUser("ann", 2_000), 0);
});

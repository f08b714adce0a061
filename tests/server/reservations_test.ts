import { assertEquals } from "../assert.ts";
import { Reservations } from "../../lib/server/reservations.ts";

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

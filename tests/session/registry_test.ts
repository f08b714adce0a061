import { assertEquals } from "../assert.ts";
import { Registry } from "../../lib/session/registry.ts";

Deno.test("Registry finds sessions by id and by user, and forgets them whole", () => {
  const registry = new Registry();
  const [a1, a2, b] = [{ id: "1", userId: "ann" }, { id: "2", userId: "ann" }, { id: "3", userId: "bob" }];
  for (const session of [a1, a2, b]) registry.add(session);
  assertEquals([registry.size, registry.countOfUser("ann"), registry.countOfUser("bob")], [3, 2, 1]);
  assertEquals(registry.ofUser("ann"), [a1, a2]);
  assertEquals(registry.get("3"), b);
  registry.delete(a1);
  registry.delete(a1);
  registry.delete(b);
  assertEquals([registry.all(), registry.ofUser("bob"), registry.countOfUser("bob")], [[a2], [], 0]);
  assertEquals(registry.get("1"), undefined);
});

Deno.test("Registry gives snapshots, so that sessions may end while one goes through them", () => {
  const registry = new Registry();
  for (let i = 0; i < 5; i++) registry.add({ id: String(i), userId: "ann" });
  let seen = 0;
  for (const session of registry.ofUser("ann")) {
    registry.delete(session);
    seen++;
  }
  assertEquals([seen, registry.size], [5, 0]);
});

import { LocalPresence } from "../../lib/cluster/local_presence.ts";
import { assertEquals } from "../assert.ts";

Deno.test("LocalPresence counts the subscriptions of each user on each topic, in the order of the first", () => {
  const presence = new LocalPresence();
  assertEquals(["ann", "bob", "ann"].map((user) => presence.join("m", "room", user)), [1, 1, 2]);
  presence.join("m", "other", "eve");
  presence.join("n", "room", "eve");
  assertEquals(presence.users("m", "room"), [{ user: "ann", connections: 2 }, { user: "bob", connections: 1 }]);
  assertEquals(["ann", "bob", "eve"].map((user) => presence.count("m", "room", user)), [2, 1, 0]);
  assertEquals([...presence.all()], [["m", "room", "ann"], ["m", "room", "bob"], ["m", "other", "eve"], [
    ...["n", "room", "eve"] as const,
  ]]);
});

Deno.test("LocalPresence keeps nothing of a topic that its last user has left", () => {
  const presence = new LocalPresence();
  for (const users of [["ann"], ["ann", "ann"], ["ann", "bob"]]) {
    for (const user of users) presence.join("m", "room", user);
    assertEquals([presence.leave("m", "room", "eve"), presence.leave("m", "else", "ann")], [0, 0]);
    assertEquals(presence.users("m", "room").length, new Set(users).size);
    const left = users.map((user) => presence.leave("m", "room", user));
    assertEquals(left, users.map((user, index) => users.slice(index + 1).filter((other) => other === user).length));
    assertEquals([presence.users("m", "room"), [...presence.all()], presence.leave("m", "room", "ann")], [[], [], 0]);
  }
});

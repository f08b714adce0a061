import { Backlog } from "../../lib/timing/backlog.ts";
import { assertEquals, assertThrows } from "../assert.ts";

function filled(...items: string[]): Backlog<string> {
  const backlog = new Backlog<string>();
  for (const item of items) backlog.add(item);
  return backlog;
}

Deno.test("Backlog.run() runs the items in order, each once, and says that none is left", () => {
  const backlog = filled("a", "b", "c");
  const ran: string[] = [];
  assertEquals(backlog.run((item) => ran.push(item) > 0), true);
  assertEquals([ran, backlog.size], [["a", "b", "c"], 0]);
  assertEquals(backlog.run(() => true), true, "an empty one");
});

Deno.test("Backlog.run() stops at an item that can't go on, which stays the first", () => {
  const backlog = filled("a", "b", "c");
  const ran: string[] = [];
  assertEquals(backlog.run((item) => ran.push(item) < 2), false);
  assertEquals([ran, backlog.size], [["a", "b"], 2]);
  backlog.run((item) => ran.push(item) > 0);
  assertEquals(ran, ["a", "b", "b", "c"]);
});

Deno.test("Backlog.run() within run does nothing, and the running item counts", () => {
  const backlog = filled("a", "b");
  const ran: string[] = [];
  backlog.run((item) => {
    ran.push(`${item} ${backlog.size}`);
    if (item === "a") backlog.add("c");
    assertEquals(backlog.run((inner) => ran.push(`inner ${inner}`) > 0), false);
    return true;
  });
  assertEquals(ran, ["a 2", "b 2", "c 1"]);
});

Deno.test("Backlog.run() that throws has run that item, and goes on with the next one", () => {
  const backlog = filled("a", "b");
  assertThrows(() =>
    backlog.run(() => {
      throw new Error("broken");
    })
  );
  const ran: string[] = [];
  assertEquals(backlog.run((item) => ran.push(item) > 0), true);
  assertEquals(ran, ["b"]);
});

Deno.test("Backlog.clear() within run leaves nothing but the running item", () => {
  const backlog = filled("a", "b");
  const ran: string[] = [];
  backlog.run((item) => {
    backlog.clear();
    return ran.push(item) > 0;
  });
  assertEquals([ran, backlog.size], [["a"], 0]);
});

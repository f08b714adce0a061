import { MemoryStore } from "../../lib/store/memory.ts";
import { openStore, type Store } from "../../lib/store/store.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { Clock, Lines } from "../helpers/limits.ts";

/** Runs a test on each kind of store, each new, on a simulated clock. */
function each(name: string, test: (store: Store, clock: Clock) => void): void {
  for (const kind of ["memory", "sqlite"] as const) {
    Deno.test(`Store (${kind}) ${name}`, () => {
      const folder = Deno.makeTempDirSync({ prefix: "sallyport-store-" });
      const clock = new Clock();
      const log = new Lines();
      const store = openStore({ kind, path: `${folder}/state.db` }, { log, now: clock.now });
      try {
        assertEquals(store.kind, kind);
        test(store, clock);
        assert(store.writable());
        assertEquals(log.events(), []);
      } finally {
        store.close();
        Deno.removeSync(folder, { recursive: true });
      }
    });
  }
}

each("set() writes and replaces, get() reads", (store) => {
  assertEquals(store.get("a", "key"), undefined);
  store.set("a", "key", "1", Infinity);
  store.set("b", "key", "2", Infinity);
  store.set("a", "key", "3", Infinity);
  assertEquals([store.get("a", "key"), store.get("b", "key")], ["3", "2"]);
});

each("add() writes only where nothing is", (store, clock) => {
  assertEquals(store.add("a", "key", "1", clock.time + 10), true);
  assertEquals(store.add("a", "key", "2", Infinity), false);
  assertEquals(store.get("a", "key"), "1");
  clock.advance(10);
  assertEquals(store.add("a", "key", "3", Infinity), true);
  assertEquals(store.get("a", "key"), "3");
});

each("take() gives a record once", (store) => {
  store.set("a", "key", "1", Infinity);
  assertEquals([store.take("a", "key"), store.take("a", "key"), store.get("a", "key")], ["1", undefined, undefined]);
  assertEquals(store.add("a", "key", "2", Infinity), true);
});

each("delete() tells whether there was one", (store) => {
  store.set("a", "key", "1", Infinity);
  assertEquals([store.delete("a", "key"), store.delete("a", "key")], [true, false]);
});

each("treats a record as absent from the moment it expires", (store, clock) => {
  store.set("a", "key", "1", clock.time + 100);
  clock.advance(99);
  assertEquals(store.get("a", "key"), "1");
  assertEquals(store.list("a").length, 1);
  clock.advance(1);
  assertEquals([store.get("a", "key"), store.take("a", "key")], [undefined, undefined]);
  assertEquals(store.list("a"), []);
  assertEquals(store.delete("a", "key"), false);
});

each("list() gives the records of one space with their expiry", (store, clock) => {
  const expiresAt = clock.time + 0.5;
  store.set("a", "1", "one", expiresAt);
  store.set("a", "2", "two", Infinity);
  store.set("b", "3", "three", Infinity);
  const records = store.list("a").sort((a, b) => a.key.localeCompare(b.key));
  assertEquals(records, [{ key: "1", value: "one", expiresAt }, { key: "2", value: "two", expiresAt: Infinity }]);
});

each("purge() forgets what has expired and nothing else", (store, clock) => {
  for (let i = 0; i < 100; i++) store.set("a", `${i}`, "x", clock.time + i + 1);
  clock.advance(50);
  store.purge();
  assertEquals(store.list("a").length, 50);
});

each("flush() can be called at any time", (store) => {
  store.flush();
  store.set("a", "key", "1", Infinity);
  store.flush();
  assertEquals(store.get("a", "key"), "1");
});

each("keeps keys and values apart, whatever is in them", (store) => {
  const odd = [
    "",
    " ",
    "a\0b",
    "a",
    "'; DROP TABLE record; --",
    "ключ 🔑",
    "__proto__",
    "x".repeat(10_000),
    "\\",
    '\\"a"',
    "\ud800",
    "\ud801",
  ];
  for (const key of odd) store.set("a", key, `value of ${key}`, Infinity);
  for (const key of odd) assertEquals(store.get("a", key), `value of ${key}`);
  assertEquals(store.list("a").map(({ key }) => key).sort(), odd.toSorted());
  for (const key of odd) assertEquals(store.take("a", key), `value of ${key}`);
});

Deno.test("MemoryStore holds nothing of what has expired once much more is written", () => {
  const clock = new Clock();
  const store = new MemoryStore(clock.now);
  store.set("old", "key", "x", clock.time + 1);
  clock.advance(1);
  for (let i = 0; i < 4096; i++) store.set("new", `${i}`, "x", Infinity);
  assertEquals(store.spaces(), ["new"]);
});

each("forgets by itself what has expired when much is written", (store, clock) => {
  for (let i = 0; i < 6000; i++) {
    store.set("a", `${i}`, "x", clock.time + 1);
    clock.advance(1);
  }
  assertEquals(store.list("a").length, 0);
});

Deno.test("openStore() refuses kind sqlite without a path", () => {
  assertThrows(() => openStore({ kind: "sqlite" }, { log: new Lines(), now: Date.now }), TypeError, "needs a path");
});

import { DatabaseSync } from "node:sqlite";
import { SqliteStore } from "../../lib/store/sqlite.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";

function withFolder(test: (path: string) => void): void {
  const folder = Deno.makeTempDirSync({ prefix: "sallyport-store-" });
  try {
    test(`${folder}/state.db`);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test("SqliteStore keeps records over close and open", () =>
  withFolder((path) => {
    const first = new SqliteStore(path, Date.now);
    first.set("a", "key", "1", Infinity);
    first.close();
    const second = new SqliteStore(path, Date.now);
    assertEquals(second.all(), [{ space: "a", key: "key", value: "1", expiresAt: Infinity }]);
    second.close();
  }));

Deno.test("SqliteStore makes files that only their owner can read", () =>
  withFolder((path) => {
    const store = new SqliteStore(path, Date.now);
    store.set("a", "key", "1", Infinity);
    for (const file of [path, `${path}-wal`, `${path}-shm`]) {
      assertEquals((Deno.statSync(file).mode! & 0o777).toString(8), "600", file);
    }
    store.close();
  }));

Deno.test("SqliteStore add() and take() succeed for exactly one of two processes that share the file", () =>
  withFolder((path) => {
    const [one, two] = [new SqliteStore(path, Date.now), new SqliteStore(path, Date.now)];
    for (let i = 0; i < 100; i++) {
      const [first, second] = i % 2 ? [one, two] : [two, one];
      assertEquals([first.add("t", `${i}`, "x", Infinity), second.add("t", `${i}`, "y", Infinity)], [true, false]);
      assertEquals([second.take("t", `${i}`), first.take("t", `${i}`)], ["x", undefined]);
    }
    one.close();
    two.close();
  }));

Deno.test("SqliteStore sees at once what another process has written", () =>
  withFolder((path) => {
    const [one, two] = [new SqliteStore(path, Date.now), new SqliteStore(path, Date.now)];
    one.set("a", "key", "1", Infinity);
    assertEquals(two.get("a", "key"), "1");
    one.close();
    two.close();
  }));

Deno.test("SqliteStore refuses a file of a later version, and leaves it as it is", () =>
  withFolder((path) => {
    const later = new DatabaseSync(path);
    later.exec("PRAGMA user_version = 2; CREATE TABLE other (x)");
    later.close();
    assertThrows(() => new SqliteStore(path, Date.now), Error, "Cannot use a state file of version 2");
    const after = new DatabaseSync(path);
    assertEquals(after.prepare("SELECT name FROM sqlite_master").all().map(({ name }) => name), ["other"]);
    after.close();
  }));

Deno.test("SqliteStore apply() makes all changes or none", () =>
  withFolder((path) => {
    const store = new SqliteStore(path, Date.now);
    store.set("a", "old", "1", Infinity);
    function* failing() {
      yield { space: "a", key: "old" };
      yield { space: "a", key: "new", value: "2", expiresAt: Infinity };
      throw new Error("Stopped half-way");
    }
    assertThrows(() => store.apply(failing()), Error, "half-way");
    assertEquals(store.list("a").map(({ key }) => key), ["old"]);
    store.apply([{ space: "a", key: "old" }, { space: "a", key: "new", value: "2", expiresAt: Infinity }]);
    assertEquals(store.list("a").map(({ key }) => key), ["new"]);
    store.close();
  }));

Deno.test("SqliteStore present() notices that the file was removed or replaced", () =>
  withFolder((path) => {
    const store = new SqliteStore(path, Date.now);
    assert(store.present());
    Deno.renameSync(path, `${path}.old`);
    assert(!store.present());
    Deno.copyFileSync(`${path}.old`, path);
    assert(!store.present());
    store.close();
  }));

Deno.test("SqliteStore keeps bans and revocations that a clock set forward took for expired", () =>
  withFolder((path) => {
    const [now, day] = [Date.UTC(2026, 10, 25), 86_400_000];
    const first = new SqliteStore(path, () => now);
    for (const space of ["ban", "revocation", "ticket"]) first.set(space, "key", "1", now + day);
    first.close();
    const ahead = new SqliteStore(path, () => now + 2 * day);
    ahead.purge();
    assertEquals(ahead.all(), [], "expired by its clock");
    ahead.close();
    const right = new SqliteStore(path, () => now + 1000);
    assertEquals(right.all().map(({ space }) => space), ["ban", "revocation"]);
    right.close();
    const late = new SqliteStore(path, () => now + 9 * day);
    late.close();
    const after = new SqliteStore(path, () => now);
    assertEquals(after.all(), [], "and not for ever");
    after.close();
  }));

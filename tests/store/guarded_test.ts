import { DatabaseSync } from "node:sqlite";
import { openStore, type Store } from "../../lib/store/store.ts";
import { assert, assertEquals, assertGreater, assertMatch } from "../assert.ts";
import { optional } from "../helpers/optional.ts";
import { Clock, Lines } from "../helpers/limits.ts";

interface Guarded {
  folder: string;
  path: string;
  clock: Clock;
  log: Lines;
  open(path?: string): Store;
}

async function guarded(test: (fixture: Guarded) => void | Promise<void>): Promise<void> {
  const folder = Deno.makeTempDirSync({ prefix: "sallyport-store-" });
  const [clock, log] = [new Clock(), new Lines()];
  const path = `${folder}/state.db`;
  const opened: Store[] = [];
  const open = (file = path) => {
    const store = openStore({ kind: "sqlite", path: file }, { log, now: clock.now });
    opened.push(store);
    return store;
  };
  try {
    await test({ folder, path, clock, log, open });
  } finally {
    for (const store of opened) store.close();
    Deno.removeSync(folder, { recursive: true });
  }
}

/** Every operation works, in memory. */
function assertDefends(store: Store): void {
  assertEquals(store.writable(), false);
  store.set("x", "a", "1", Infinity);
  assertEquals(store.get("x", "a"), "1");
  assertEquals([store.add("x", "a", "2", Infinity), store.add("x", "b", "2", Infinity)], [false, true]);
  assertEquals([store.take("x", "a"), store.take("x", "a")], ["1", undefined]);
  assertEquals(store.list("x").map(({ key }) => key), ["b"]);
  assertEquals([store.delete("x", "b"), store.delete("x", "b")], [true, false]);
  store.flush();
  store.purge();
}

function assertFailedOnce(log: Lines, path: string, error: RegExp): void {
  assertEquals(log.events(), ["store.failed"]);
  const [fields] = log.of("store.failed");
  assertEquals(fields!.path, path);
  assertEquals(fields!.instead, "memory");
  assertMatch(fields!.error as string, error);
}

Deno.test("GuardedStore without its folder says so, defends with memory, and catches up once it is there", () =>
  guarded(({ folder, clock, log, open }) => {
    const path = `${folder}/later/state.db`;
    const store = open(path);
    assertDefends(store);
    assertFailedOnce(log, path, /No such file/);
    store.set("ban", "user:ann", "{}", Infinity);
    Deno.mkdirSync(`${folder}/later`);
    clock.advance(4999);
    assertEquals(store.writable(), false);
    clock.advance(1);
    assertEquals(store.writable(), true);
    assertEquals(log.events(), ["store.failed", "store.recovered"]);
    assertEquals(store.epoch, 1);
    assertEquals(open(path).list("ban").map(({ key }) => key), ["user:ann"]);
  }));

Deno.test("GuardedStore tries again at intervals, and repeats no line while the reason is the same", () =>
  guarded(({ folder, clock, log, open }) => {
    const store = open(`${folder}/later/state.db`);
    for (let i = 0; i < 100; i++) {
      clock.advance(1000);
      store.set("a", `${i}`, "x", Infinity);
    }
    assertEquals(log.events(), ["store.failed"]);
  }));

Deno.test("GuardedStore tries a file again no sooner than five seconds after it failed", () =>
  guarded(({ folder, clock, open }) => {
    const store = open(`${folder}/later/state.db`);
    Deno.mkdirSync(`${folder}/later`);
    clock.advance(4_999);
    assertEquals(store.writable(), false);
    clock.advance(1);
    assertEquals(store.writable(), true);
  }));

Deno.test("GuardedStore with a file that is no database leaves it alone", () =>
  guarded(({ path, log, open }) => {
    const garbage = "not a database ".repeat(1000);
    Deno.writeTextFileSync(path, garbage);
    assertDefends(open());
    assertFailedOnce(log, path, /not a database/);
    assertEquals(Deno.readTextFileSync(path), garbage);
  }));

Deno.test("GuardedStore with a path on a read-only file system says so and defends with memory", () =>
  guarded(({ log, open }) => {
    // Not even root can make a file there.
    assertDefends(open("/proc/sallyport-state.db"));
    assertEquals(log.events(), ["store.failed"]);
  }));

Deno.test("GuardedStore with a directory for a file says so and defends with memory", () =>
  guarded(({ folder, log, open }) => {
    assertDefends(open(folder));
    assertFailedOnce(log, folder, /directory/i);
  }));

Deno.test("GuardedStore whose file is corrupted while it is open says so, and keeps what it knows", () =>
  guarded(({ path, log, open }) => {
    const first = open();
    for (let i = 0; i < 2000; i++) first.set("ban", `user:${i}`, "{}", Infinity);
    first.close();
    const store = open();
    const size = Deno.statSync(path).size;
    assertGreater(size, 8192);
    const file = Deno.openSync(path, { write: true });
    for (let at = 4096; at < size; at += 4096) {
      file.seekSync(at, Deno.SeekMode.Start);
      file.writeSync(new Uint8Array(4096).fill(0xff));
    }
    file.close();
    for (const i of [0, 777, 1999]) assertEquals(store.get("ban", `user:${i}`), "{}");
    store.set("ban", "user:new", "{}", Infinity);
    assertEquals(store.get("ban", "user:new"), "{}");
    // What was in SQLite's page cache may have been answered from there; a new process sees only the file.
    store.close();
    open();
    assert(log.events().includes("store.failed"), "corruption was noticed");
    assertMatch(log.of("store.failed").at(-1)!.error as string, /malformed|corrupt/);
  }));

Deno.test("GuardedStore notices at the next purge that its file was removed, and writes it again", () =>
  guarded(({ path, clock, log, open }) => {
    const store = open();
    store.set("ban", "user:ann", "{}", Infinity);
    for (const file of [path, `${path}-wal`, `${path}-shm`]) Deno.removeSync(file);
    store.purge();
    assertFailedOnce(log, path, /removed or replaced/);
    clock.advance(5000);
    assertEquals(store.writable(), true);
    assertEquals(open().list("ban").map(({ key }) => key), ["user:ann"]);
  }));

Deno.test("GuardedStore removes from its file what has expired, and shows by a write that it can, every 30 seconds", () =>
  guarded(({ path, clock, open }) => {
    const store = open();
    const count = () => {
      const db = new DatabaseSync(path);
      const rows = db.prepare("SELECT space FROM record ORDER BY space").all().map(({ space }) => space);
      db.close();
      return rows;
    };
    store.set("a", "key", "1", clock.time + 1000);
    store.purge();
    assertEquals(count(), ["a", "store"]);
    clock.advance(29_999);
    store.purge();
    assertEquals(count(), ["a", "store"]);
    clock.advance(1);
    store.purge();
    assertEquals(count(), ["store"]);
  }));

Deno.test("GuardedStore makes up for what was removed and written while the file was out of reach", () =>
  guarded(({ folder, path, clock, open }) => {
    const store = open();
    for (const key of ["taken", "deleted", "replaced", "kept"]) store.set("a", key, "old", Infinity);
    // Another file takes its place for a while.
    Deno.mkdirSync(`${folder}/away`);
    for (const end of ["", "-wal", "-shm"]) Deno.renameSync(path + end, `${folder}/away/state.db${end}`);
    Deno.mkdirSync(path);
    store.purge();
    assertEquals(store.writable(), false);
    assertEquals(store.take("a", "taken"), "old");
    assertEquals(store.delete("a", "deleted"), true);
    store.set("a", "replaced", "new", Infinity);
    store.set("a", "added", "new", Infinity);
    Deno.removeSync(path);
    for (const end of ["", "-wal", "-shm"]) {
      try {
        Deno.renameSync(`${folder}/away/state.db${end}`, path + end);
      } catch (error) {
        // Closing the file made it whole and removed the side files.
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    }
    clock.advance(5000);
    assertEquals(store.writable(), true);
    const records = open().list("a").map(({ key, value }) => `${key}=${value}`).sort();
    assertEquals(records, ["added=new", "kept=old", "replaced=new"]);
  }));

Deno.test("GuardedStore is not kept from trying again by a clock that was set back", () =>
  guarded(({ folder, clock, open }) => {
    const store = open(`${folder}/later/state.db`);
    Deno.mkdirSync(`${folder}/later`);
    clock.advance(-3_600_000);
    assertEquals(store.writable(), true);
  }));

Deno.test("GuardedStore does not come back to life after close()", () =>
  guarded(({ path, clock, open }) => {
    const store = open();
    store.close();
    clock.advance(10_000);
    store.set("a", "key", "1", Infinity);
    assertEquals(store.writable(), false);
    assertEquals(open(path).get("a", "key"), undefined);
  }));

async function mount(folder: string, ...options: string[]): Promise<boolean> {
  const args = ["-t", "tmpfs", "-o", options.join(","), "tmpfs", folder];
  try {
    return (await new Deno.Command("mount", { args, stdout: "null", stderr: "null" }).output()).success;
  } catch {
    return false;
  }
}

async function unmount(folder: string): Promise<void> {
  await new Deno.Command("umount", { args: [folder], stdout: "null", stderr: "null" }).output();
}

const mayMount = await (async () => {
  const folder = Deno.makeTempDirSync();
  const mounted = await mount(folder, "size=64k");
  if (mounted) await unmount(folder);
  Deno.removeSync(folder);
  return mounted;
})();

// Both need a small file system of their own, which only root may mount.
const NEEDS = { "the right to mount": mayMount };

Deno.test(optional(
  NEEDS,
  "GuardedStore on a full disk says so, defends with memory, and catches up once there is room",
  () =>
    guarded(async ({ folder, clock, log, open }) => {
      const small = `${folder}/small`;
      Deno.mkdirSync(small);
      await mount(small, "size=2m");
      try {
        const store = open(`${small}/state.db`);
        store.set("ban", "user:first", "{}", Infinity);
        assertEquals(store.writable(), true);
        let filled = 0;
        const filler = Deno.openSync(`${small}/filler`, { create: true, write: true });
        try {
          for (;; filled++) filler.writeSync(new Uint8Array(4096));
        } catch {
          filler.close();
        }
        assertGreater(filled, 1);
        for (let i = 0; i < 200; i++) store.set("ban", `user:${i}`, "x".repeat(1000), Infinity);
        assertEquals(store.writable(), false);
        assertFailedOnce(log, `${small}/state.db`, /full|I\/O|ENOSPC|No space/i);
        assertEquals(store.get("ban", "user:first"), "{}");
        assertEquals(store.list("ban").length, 201);
        Deno.removeSync(`${small}/filler`);
        clock.advance(5000);
        assertEquals(store.writable(), true);
        const again = open(`${small}/state.db`);
        assertEquals(again.list("ban").length, 201);
        again.close();
        store.close();
      } finally {
        await unmount(small);
      }
    }),
));

Deno.test(optional(
  NEEDS,
  "GuardedStore on a file that became read-only says so and keeps what is in it",
  () =>
    guarded(async ({ folder, log, open }) => {
      const small = `${folder}/small`;
      Deno.mkdirSync(small);
      await mount(small, "size=512k");
      try {
        const first = open(`${small}/state.db`);
        first.set("ban", "user:ann", "{}", Infinity);
        first.close();
        await mount(small, "remount", "ro", "size=512k");
        const store = open(`${small}/state.db`);
        assertDefends(store);
        assertFailedOnce(log, `${small}/state.db`, /[Rr]ead-only/);
        store.close();
      } finally {
        await unmount(small);
      }
    }),
));

Deno.test("GuardedStore remembers a bounded number of removals without its file, the latest ones", () =>
  guarded(({ folder, clock, open }) => {
    const path = `${folder}/late/state.db`;
    const store = open(path);
    assertEquals(store.writable(), false);
    // A file that has records, which was not there when they were taken.
    Deno.mkdirSync(`${folder}/late`);
    const other = open(path);
    const most = 100_000;
    for (const key of ["first", "last"]) other.set("ticket", key, "1", Infinity);
    other.close();
    store.take("ticket", "first");
    for (let index = 0; index < most; index++) store.take("ticket", `t-${index}`);
    store.take("ticket", "last");
    clock.advance(5_000);
    assertEquals(store.writable(), true);
    assertEquals(store.list("ticket").map(({ key }) => key), ["first"], "the oldest one is forgotten");
  }));

import { join } from "node:path";
import { assert, assertEquals, assertRejects } from "../../assert.ts";
import { type Revocation, Revocations, RevokedFile } from "../../../lib/admission/admission.ts";
import { RevocationEntries } from "../../../lib/admission/revocation/revocation_entries.ts";
import { RevokedLineReader, type WrongLine } from "../../../lib/admission/revocation/revocation_form.ts";
import { openStore, type Store } from "../../../lib/store/store.ts";
import { ALICE, memoryLog, NOW, withFolder } from "../../helpers/admission.ts";
import { until } from "../../helpers/until.ts";

const DAY = 86_400_000;
const BOB = { ...ALICE, user: "bob", tokenId: "t-2", issuedAt: NOW - 1000 };
const { tokenId: _, ...NAMELESS } = ALICE;

function scene(store?: Store) {
  const clock = { ms: NOW };
  const log = memoryLog();
  const deps = { now: () => clock.ms, log };
  const used = store ?? openStore({ kind: "memory" }, deps);
  const revocations = new Revocations(used, { ...deps, retentionMs: DAY });
  const heard: (Revocation | null)[] = [];
  revocations.onChange((revocation) => heard.push(revocation));
  return { revocations, clock, log, heard, store: used };
}

Deno.test("Revocations.isRevoked() knows a token, a user, and everything issued before", () => {
  const { revocations } = scene();
  const revoked = () => [ALICE, BOB, NAMELESS].map((identity) => revocations.isRevoked(identity));
  assertEquals(revoked(), [false, false, false]);
  revocations.add({ jti: "t-2" });
  assertEquals(revoked(), [false, true, false]);
  revocations.add({ sub: "alice" });
  assertEquals(revoked(), [true, true, true]);
  const other = scene().revocations;
  other.add({ before: NOW });
  assertEquals([ALICE, BOB].map((identity) => other.isRevoked(identity)), [false, true]);
  other.add({ before: NOW - 5000 });
  assertEquals(other.isRevoked(BOB), true);
  other.add({ before: NOW + 1 });
  assertEquals(other.isRevoked(ALICE), true);
});

Deno.test("Revocations.isRevoked() confuses neither kinds nor names of parts of an object", () => {
  const { revocations } = scene();
  revocations.add({ jti: "alice" });
  revocations.add({ sub: "t-1" });
  assertEquals(revocations.isRevoked(ALICE), false);
  for (const user of ["__proto__", "constructor", "toString", ""]) {
    assertEquals(revocations.isRevoked({ ...ALICE, user, tokenId: user }), false);
  }
});

Deno.test("a revoked sub means the tokens issued until then, not those issued afterwards", () => {
  const { revocations, clock, store, log } = scene();
  const issued = (issuedAt: number) => revocations.isRevoked({ ...ALICE, issuedAt });
  revocations.add({ sub: "alice" });
  assertEquals([NOW - 1000, NOW, NOW + 1].map(issued), [true, true, false]);
  assertEquals(revocations.isRevoked(BOB), false);
  clock.ms = NOW + 5000;
  assertEquals(issued(NOW + 5000), false, "a new token is good");
  revocations.add({ sub: "alice" });
  assertEquals([NOW + 5000, NOW + 5001].map(issued), [true, false], "until the next revocation");
  revocations.add({ sub: "alice", issuedUntil: NOW });
  assertEquals(issued(NOW + 5000), true, "an earlier moment takes nothing back");
  const again = new Revocations(store, { now: () => clock.ms, log, retentionMs: DAY });
  assertEquals([NOW + 5000, NOW + 5001].map((issuedAt) => again.isRevoked({ ...ALICE, issuedAt })), [true, false]);
  store.set("revocation", "sub:eve", "", NOW + DAY);
  const third = new Revocations(store, { now: () => clock.ms, log, retentionMs: DAY });
  assertEquals(third.isRevoked({ ...ALICE, user: "eve", issuedAt: NOW + 6000 }), true, "without a moment: shut out");
});

Deno.test("Revocations are listed and lifted, for good", () => {
  const { revocations, clock, store, log } = scene();
  revocations.add({ jti: "t-2" });
  revocations.add({ sub: "a:l/ice" }, NOW + 1000);
  revocations.add({ before: NOW });
  revocations.add({ before: NOW - 500 });
  const end = NOW + DAY;
  const byKey = (a: { key: string }, b: { key: string }) => a.key < b.key ? -1 : 1;
  assertEquals(revocations.list().sort(byKey), [
    { key: "before:2026-11-22T11:59:59.500Z", expiresAt: end },
    { key: "before:2026-11-22T12:00:00.000Z", expiresAt: end },
    { key: "jti:t-2", expiresAt: end },
    { key: "sub:a:l/ice", issuedUntil: NOW, expiresAt: NOW + 1000 },
  ]);
  for (const key of ["jti:t-1", "jti:", "role:x", "before:soon", ""]) assertEquals(revocations.lift(key), null, key);
  const old = { ...NAMELESS, issuedAt: NOW - 1000 };
  assertEquals(revocations.isRevoked(old), true);
  assertEquals(revocations.lift("before:2026-11-22T12:00:00Z") !== null, true);
  assertEquals(revocations.isRevoked(old), true, "the one in its shadow counts still");
  assertEquals(revocations.lift("before:2026-11-22T12:59:59.5+01:00") !== null, true);
  assertEquals(revocations.isRevoked(old), false);
  assertEquals([revocations.lift("jti:t-2")?.name, revocations.lift("jti:t-2")], ["jti:t-2", null]);
  assertEquals(revocations.isRevoked(BOB), false);
  const again = new Revocations(store, { now: () => clock.ms, log, retentionMs: DAY });
  assertEquals(again.list().map(({ key }) => key), ["sub:a:l/ice"], "after a restart too");
  clock.ms = NOW + 1000;
  assertEquals(again.list(), [], "what is over is not listed");
});

Deno.test("Revocations last by the monotonic clock, and judge tokens by the wall clock they are issued by", () => {
  const wall = { ms: NOW };
  const steady = { ms: NOW };
  const log = memoryLog();
  const store = openStore({ kind: "memory" }, { now: () => steady.ms, log });
  const deps = { now: () => wall.ms, steady: () => steady.ms, log, retentionMs: DAY };
  const revocations = new Revocations(store, deps);
  revocations.add({ jti: "t-1" }, NOW + 60_000);
  wall.ms += 2 * DAY;
  assertEquals(revocations.isRevoked(ALICE), true, "the clock was set forward");
  revocations.add({ sub: "bob" }, wall.ms + 60_000);
  assertEquals(revocations.isRevoked({ ...BOB, issuedAt: wall.ms }), true);
  assertEquals(revocations.isRevoked({ ...BOB, issuedAt: wall.ms + 1 }), false);
  wall.ms -= 2 * DAY;
  steady.ms += 59_999;
  assertEquals([revocations.isRevoked(ALICE), revocations.isRevoked(BOB)], [true, true]);
  steady.ms += 1;
  assertEquals([revocations.isRevoked(ALICE), revocations.isRevoked(BOB)], [false, false]);
});

Deno.test("Revocations are kept for the retention, or as long as told", () => {
  const { revocations, clock } = scene();
  revocations.add({ jti: "t-1" });
  revocations.add({ sub: "bob" }, NOW + 1000);
  revocations.add({ sub: "bob" }, NOW + 500);
  clock.ms = NOW + 999;
  assertEquals([revocations.isRevoked(ALICE), revocations.isRevoked(BOB)], [true, true]);
  clock.ms = NOW + 1000;
  assertEquals([revocations.isRevoked(ALICE), revocations.isRevoked(BOB)], [true, false]);
  clock.ms = NOW + DAY - 1;
  assertEquals(revocations.isRevoked(ALICE), true);
  clock.ms = NOW + DAY;
  assertEquals(revocations.isRevoked(ALICE), false);
});

Deno.test("Revocations of everything before keep each moment for as long as it was told", () => {
  // Whatever the order, the later moment ends first and the earlier one goes on.
  const [late, early] = [{ before: NOW + 1 }, { before: NOW }];
  for (const order of [[late, early], [early, late]]) {
    const { revocations, clock } = scene();
    for (const revocation of order) revocations.add(revocation, NOW + (revocation === late ? 1000 : 2000));
    const revoked = () => [ALICE, BOB].map((identity) => revocations.isRevoked(identity));
    assertEquals(revoked(), [true, true]);
    clock.ms = NOW + 1000;
    assertEquals(revoked(), [false, true]);
    clock.ms = NOW + 2000;
    assertEquals(revoked(), [false, false]);
  }
});

Deno.test("Revocations are announced once each, with a log line that names what is revoked", () => {
  const { revocations, heard, log } = scene();
  const all: Revocation[] = [{ jti: "t-1" }, { sub: "bob" }, { before: NOW }];
  for (const revocation of all) revocations.add(revocation);
  assertEquals(heard, [{ jti: "t-1" }, { sub: "bob", issuedUntil: NOW }, { before: NOW }]);
  assertEquals(log.lines.map(({ event, fields }) => [event, fields]), [
    ["token.revoked", { jti: "t-1", source: "ops" }],
    ["token.revoked", { sub: "bob", issued_until: new Date(NOW).toISOString(), source: "ops" }],
    ["token.revoked", { before: new Date(NOW).toISOString(), source: "ops" }],
  ]);
});

Deno.test("Revocations survive a restart in SQLite, killed right after", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "state.db");
    const root = new URL("../../../", import.meta.url);
    const program = `
      import { openStore } from "${new URL("lib/store/store.ts", root)}";
      import { Revocations } from "${new URL("lib/admission/admission.ts", root)}";
      const log = { debug() {}, info() {}, warn() {}, error() {}, level: "info" };
      const deps = { log, now: Date.now };
      const revocations = new Revocations(openStore({ kind: "sqlite", path: ${
      JSON.stringify(path)
    } }, deps), { ...deps, retentionMs: 1e9 });
      revocations.add({ jti: "t-1" });
      revocations.add({ sub: "b:ob" });
      revocations.add({ before: 1000 });
      Deno.kill(Deno.pid, "SIGKILL");`;
    await Deno.writeTextFile(join(folder, "program.ts"), program);
    const { signal } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", "--config", new URL("deno.json", root).pathname, join(folder, "program.ts")],
      stdout: "null",
      stderr: "null",
    }).output();
    assertEquals(signal, "SIGKILL");
    const deps = { log: memoryLog(), now: Date.now };
    const store = openStore({ kind: "sqlite", path }, deps);
    const revocations = new Revocations(store, { ...deps, retentionMs: DAY });
    assertEquals(revocations.size, 3);
    const stranger = { ...ALICE, user: "eve", tokenId: "t-9" };
    assertEquals([ALICE, { ...stranger, user: "b:ob" }, stranger].map((i) => revocations.isRevoked(i)), [
      true,
      true,
      false,
    ]);
    assertEquals(revocations.isRevoked({ ...stranger, issuedAt: 999 }), true);
    store.close();
  });
});

Deno.test("Revocations are read again when the store's file is back", () => {
  const { store } = scene();
  const reborn = { epoch: 0, list: (space: string) => store.list(space) };
  const { revocations, heard } = scene(reborn as unknown as Store);
  store.set("revocation", "sub:alice", "", NOW + DAY);
  assertEquals(revocations.isRevoked(ALICE), false);
  reborn.epoch = 1;
  assertEquals(revocations.isRevoked(ALICE), true);
  assertEquals(heard, [{ sub: "alice" }]);
});

Deno.test("Revocations that the store has again are shared with other nodes", () => {
  const { store } = scene();
  const reborn = { epoch: 0, list: (space: string) => store.list(space), set() {} };
  const { revocations } = scene(reborn as unknown as Store);
  store.set("revocation", "sub:alice", "", NOW + DAY);
  const names = () => [...revocations.shared()].map(({ name }) => name);
  assertEquals(names(), []);
  reborn.epoch = 1;
  assertEquals(names(), ["sub:alice"]);
  store.set("revocation", "sub:bob", "", NOW + DAY);
  reborn.epoch = 2;
  revocations.adopt({ name: "jti:t-9", issuedUntil: NOW, until: NOW + DAY });
  assertEquals(revocations.isRevoked(BOB), true);
});

Deno.test("Revocations stay cheap to ask with 100,000 of them", () => {
  const { revocations } = scene();
  const entries = new RevocationEntries();
  for (let i = 0; i < 100_000; i++) entries.add({ jti: `j${i}` }, Infinity, 0);
  revocations.addFile(entries, { count: 100_000, first: [] });
  const started = performance.now();
  for (let i = 0; i < 100_000; i++) revocations.isRevoked({ ...ALICE, tokenId: `x${i}` });
  // A walk through them for each question would take minutes, however fast the machine.
  assert(performance.now() - started < 10_000);
});

/** Reads a text in pieces of the length. */
function readLines(text: string, length = text.length) {
  const [revocations, wrong]: [Revocation[], WrongLine[]] = [[], []];
  const reader = new RevokedLineReader({
    revocation: (revocation) => void revocations.push(revocation),
    wrong: (line) => void wrong.push(line),
  });
  for (let at = 0; at < text.length; at += length) reader.push(text.slice(at, at + length));
  return { revocations, wrong: wrong.map(({ line }) => line), unfinished: reader.unfinished };
}

Deno.test("RevokedLineReader reads whole lines and tells the ones that are none", () => {
  const text = [
    "# stolen laptop",
    "",
    "jti:t-1",
    "  sub:auth0|a:b  \r",
    "before:2026-11-22T12:00:00Z",
    "before:2026-11-22t13:00:00.5+01:00",
    "alice",
    "jti:",
    "role:admin",
    "before:yesterday",
    "before:2026-11-22",
    "before:2026-13-45T99:99:99Z",
    `sub:${"a".repeat(257)}`,
    `sub:${"a".repeat(5000)}`,
    "sub:last",
    "",
  ].join("\n");
  const right = [{ jti: "t-1" }, { sub: "auth0|a:b" }, { before: NOW }, { before: NOW + 500 }, { sub: "last" }];
  for (const length of [text.length, 1000, 7, 1]) {
    const { revocations, wrong, unfinished } = readLines(text, length);
    assertEquals(revocations, right);
    assertEquals([wrong, unfinished], [[7, 8, 9, 10, 11, 12, 13, 14], null]);
  }
});

Deno.test("RevokedLineReader leaves a line without its newline alone: it may be half of another", () => {
  assertEquals(readLines("jti:t-1\nsub:ali"), { revocations: [{ jti: "t-1" }], wrong: [], unfinished: 2 });
  assertEquals(readLines("sub:ali"), { revocations: [], wrong: [], unfinished: 1 });
  assertEquals(readLines("", 1), { revocations: [], wrong: [], unfinished: null });
  assertEquals(readLines("sub:alice\n", 7).revocations, [{ sub: "alice" }]);
});

Deno.test("RevokedFile keeps up with the file: written, replaced, wrong, gone, back", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "revoked");
    const { revocations, heard, log } = scene();
    await assertRejects(() => RevokedFile.open(path, revocations, { log }), Deno.errors.NotFound);
    await Deno.writeTextFile(path, "jti:t-9\n");
    const file = await RevokedFile.open(path, revocations, { log });
    file.apply();
    try {
      assertEquals([revocations.isRevoked(ALICE), heard.length], [false, 1]);
      const started = performance.now();
      await Deno.writeTextFile(path, "sub:alice\n", { append: true });
      await until(() => revocations.isRevoked(ALICE), "the added line");
      assert(performance.now() - started < 5000);
      assertEquals(heard, [null, null], "each session is asked about once for each reading");
      const revoked = log.lines.filter(({ event }) => event === "token.revoked").map(({ fields }) => fields);
      assertEquals(revoked, [{ jti: "t-9", source: "revoked_file" }, { sub: "alice", source: "revoked_file" }]);

      await Deno.writeTextFile(`${path}.new`, "sub:bob\nnonsense\n");
      await Deno.rename(`${path}.new`, path);
      await until(() => revocations.isRevoked(BOB), "the replaced file");
      await until(() => !revocations.isRevoked(ALICE), "the line that is gone");
      const rejected = log.lines.filter(({ event }) => event === "revocations.rejected");
      assertEquals(rejected.map(({ fields }) => fields.line), [2]);

      await Deno.remove(path);
      await Deno.mkdir(path);
      await until(() => log.lines.some(({ fields }) => fields.problem !== undefined && !fields.line), "the folder");
      assertEquals(revocations.isRevoked(BOB), true, "a folder in its place takes nothing back");
      await Deno.remove(path);
      await Deno.writeTextFile(path, "");
      await until(() => !revocations.isRevoked(BOB), "the empty file");
    } finally {
      file.close();
    }
  });
});

Deno.test("a file that is being written acts by whole lines, and takes nothing back before it is whole", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "revoked");
    const { revocations, log } = scene();
    await Deno.writeTextFile(path, "sub:bob\n");
    const file = await RevokedFile.open(path, revocations, { log });
    file.apply();
    try {
      const revoked = (user: string) => revocations.isRevoked({ ...NAMELESS, user });
      // As a copy in progress: emptied, then written in part.
      await Deno.writeTextFile(path, "sub:eve\nsub:ali");
      await until(() => revoked("eve"), "the whole line");
      await until(
        () => log.lines.some(({ event, fields }) => event === "revocations.rejected" && fields.line === 2),
        "the report of the half line",
      );
      assertEquals([revoked("ali"), revoked("alice"), revoked("bob")], [false, false, true]);
      // Longer than a whole file needs to settle.
      await new Promise((resolve) => setTimeout(resolve, 1500));
      assertEquals([revoked("ali"), revoked("bob")], [false, true]);
      await Deno.writeTextFile(path, "sub:eve\nsub:alice\n");
      await until(() => revoked("alice"), "the finished line");
      await until(() => !revoked("bob"), "the line that is gone from a whole file");
      assertEquals([revoked("eve"), revoked("ali")], [true, false]);
    } finally {
      file.close();
    }
  });
});

Deno.test("a file of 600,000 lines is taken in small parts", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "revoked");
    const { revocations, log, heard } = scene();
    const lines = Array.from({ length: 600_000 }, (_, i) => `sub:user-${i}\n`);
    await Deno.writeTextFile(path, lines.join(""));
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    const file = await RevokedFile.open(path, revocations, { log });
    clearInterval(timer);
    try {
      const before = performance.now();
      file.apply();
      const applying = performance.now() - before;
      assertEquals(revocations.fileSize, 600_000);
      assertEquals(revocations.isRevoked({ ...NAMELESS, user: "user-599999" }), true);
      // The file is some 300 chunks long, and others get a turn after each.
      assert(turns > 250, `others had ${turns} turns`);
      // Neither lines nor sessions are gone through at once: that alone took seconds.
      assert(applying < 500, `applying delayed all clients for ${applying} ms`);
      assertEquals(heard, [null], "one pass over the sessions");
      const revoked = log.lines.filter(({ event }) => event === "token.revoked");
      assertEquals([revoked.length, revoked.at(-1)?.fields.more], [11, 599_990]);
    } finally {
      file.close();
    }
  });
});

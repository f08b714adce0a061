import { join } from "node:path";
import { assert, assertEquals, assertRejects } from "../assert.ts";
import { openRevokedFile, type Revocation, Revocations, revokes } from "../../lib/admission/admission.ts";
import { parseRevokedFile } from "../../lib/admission/revocation_form.ts";
import { openStore, type Store } from "../../lib/store/store.ts";
import { ALICE, memoryLog, NOW, until, withFolder } from "./fixtures.ts";

const DAY = 86_400_000;
const BOB = { ...ALICE, user: "bob", tokenId: "t-2", issuedAt: NOW - 1000 };
const { tokenId: _, ...NAMELESS } = ALICE;

function scene(store?: Store) {
  const clock = { ms: NOW };
  const log = memoryLog();
  const deps = { now: () => clock.ms, log };
  const used = store ?? openStore({ kind: "memory" }, deps);
  const revocations = new Revocations(used, { ...deps, retentionMs: DAY });
  const heard: Revocation[] = [];
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

Deno.test("revokes() agrees with isRevoked()", () => {
  const all: Revocation[] = [{ jti: "t-1" }, { jti: "t-2" }, { sub: "alice" }, { sub: "bob" }, { before: NOW }, {
    before: NOW + 1,
  }];
  for (const revocation of all) {
    const { revocations } = scene();
    revocations.add(revocation);
    for (const identity of [ALICE, BOB, NAMELESS]) {
      assertEquals(revokes(revocation, identity), revocations.isRevoked(identity));
    }
  }
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
  assertEquals(heard, all);
  assertEquals(log.lines.map(({ event, fields }) => [event, fields]), [
    ["token.revoked", { jti: "t-1", source: "ops" }],
    ["token.revoked", { sub: "bob", source: "ops" }],
    ["token.revoked", { before: new Date(NOW).toISOString(), source: "ops" }],
  ]);
});

Deno.test("Revocations survive a restart in SQLite, killed right after", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "state.db");
    const root = new URL("../../", import.meta.url);
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

Deno.test("Revocations stay cheap to ask with 100,000 of them", () => {
  const { revocations } = scene();
  revocations.replaceFile(Array.from({ length: 100_000 }, (_, i) => ({ jti: `j${i}` })));
  const started = performance.now();
  for (let i = 0; i < 100_000; i++) revocations.isRevoked({ ...ALICE, tokenId: `x${i}` });
  // A walk through them for each question would take minutes, however fast the machine.
  assert(performance.now() - started < 10_000);
});

Deno.test("parseRevokedFile() reads lines and tells the ones that are none", () => {
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
  ].join("\n");
  const { revocations, wrong } = parseRevokedFile(text);
  assertEquals(revocations, [{ jti: "t-1" }, { sub: "auth0|a:b" }, { before: NOW }, { before: NOW + 500 }]);
  assertEquals(wrong.map(({ line }) => line), [7, 8, 9, 10, 11, 12, 13]);
});

Deno.test("openRevokedFile() keeps up with the file: written, replaced, wrong, gone, back", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "revoked");
    const { revocations, heard, log } = scene();
    await assertRejects(() => openRevokedFile(path, revocations, { log }), Deno.errors.NotFound);
    await Deno.writeTextFile(path, "jti:t-9\n");
    const file = await openRevokedFile(path, revocations, { log });
    file.apply();
    try {
      assertEquals([revocations.isRevoked(ALICE), heard.length], [false, 1]);
      const started = performance.now();
      await Deno.writeTextFile(path, "sub:alice\n", { append: true });
      await until(() => revocations.isRevoked(ALICE), "the added line");
      assert(performance.now() - started < 5000);
      assertEquals(heard, [{ jti: "t-9" }, { sub: "alice" }]);

      await Deno.writeTextFile(`${path}.new`, "sub:bob\nnonsense\n");
      await Deno.rename(`${path}.new`, path);
      await until(() => revocations.isRevoked(BOB), "the replaced file");
      assertEquals(revocations.isRevoked(ALICE), false);
      const rejected = log.lines.filter(({ event }) => event === "revocations.rejected");
      assertEquals(rejected.map(({ fields }) => fields.line), [2]);

      await Deno.remove(path);
      await file.reload().catch(() => {});
      assertEquals(revocations.isRevoked(BOB), true);
      await Deno.writeTextFile(path, "");
      await until(() => !revocations.isRevoked(BOB), "the empty file");
    } finally {
      file.close();
    }
  });
});

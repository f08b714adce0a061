import { join } from "node:path";
import { assert, assertEquals } from "../../assert.ts";
import { type Revocation, Revocations, RevokedFile } from "../../../lib/admission/admission.ts";
import { RevocationEntries } from "../../../lib/admission/revocation/revocation_entries.ts";
import { RevokedLineReader } from "../../../lib/admission/revocation/revocation_form.ts";
import { openStore, type Store } from "../../../lib/store/store.ts";
import { ALICE, memoryLog, NOW, withFolder } from "../../helpers/admission.ts";
import { until } from "../../helpers/until.ts";

const DAY = 86_400_000;

function scene(store?: Store) {
  const clock = { ms: NOW };
  const deps = { now: () => clock.ms, log: memoryLog() };
  const used = store ?? openStore({ kind: "memory" }, deps);
  return { clock, log: deps.log, revocations: new Revocations(used, { ...deps, retentionMs: DAY }) };
}

/** The contents of a file with one line. */
function fileOf(revocation: Revocation): RevocationEntries {
  const entries = new RevocationEntries();
  entries.add(revocation, Infinity, 0);
  return entries;
}

Deno.test("Revocations of everything before a later moment are kept from that moment on", () => {
  const { revocations, clock } = scene();
  revocations.add({ before: NOW + 600_000 });
  // The last token it means is issued just before the moment, and is refused for its age a retention later.
  const last = { ...ALICE, issuedAt: NOW + 599_999 };
  clock.ms = NOW + 600_000 + DAY - 1;
  assertEquals(revocations.isRevoked(last), true);
  clock.ms = NOW + 600_000 + DAY;
  assertEquals(revocations.isRevoked(last), false);
});

Deno.test("Revocations.lift() is on disk before it returns, as an addition is", () => {
  const memory = openStore({ kind: "memory" }, { now: () => NOW, log: memoryLog() });
  const calls: string[] = [];
  const store: Store = new Proxy(memory, {
    get(target, name: keyof Store) {
      const value = target[name];
      if (typeof value !== "function") return value;
      return (...values: unknown[]) => {
        calls.push(name);
        return Reflect.apply(value, target, values);
      };
    },
  });
  const { revocations } = scene(store);
  revocations.add({ jti: "t-1" });
  assertEquals(calls.splice(0).slice(-2), ["set", "flush"]);
  assert(revocations.lift("jti:t-1") !== null);
  assertEquals(calls.slice(-2), ["delete", "flush"]);
});

Deno.test("Revocations keep the settled lines of a file that is written without end, and few later reads", () => {
  const { revocations } = scene();
  revocations.addFile(fileOf({ jti: "settled" }), { count: 0, first: [] });
  for (let read = 0; read < 100; read++) revocations.addFile(fileOf({ jti: `r-${read}` }), { count: 0, first: [] });
  assertEquals([revocations.inFile({ jti: "settled" }), revocations.inFile({ jti: "r-99" })], [true, true]);
  const kept = Array.from({ length: 100 }, (_, read) => revocations.inFile({ jti: `r-${read}` })).filter(Boolean);
  assert(kept.length <= 8, `${kept.length} reads of the file are kept`);
});

Deno.test("RevokedLineReader keeps a bounded part of a line that never ends", () => {
  const taken: Revocation[] = [];
  const reader = new RevokedLineReader({ revocation: (revocation) => taken.push(revocation), wrong() {} });
  const part = "x".repeat(8 * 1024 * 1024);
  let problem = "";
  try {
    // More than the longest string of the engine.
    for (let read = 0; read < 70; read++) reader.push(part);
  } catch (error) {
    problem = String(error);
  }
  assertEquals(problem, "");
  reader.push("\nsub:alice\n");
  assertEquals(taken, [{ sub: "alice" }]);
});

Deno.test("RevokedFile.apply() takes up what has changed since the file was opened", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "revoked");
    const { revocations, log } = scene();
    await Deno.writeTextFile(path, "jti:other\n");
    const file = await RevokedFile.open(path, revocations, { log });
    try {
      await Deno.writeTextFile(path, "sub:alice\n", { append: true });
      // The watch sees the change several times over. Nothing tells that it has.
      await new Promise((resolve) => setTimeout(resolve, 1000));
      assertEquals(revocations.isRevoked(ALICE), false, "nothing is in force before apply()");
      file.apply();
      await until(() => revocations.isRevoked(ALICE), "the line that was added before apply()", 10_000);
    } finally {
      file.close();
    }
  });
});

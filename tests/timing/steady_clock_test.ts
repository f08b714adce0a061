import { steadyClock } from "../../lib/timing/steady_clock.ts";
import { Bans } from "../../lib/limits/limits.ts";
import { openStore } from "../../lib/store/store.ts";
import { memoryLog } from "../helpers/admission.ts";
import { assertEquals } from "../assert.ts";

const NOW = Date.UTC(2026, 10, 25);
const DAY_MS = 86_400_000;

Deno.test("steadyClock() begins with the wall clock and goes on without it", () => {
  const [wall, monotonic] = [{ ms: NOW }, { ms: 17 }];
  const clock = steadyClock(() => wall.ms, () => monotonic.ms);
  assertEquals(clock(), NOW);
  wall.ms += 2 * DAY_MS;
  assertEquals(clock(), NOW, "set forward");
  monotonic.ms += 250;
  assertEquals(clock(), NOW + 250);
  wall.ms -= 4 * DAY_MS;
  assertEquals(clock(), NOW + 250, "set back");
});

Deno.test("a ban neither ends early nor lasts longer when the wall clock is set, in memory and in the file", () => {
  const folder = Deno.makeTempDirSync({ prefix: "sallyport-" });
  try {
    const [wall, monotonic] = [{ ms: NOW }, { ms: 0 }];
    const now = steadyClock(() => wall.ms, () => monotonic.ms);
    const log = memoryLog();
    const store = openStore({ kind: "sqlite", path: `${folder}/state.db` }, { log, now });
    const bans = new Bans({ ban: 60_000, never_ban: [] }, { log, store, now });
    bans.add("user:mallory");
    for (const jump of [2 * DAY_MS, -4 * DAY_MS, 2 * DAY_MS]) {
      wall.ms += jump;
      bans.tick();
      store.purge();
      assertEquals(bans.banned("user:mallory"), 60_000 - monotonic.ms);
      assertEquals(store.list("ban").length, 1);
      monotonic.ms += 15_000;
    }
    monotonic.ms = 60_000;
    assertEquals(bans.banned("user:mallory"), 0);
    store.close();
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

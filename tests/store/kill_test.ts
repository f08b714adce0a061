import { Bans } from "../../lib/limits/limits.ts";
import { openStore } from "../../lib/store/store.ts";
import { assert, assertEquals, assertGreater } from "../assert.ts";
import { Lines } from "../helpers/limits.ts";

const CHILD = new URL("./kill_child.ts", import.meta.url);

/** Runs the child until it has told `enough` writes, kills it at that moment, and returns how many it had told by then. */
async function runAndKill(path: string, round: number, enough: number): Promise<number> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--no-check", "-A", CHILD.href, path, `${round}`],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  let text = "";
  let killed = false;
  const deadline = setTimeout(() => child.kill("SIGKILL"), 30_000);
  for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (killed || text.split("\n").length <= enough) continue;
    child.kill("SIGKILL");
    killed = true;
  }
  clearTimeout(deadline);
  assertEquals((await child.status).signal, "SIGKILL");
  // A last line without its end was not told.
  return text.split("\n").length - 1;
}

Deno.test("A store on SQLite has every write that returned before SIGKILL, at any moment, over many restarts", async () => {
  const folder = Deno.makeTempDirSync({ prefix: "sallyport-kill-" });
  const path = `${folder}/state.db`;
  try {
    const told: number[] = [];
    for (let round = 0; round < 5; round++) {
      told.push(await runAndKill(path, round, 1 + Math.floor(Math.random() * 500)));
      assertGreater(told[round]!, 0);
      const log = new Lines();
      const store = openStore({ kind: "sqlite", path }, { log, now: Date.now });
      const bans = new Bans({ ban: 3_600_000, never_ban: [] }, { log, store, now: Date.now });
      for (const [earlier, count] of told.entries()) {
        for (let i = 0; i < count; i++) {
          const key = `${earlier}/${i}`;
          assertEquals(store.add("used", key, "again", Infinity), false, `${key} can be used twice`);
          assertEquals(store.take("ticket", key), undefined, `${key} is there again`);
          if (i % 10 === 0) assertGreater(bans.banned(`user:${key}`), 0, `${key} is not banned`);
        }
      }
      assert(store.writable());
      assertEquals(log.events(), []);
      store.close();
    }
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

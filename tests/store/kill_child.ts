/** Writes to the store named by its argument as fast as it can, telling each write that returned, until it is killed. */
import { Bans } from "../../lib/limits/limits.ts";
import { createLog } from "../../lib/log/log.ts";
import { openStore } from "../../lib/store/store.ts";

const [path, round] = Deno.args as [string, string];
const log = createLog({ level: "error", format: "json", write: () => {} });
const store = openStore({ kind: "sqlite", path }, { log, now: Date.now });
const bans = new Bans({ ban: 3_600_000, never_ban: [] }, { log, store, now: Date.now });
const encoder = new TextEncoder();

for (let i = 0;; i++) {
  const key = `${round}/${i}`;
  store.set("ticket", key, "unused", Infinity);
  store.add("used", key, "used", Infinity);
  store.take("ticket", key);
  if (i % 10 === 0) bans.add(`user:${key}`);
  Deno.stdout.writeSync(encoder.encode(`${i}\n`));
}

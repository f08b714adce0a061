/** The bounds of a line of the log, and the number of events that are kept apart. */
import { createLog } from "../../lib/log/log.ts";
import { assert, assertEquals } from "../assert.ts";

function collector() {
  const lines: string[] = [];
  const log = createLog({ level: "info", format: "json", write: (line) => lines.push(line), now: () => 0 });
  return { log, lines, parsed: () => lines.map((line) => JSON.parse(line)) };
}

Deno.test("createLog() writes 1,024 characters of a string and says how long it was", () => {
  const { log, parsed } = collector();
  log.info("x", {
    fits: "a".repeat(1024),
    cut: "b".repeat(1025),
    huge: "c".repeat(1_000_000),
    list: ["d".repeat(2000)],
  });
  const [{ fits, cut, huge, list }] = parsed();
  assertEquals(fits, "a".repeat(1024));
  assertEquals(cut, `${"b".repeat(1024)}…(1025)`);
  assertEquals(huge, `${"c".repeat(1024)}…(1000000)`);
  assertEquals(list, [`${"d".repeat(1024)}…(2000)`]);
});

Deno.test("createLog() writes 16 KiB of text in one line, keys included", () => {
  const { log, lines } = collector();
  log.info("x", Object.fromEntries(Array.from({ length: 32 }, (_, i) => [`k${i}`, "v".repeat(1000)])));
  log.info("y", Object.fromEntries(Array.from({ length: 32 }, (_, i) => [`${i}${"k".repeat(1000)}`, 1])));
  for (const line of lines) assert(line.length < 16 * 1024 + 32 * 40, `${line.length} characters`);
});

Deno.test("createLog() writes 32 entries of a list or an object, and 256 values in all", () => {
  const { log, parsed } = collector();
  const wide = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`k${i}`, i]));
  log.info("x", { wide, list: Array.from({ length: 1000 }, (_, i) => i) });
  const table = Array.from({ length: 32 }, () => Array.from({ length: 32 }, (_, i) => i));
  log.info("y", { table });
  const [first, second] = parsed();
  assertEquals([Object.keys(first.wide).length, first.wide.more_fields], [33, 968]);
  assertEquals([first.list.length, first.list.at(-1)], [33, "[968 more]"]);
  const numbers = (second.table as unknown[]).flat().filter((value) => typeof value === "number");
  assert(numbers.length <= 256, `${numbers.length} values`);
  assertEquals(second.table.at(-1), "[more]");
});

const SECRET = "hunter2-hunter2";

for (
  const name of [
    "password",
    "PASSWORD",
    "db_password",
    "passphrase",
    "private_key",
    "privateKey",
    "PrivateKey",
    "secret",
    "client_secret",
    "set-cookie",
    "Authorization",
    "ticket",
    "access_token",
    "admin_token",
  ]
) {
  Deno.test(`createLog() blanks ${name}, alone, in a list and within another field`, () => {
    const { log, lines, parsed } = collector();
    log.info("x", { [name]: SECRET, inner: { [name]: [SECRET] }, list: [{ [name]: { value: SECRET } }] });
    assert(!lines[0]!.includes("hunter2"), lines[0]);
    const [{ inner, list, ...line }] = parsed();
    assertEquals([line[name], inner[name], list[0][name]], ["[redacted]", "[redacted]", "[redacted]"]);
  });
}

Deno.test("createLog() leaves names that only remind of a secret, and counts", () => {
  const { log, parsed } = collector();
  log.info("x", { monkey: "a", compass: "b", token_file: "/etc/c", tokens: 3 });
  const [{ monkey, compass, token_file, tokens }] = parsed();
  assertEquals([monkey, compass, token_file, tokens], ["a", "b", "/etc/c", 3]);
});

Deno.test("createLog() counts the floods of 512 events apart, and reports the oldest counts before it takes more", async () => {
  const { log, parsed } = collector();
  for (let i = 0; i < 512; i++) for (let line = 0; line < 11; line++) log.info(`event${i}`);
  assertEquals(parsed().length, 5120, "nothing is reported yet");
  log.info("one more");
  const summaries = parsed().filter(({ suppressed }) => suppressed !== undefined);
  assertEquals(
    summaries.map(({ event, suppressed }) => `${event} ${suppressed}`).sort(),
    [
      ...Array.from({ length: 512 }, (_, i) => `event${i} 1`),
    ].sort(),
  );
  assertEquals(parsed().at(-1).event, "one more");
  await log.flush();
});

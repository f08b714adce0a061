import { createLog, type Level } from "../../lib/log/log.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../assert.ts";

function collector(format: "json" | "pretty" = "json", level: Level = "info") {
  const lines: string[] = [];
  const clock = { now: Date.UTC(2026, 10, 22, 13, 7, 11, 250) };
  const log = createLog({ level, format, write: (line) => lines.push(line), now: () => clock.now });
  return { log, lines, clock, parsed: () => lines.map((line) => JSON.parse(line)) };
}

Deno.test("createLog() writes one JSON object a line with time, level, event and fields", () => {
  const { log, lines } = collector();
  log.info("handshake.rejected", { ip: "192.0.2.7", status: 403, reason: "origin_not_allowed", absent: undefined });
  assertEquals(
    lines[0],
    '{"time":"2026-11-22T13:07:11.250Z","level":"info","event":"handshake.rejected",' +
      '"ip":"192.0.2.7","status":403,"reason":"origin_not_allowed"}',
  );
});

Deno.test("createLog() writes its level and the ones above, and follows a change of level", () => {
  const { log, parsed } = collector("json", "warn");
  const all = () => (log.debug("d"), log.info("i"), log.warn("w"), log.error("e"));
  all();
  log.level = "debug";
  all();
  log.level = "error";
  all();
  assertEquals(parsed().map((line) => line.event), ["w", "e", "d", "i", "w", "e", "e"]);
});

Deno.test("createLog() has fields of its own on every line, counts of suppressed lines included", async () => {
  const lines: Record<string, unknown>[] = [];
  const write = (line: string) => lines.push(JSON.parse(line));
  const log = createLog({ level: "info", format: "json", fields: { front: 1 }, write, now: () => 0 });
  for (let i = 0; i < 12; i++) log.info("ban.added", { key: "ip:192.0.2.7" });
  await log.flush();
  assertEquals(lines.length, 11);
  assert(lines.every(({ front }) => front === 1));
  assertEquals(lines.at(-1)?.["suppressed"], 2);
});

Deno.test("createLog() lets no value forge or disguise a line", () => {
  for (const format of ["json", "pretty"] as const) {
    const { log, lines } = collector(format);
    const hostile = '\n{"time":"x"}\r\n\u2028\u2029\x1b[2J\u009b31m\u0007\u202Eevil\u200b\x00\u{e0041}"quote';
    log.info(`handler.log${hostile}`, { [`key${hostile}`]: hostile, list: [hostile], deep: { [hostile]: hostile } });
    assertEquals(lines.length, 1);
    assertEquals(lines[0]!.match(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu), null);
    if (format === "json") assertEquals(JSON.parse(lines[0]!).list, [hostile]);
  }
});

Deno.test("createLog() keeps its own fields, with any names of a caller's fields", () => {
  const { log, parsed } = collector();
  const fields = JSON.parse('{"__proto__": {"level": "x"}, "constructor": 1}');
  log.warn("a", { time: "never", level: "debug", event: "b", ...fields, ["__proto__"]: "own" });
  const line = parsed()[0];
  assertEquals([line.time, line.level, line.event], ["2026-11-22T13:07:11.250Z", "warn", "a"]);
  assertEquals([line.time_, line.level_, line.event_, line.constructor], ["never", "debug", "b", 1]);
});

Deno.test("createLog() blanks fields named like secrets and text that looks like one", () => {
  const { log, lines, parsed } = collector();
  const jwt = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl";
  log.info("x", {
    token: "s3cret",
    Cookie: "s3cret",
    authorization: "Bearer s3cret",
    nested: { ticket: "s3cret", client_secret: ["s3cret"] },
    detail: `no key for ${jwt}`,
    protocol: `chat.v1, bearer.${jwt}`,
    url: "/ws?ticket=s3cret&x=1&access_token=s3cret",
    error: new Error(`bad ${jwt}`),
    tokens: 12,
    admin_token_file: "/etc/sallyport/admin.token",
  });
  assert(!lines[0]!.includes("s3cret") && !lines[0]!.includes("eyJ"), lines[0]);
  const line = parsed()[0];
  assertEquals(line.url, "/ws?ticket=[redacted]&x=1&access_token=[redacted]");
  assertEquals([line.tokens, line.admin_token_file], [12, "/etc/sallyport/admin.token"]);
});

Deno.test("createLog() bounds a line with any value", () => {
  const { log, lines, parsed } = collector();
  const cycle: Record<string, unknown> = { name: "cycle" };
  cycle["self"] = cycle;
  const wide = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`k${i}`, "x".repeat(5000)]));
  log.info("x", {
    cycle,
    wide,
    list: Array.from({ length: 200 }, () => Array.from({ length: 100 }, () => "y".repeat(100))),
    long: "z".repeat(1e6),
  });
  assert(lines[0]!.length < 40_000, `${lines[0]!.length} characters`);
  assertEquals(parsed()[0].cycle.self.self.self, "[deep]");
  log.info("x", { list: [[[[[[["bottom"]]]]]]] });
  assertEquals(parsed()[1].list, [[["[deep]"]]]);
});

Deno.test("createLog() describes what JSON can't hold and survives hostile getters", () => {
  const { log, parsed } = collector();
  const hostile = {
    get boom(): string {
      throw new Error("boom");
    },
  };
  const proxy = new Proxy({}, {
    ownKeys() {
      throw new Error("boom");
    },
  });
  log.info("x", {
    big: 10n,
    nan: NaN,
    bytes: new Uint8Array(3),
    date: new Date(0),
    map: new Map([["a", 1]]),
    set: new Set([1]),
    call: () => 1,
    none: null,
    hostile,
    toJSON: () => "forged",
  });
  assertEquals({ ...parsed()[0], time: 0 }, {
    time: 0,
    level: "info",
    event: "x",
    big: "10",
    nan: "NaN",
    bytes: "[3 bytes]",
    date: "1970-01-01T00:00:00.000Z",
    map: { a: 1 },
    set: [1],
    call: "[function]",
    none: null,
    hostile: { boom: "[unreadable]" },
    toJSON: "[function]",
  });
  log.error("y", { proxy });
  assertEquals(parsed()[1].unprintable, true);
});

Deno.test("createLog() reports an error's name, message, code and cause", () => {
  const { log, parsed } = collector();
  log.error("x", { error: new Deno.errors.NotFound("no such file", { cause: new TypeError("why") }) });
  const { error } = parsed()[0];
  assertEquals([error.name, error.message, error.cause.name], ["NotFound", "no such file", "TypeError"]);
  assertMatch(error.stack, /log_test/);
});

Deno.test("createLog() in pretty form quotes what is not a plain word", () => {
  const { log, lines } = collector("pretty");
  log.warn("listening", { url: "wss://localhost:8443/ws", note: "two words", n: 3, off: undefined });
  assertEquals(
    lines[0],
    '13:07:11.250 warn  listening url=wss://localhost:8443/ws note="two words" n=3',
  );
});

Deno.test("createLog() colours the level of pretty lines for a terminal, and nothing else", () => {
  const lines: string[] = [];
  const write = (line: string) => void lines.push(line);
  const now = () => Date.UTC(2026, 10, 22, 13, 7, 11, 250);
  for (const format of ["pretty", "json"] as const) {
    createLog({ level: "info", format, colours: true, write, now }).warn("listening", { n: 3 });
  }
  assertEquals(lines[0], "13:07:11.250 \x1b[33mwarn \x1b[0m listening n=3");
  assertEquals(JSON.parse(lines[1]!).n, 3);
});

Deno.test("createLog() suppresses nothing for the hour by which its clock was set back", () => {
  const { log, parsed, clock } = collector();
  for (let i = 0; i < 10; i++) log.info("handshake.rejected");
  clock.now -= 3_600_000;
  log.info("handshake.rejected");
  assertEquals(parsed().length, 11);
});

Deno.test("createLog() lets ten of an event a second through, counts the rest and says how many", async () => {
  const { log, parsed, clock } = collector();
  for (let i = 0; i < 10; i++) log.info("handshake.rejected", { i });
  assertEquals(parsed().length, 10);
  for (let i = 0; i < 490; i++) log.info("handshake.rejected", { i });
  log.info("listening");
  assertEquals(parsed().length, 11, "the 11th of a second is counted; another event passes");
  clock.now += 999;
  log.info("handshake.rejected");
  assertEquals(parsed().length, 11);
  clock.now += 1;
  log.info("handshake.rejected", { after: true });
  const [summary, next] = parsed().slice(11);
  assertEquals([summary.event, summary.level, summary.suppressed], ["handshake.rejected", "info", 491]);
  assertEquals(next.after, true);
  await log.flush();
  assertEquals(parsed().length, 13, "nothing was suppressed since");
});

Deno.test("createLog() reports a flood that stopped, by itself and at flush", async () => {
  const lines: string[] = [];
  const log = createLog({ level: "info", format: "json", write: (line) => lines.push(line) });
  for (let i = 0; i < 15; i++) log.info("a");
  for (let i = 0; i < 12; i++) log.error("b");
  const deadline = Date.now() + 5000;
  while (lines.length < 22 && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
  const suppressed = lines.slice(20).map((line) => JSON.parse(line)).map((line) => [line.event, line.suppressed]);
  assertEquals(suppressed, [["a", 5], ["b", 2]]);
  for (let i = 0; i < 11; i++) log.info("c");
  await log.flush();
  assertEquals(JSON.parse(lines.at(-1)!).suppressed, 1);
});

Deno.test("createLog() lets no ref be lost in a flood, up to a bound", async () => {
  const { log, parsed } = collector();
  for (let i = 0; i < 15; i++) log.warn("handler.failed", { no: i });
  for (let i = 0; i < 250; i++) log.error("handler.failed", { ref: `r${i}` });
  log.error("handler.failed", { ref: "x".repeat(65) });
  assertEquals(parsed().length, 110, "ten without and a hundred with a ref");
  await log.flush();
  const summary = parsed().at(-1);
  assertEquals(parsed().length, 111);
  assertEquals([summary.event, summary.level, summary.suppressed], ["handler.failed", "error", 5 + 150 + 1]);
  assertEquals(summary.refs, Array.from({ length: 32 }, (_, i) => `r${100 + i}`));
});

Deno.test("createLog() goes on when its output throws, and counts what was lost", () => {
  const log = createLog({
    level: "info",
    format: "json",
    write: () => {
      throw new Deno.errors.BrokenPipe();
    },
  });
  log.info("a");
  log.info("b");
  assertEquals(log.lost, 2);
});

Deno.test("createLog() keeps a server alive whose stdout is closed, full or not read", async () => {
  const url = new URL("../../lib/log/log.ts", import.meta.url).href;
  const program = `
    import { createLog } from ${JSON.stringify(url)};
    const log = createLog({ level: "info", format: "json" });
    for (let i = 0; i < 3000; i++) log.info("event" + i, { text: "x".repeat(900) });
    await log.flush(300);
    for (let i = 0; i < 3; i++) { log.info("later" + i); await log.flush(300); }
    Deno.stderr.writeSync(new TextEncoder().encode("alive " + (log.lost > 0)));
    Deno.exit(0);`;
  const outputs = {
    closed: "deno run --no-prompt --no-lock - >&-",
    full: "deno run --no-prompt --no-lock - >/dev/full",
    "a pipe that is not read": 'mkfifo "$FIFO" && exec 3<>"$FIFO" && deno run --no-prompt --no-lock - >"$FIFO"',
    "a pipe whose reader left": "deno run --no-prompt --no-lock - | true; exit ${PIPESTATUS[0]}",
  };
  const directory = await Deno.makeTempDir();
  try {
    for (const [what, command] of Object.entries(outputs)) {
      const child = new Deno.Command("bash", {
        args: ["-c", command.replace("deno", `"${Deno.execPath()}"`)],
        env: { FIFO: `${directory}/fifo`, NO_COLOR: "1" },
        stdin: "piped",
        stdout: "null",
        stderr: "piped",
      }).spawn();
      const writer = child.stdin.getWriter();
      await writer.write(new TextEncoder().encode(program));
      await writer.close();
      const { code, stderr } = await child.output();
      assertEquals(code, 0, `${what}: ${new TextDecoder().decode(stderr)}`);
      assertStringIncludes(new TextDecoder().decode(stderr), "alive true", what);
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a flood of one handler module leaves the lines of another, and its report names it", async () => {
  const lines: Record<string, unknown>[] = [];
  const log = createLog({ level: "info", format: "json", write: (line) => lines.push(JSON.parse(line)) });
  for (let index = 0; index < 50; index++) log.info("handler.log", { module: "loud.v1", message: `${index}` });
  log.info("handler.log", { module: "quiet.v1", message: "heard" });
  log.info("handler.log", { message: "of none" });
  await log.flush();
  const of = (module: string | undefined) => lines.filter((line) => line["module"] === module);
  assertEquals(of("quiet.v1").map(({ message }) => message), ["heard"]);
  assertEquals(of(undefined).map(({ message }) => message), ["of none"]);
  assertEquals(of("loud.v1").length, 11);
  assertEquals(of("loud.v1").at(-1)!["suppressed"], 40);
});

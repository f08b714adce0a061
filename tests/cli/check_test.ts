import { UNKNOWN_LIMITS } from "../../lib/base/system_limits.ts";
import { check, type CheckDeps } from "../../lib/cli/check.ts";
import { parseCommandLine } from "../../lib/cli/args.ts";
import type { Finding } from "../../lib/config/findings/findings.ts";
import { AUTH, ConfigFolder, type Sections, toml } from "../helpers/config_folder.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../assert.ts";

const TLS = 'cert_file = "server.crt"\nkey_file = "server.key"\n';
const WARNING: Sections = { tls: TLS, auth: `${AUTH}public_key_file = "es256.pub.pem"\nsources = ["query"]` };
const ERROR: Sections = { tls: TLS, limits: "ip = { burst = 0 }" };

async function run(fixture: ConfigFolder, sections: Sections, words: string[] = [], deps: CheckDeps = {}) {
  Deno.writeTextFileSync(fixture.path, toml(sections));
  Deno.chmodSync(fixture.path, 0o644);
  const [out, err]: [string[], string[]] = [[], []];
  const status = await check(
    parseCommandLine(["check", "--config", fixture.path, ...words]),
    { stdout: (line) => void out.push(line), stderr: (line) => void err.push(line), env: () => undefined },
    { cores: 2, system: UNKNOWN_LIMITS, ...deps },
  );
  return { status, out, err, text: out.join("\n") };
}

Deno.test("check() exits with 0 on notes, 1 on errors, and 1 on warnings with --strict", async () => {
  using fixture = new ConfigFolder();
  const cases: [Sections, string[], number][] = [
    [{ tls: TLS }, [], 0],
    [{ tls: TLS }, ["--strict"], 0],
    [WARNING, [], 0],
    [WARNING, ["--strict"], 1],
    [WARNING, ["--strict", "--json"], 1],
    [ERROR, [], 1],
    [ERROR, ["--strict"], 1],
    [ERROR, ["--json"], 1],
    [{ server: "port = -1" }, [], 2],
    [{ server: "port = -1" }, ["--strict", "--json"], 2],
  ];
  for (const [sections, words, status] of cases) {
    assertEquals((await run(fixture, sections, words)).status, status, JSON.stringify([sections, words]));
  }
});

Deno.test("check() prints findings, a summary, and what the configuration admits", async () => {
  using fixture = new ConfigFolder();
  const { out, err } = await run(fixture, WARNING);
  assertEquals(err, []);
  assertEquals(out.slice(0, 3), [
    'warning: auth.sources: Tokens are taken from the URL ("query")',
    "  why: URLs end up in browser histories, proxy logs and Referer headers",
    '  remedy: Use "ticket" for browsers and "header" for programs',
  ]);
  assertEquals(
    out.at(-4),
    "note: limits: Admits at most 500,000 messages/s, 2,621.4 MB/s, 12,518.9 MB of memory, 500,000 subscriptions (320 MB)",
  );
  assertEquals(out.at(-1), "0 errors, 1 warning, 2 notes");
});

Deno.test("check() prints problems on a line each when the file can't be read as configuration", async () => {
  using fixture = new ConfigFolder();
  const { out, err } = await run(fixture, { server: "port = -1\nx = 1" });
  assertEquals(out, []);
  assertEquals(err.length, 2);
  assertEquals(err[0], `${fixture.path}: server.port: is -1, must be a whole number from 0 to 65535`);
  assertMatch(err[1] ?? "", /: server\.x: is not known here, allowed: /);
});

Deno.test("check() says which file is missing", async () => {
  const err: string[] = [];
  const io = { stdout: () => {}, stderr: (line: string) => void err.push(line), env: () => undefined };
  assertEquals(await check(parseCommandLine(["check", "--config", "/nowhere/x.toml"]), io), 2);
  assertEquals(err, ["/nowhere/x.toml: no such file, must be an existing file"]);
});

Deno.test("check() prints one JSON object with --json, for problems too", async () => {
  using fixture = new ConfigFolder();
  const good = await run(fixture, WARNING, ["--json"]);
  assertEquals(good.out.length, 1);
  const { findings, admits } = JSON.parse(good.text);
  assertEquals(admits.messages_per_second, 500_000);
  assertEquals(Object.keys(findings[0]).sort(), ["remedy", "severity", "what", "where", "why"]);
  assertEquals(findings[0].where, "auth.sources");
  const bad = await run(fixture, { server: "port = -1" }, ["--json"]);
  assertEquals(JSON.parse(bad.text).findings[0].severity, "error");
  assertStringIncludes(JSON.parse(bad.text).findings[0].where, "server.port");
});

Deno.test("check() runs every checker, and a checker that fails is an error", async () => {
  using fixture = new ConfigFolder();
  const finding = (severity: Finding["severity"], where: string): Finding => ({
    severity,
    where,
    what: "A",
    why: "B",
    remedy: "C",
  });
  const seen: string[] = [];
  const { status, text, out } = await run(fixture, { tls: TLS }, [], {
    checkers: [
      (config) => {
        seen.push(config.handlers[0]?.subprotocol ?? "");
        return Promise.resolve([finding("note", "one"), finding("warning", "two")]);
      },
      () => Promise.reject(new Error("broken")),
      () => Promise.resolve([]),
    ],
  });
  assertEquals([seen, status], [["chat.v1"], 1]);
  assertStringIncludes(out[0] ?? "", "error: check: A check failed: broken");
  assert(text.indexOf("warning: two: A") < text.indexOf("note: one: A"));
  assertMatch(out.at(-4) ?? "", /^note: limits: Admits/);
  assertMatch(out.at(-1) ?? "", /^1 error, 1 warning, \d+ notes$/);
});

Deno.test("check() warns once, with figures, of what the system does not grant", async () => {
  using fixture = new ConfigFolder();
  const system = { openFiles: 1024, memoryBytes: 64 * 1024 * 1024 };
  const { status, out } = await run(fixture, { tls: TLS }, ["--strict", "--json"], { system });
  const warnings = (JSON.parse(out[0]!).findings as Finding[]).filter(({ severity }) => severity === "warning");
  assertEquals([status, warnings.map(({ where }) => where)], [1, ["server.max_connections"]]);
  assertMatch(warnings[0]!.what, /open files, the system grants 1,024, and .* the system grants 64 MiB/);
});

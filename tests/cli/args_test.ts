import { KEY_ALGORITHMS, parseCommandLine, type ParsedArgs, UsageError } from "../../lib/cli/args.ts";
import { COMMANDS, OPTIONS } from "../../lib/cli/commands.ts";
import { help, helpText } from "../../lib/cli/help.ts";
import { version } from "../../lib/cli/version.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "../assert.ts";

const DEFAULTS = {
  dev: false,
  json: false,
  strict: false,
  raw: false,
  role: [],
  ttl: 3_600_000,
  alg: "ES256",
  format: "openrpc",
} as const;

const words = (line: string) => line.split(" ").filter((word) => word !== "");

Deno.test("parseCommandLine() reads every command and option", () => {
  const cases: [string, Partial<ParsedArgs>][] = [
    ["serve", { command: "serve" }],
    ["serve --config x.toml", { command: "serve", config: "x.toml" }],
    ["serve --config=x.toml", { command: "serve", config: "x.toml" }],
    ["serve --dev", { command: "serve", dev: true }],
    ["serve --dev --port 0", { command: "serve", dev: true, port: 0 }],
    ["serve --port 65535 --dev", { command: "serve", dev: true, port: 65535 }],
    ["check --config x --json --strict", { command: "check", config: "x", json: true, strict: true }],
    ["token --sub 42", { command: "token", sub: "42" }],
    ["token --sub a --role user --role admin --ttl 90s", {
      command: "token",
      sub: "a",
      role: ["user", "admin"],
      ttl: 90_000,
    }],
    ["token --sub a --dev", { command: "token", sub: "a", dev: true }],
    ["token --sub a --ttl 1s", { command: "token", sub: "a", ttl: 1000 }],
    ["token --sub a --ttl 365d", { command: "token", sub: "a", ttl: 31_536_000_000 }],
    ["keys --out dir", { command: "keys", out: "dir" }],
    ...KEY_ALGORITHMS.map((
      alg,
    ): [string, Partial<ParsedArgs>] => [`keys --out d --alg ${alg}`, { command: "keys", out: "d", alg }]),
    ["connect wss://h/ws", { command: "connect", url: "wss://h/ws" }],
    ["connect --raw wss://h/ws --token t --origin o --subprotocol s --ca f", {
      command: "connect",
      url: "wss://h/ws",
      raw: true,
      token: "t",
      origin: "o",
      subprotocol: "s",
      ca: "f",
    }],
    ["contract --config x", { command: "contract", config: "x" }],
    ["contract --format types", { command: "contract", format: "types" }],
    ["contract --check old.json", { command: "contract", check: "old.json" }],
    ["version", { command: "version" }],
    ["--version", { command: "version" }],
    ["help", { command: "help" }],
    ["--help", { command: "help" }],
    ["-h", { command: "help" }],
    ["help token", { command: "help", topic: "token" }],
    ["token --help", { command: "help", topic: "token" }],
    ["token --nonsense -h", { command: "help", topic: "token" }],
  ];
  for (const [line, expected] of cases) {
    assertEquals(parseCommandLine(words(line)), { ...DEFAULTS, ...expected } as ParsedArgs, line);
  }
});

Deno.test("parseCommandLine() rejects wrong usage, and says what is right", () => {
  const cases: [string, string][] = [
    ["", "No command given"],
    ["dial", 'No such command: "dial", there are serve, check'],
    ["connect", "connect needs a URL"],
    ["connect wss://h/ws other", 'connect takes no "other"'],
    ["connect wss://h/ws --sub x", 'connect has no option "--sub"'],
    ["connect wss://h/ws --token a --token b", "--token is given 2 times"],
    ["probe", "No such command"],
    ["constructor", "No such command"],
    ["__proto__", "No such command"],
    ["--config x serve", "The command must come before"],
    ["serve x", 'serve takes no "x"'],
    ["serve -- --dev", 'serve takes no "--dev"'],
    ["serve --conf x", 'serve has no option "--conf"'],
    ["serve --json", 'serve has no option "--json"'],
    ["serve -d", 'serve has no option "-d"'],
    ["serve --no-dev", "serve has no option"],
    ["serve --__proto__.x=1", "serve has no option"],
    ["serve --dev=no", "--dev takes no value"],
    ["serve --dev false", "--dev takes no value"],
    ["check --strict=false", "--strict takes no value"],
    ["serve --config", "--config needs a value: --config FILE"],
    ["serve --config=", "--config needs a value"],
    ["serve --dev --config x.toml", "--dev and --config can't be used together"],
    ["serve --config --dev", "--config needs a value"],
    ["serve --config a --config b", "--config is given 2 times"],
    ["serve --port 1", "--port needs --dev"],
    ["serve --dev --port=-1", "--port"],
    ["serve --dev --port 65536", '--port is "65536", must be a whole number from 0 to 65535'],
    ["serve --dev --port 08", "--port"],
    ["serve --dev --port 1e3", "--port"],
    ["token", "token needs --sub NAME"],
    ["token --role x", "token needs --sub NAME"],
    ["token --sub a --ttl 3600", '--ttl is "3600", must be a duration'],
    ["token --sub a --ttl 999ms", "--ttl"],
    ["token --sub a --ttl 366d", "--ttl"],
    ["keys", "keys needs --out DIR"],
    ["keys --out d --alg none", '--alg is "none", must be one of ES256, EdDSA, RS256, HS256'],
    ["keys --out d --alg es256", "--alg"],
    ["version 1", "version takes no"],
    ["help nonsense", "No such command"],
    ["help token keys", "help takes one command"],
  ];
  for (const [line, message] of cases) assertThrows(() => parseCommandLine(words(line)), UsageError, message, line);
});

Deno.test("parseCommandLine() does not share state between calls", () => {
  parseCommandLine(words("token --sub a --role x --ttl 1m"));
  assertEquals(parseCommandLine(words("token --sub a")), { ...DEFAULTS, command: "token", sub: "a" });
});

Deno.test("helpText() names every command, and every option of a command", () => {
  const overview = helpText();
  for (const [name, command] of Object.entries(COMMANDS)) {
    assertMatch(overview, new RegExp(`^  ${name} +${command.summary}$`, "m"));
    const text = helpText(name as keyof typeof COMMANDS);
    assertStringIncludes(text, `usage: sallyport ${name}`);
    for (const option of command.options) assertMatch(text, new RegExp(`^  --${option}\\b.*  `, "m"));
    for (const line of text.split("\n")) assert(line.length <= 120, line);
  }
  for (const option of Object.keys(OPTIONS)) {
    assert(Object.values(COMMANDS).some((command) => (command.options as readonly string[]).includes(option)), option);
  }
});

Deno.test("help() and version() print and succeed", async () => {
  const lines: string[] = [];
  const io = { stdout: (line: string) => void lines.push(line), stderr: () => {}, env: () => undefined };
  assertEquals(await help(parseCommandLine(["help", "token"]), io), 0);
  assertStringIncludes(
    lines.join("\n"),
    "usage: sallyport token --sub NAME [--role ROLE]… [--ttl DURATION] [--config FILE]",
  );
  lines.length = 0;
  assertEquals(await version(parseCommandLine(["version"]), io), 0);
  assertMatch(lines.join("\n"), /^sallyport [0-9]+\.[0-9]+\.[0-9]+ \(deno [0-9.]+, v8 [^ )]+\)$/);
});

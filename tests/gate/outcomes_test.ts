/** The catalogue of outcomes: its tables are whole, the documentation says what they say, and no code goes around them. */
import {
  CLOSE_CODES,
  CLOSE_REASONS,
  closeFor,
  CLOSES,
  ErrorCode,
  ERRORS,
  HANDSHAKE_REASONS,
  MESSAGE_RESULTS,
  REASONS,
  type RefusalOutcome,
  REFUSALS,
} from "../../lib/gate/outcomes.ts";
import { encodeClose, isCloseCode } from "../../lib/websocket/websocket.ts";
import { assert, assertEquals, assertMatch } from "../assert.ts";

const ROOT = new URL("../../", import.meta.url);

Deno.test("the catalogue: names, codes and texts are well-formed and told apart", () => {
  for (const name of [...REASONS, ...CLOSE_REASONS, ...HANDSHAKE_REASONS, ...MESSAGE_RESULTS]) {
    assertMatch(name, /^[a-z][a-z0-9_]*$/);
  }
  for (const labels of [HANDSHAKE_REASONS, MESSAGE_RESULTS]) assertEquals(new Set(labels).size, labels.length);
  for (const { status } of Object.values(REFUSALS)) assert(status >= 400 && status <= 599, String(status));
  assertEquals(new Set(ERRORS.map(({ code }) => code)).size, ERRORS.length);
  for (const { code } of ERRORS) assert(code >= -32768 && code <= -32000, String(code));
  const texts = [...Object.values(REFUSALS), ...ERRORS, ...CLOSE_CODES.values(), ...Object.values(CLOSES)];
  for (const { text } of texts) assertMatch(text, /^[A-Z].*\.$/);
});

Deno.test("ErrorCode has each code of the catalogue under its name", () => {
  assertEquals(Object.values(ErrorCode) as number[], ERRORS.map(({ code }) => code));
  assertEquals([ErrorCode.PARSE_ERROR, ErrorCode.OVERLOADED, ErrorCode.TIMEOUT], [-32700, -32004, -32005]);
});

Deno.test("closeFor() gives what a close frame can carry, with a code that says whether to come back", () => {
  for (const cause of CLOSE_REASONS) {
    const { code, reason } = closeFor(cause);
    assert(isCloseCode(code), cause);
    assert(CLOSE_CODES.has(code), cause);
    assert(encodeClose(code, reason).length <= 2 + 125, cause);
  }
  assertEquals(closeFor("kicked"), { code: 1008, reason: "kicked" });
  assertEquals(closeFor("protocol_error"), { code: 1002, reason: "" });
  assertEquals(closeFor("invalid_utf8"), { code: 1007, reason: "" });
});

Deno.test("an offence of the address is a malformed request or a broken frame, and nothing that an honest client sends", () => {
  const refused = REASONS.filter((reason) => REFUSALS[reason].costs === "offence");
  assertEquals(refused, ["bad_request", "headers_too_large"]);
  const closed = CLOSE_REASONS.filter((reason) => CLOSES[reason].offence);
  assertEquals(closed, ["protocol_error", "invalid_utf8"]);
});

Deno.test("requests that any page can cause cost the address a request", () => {
  const paid = REASONS.filter((reason) => REFUSALS[reason].costs === "request");
  assertEquals(paid, ["origin_missing", "origin_not_allowed", "method_not_allowed", "upgrade_required"]);
});

type Row = readonly string[];

/** The rows of the table in `text` whose first header cell is `head`, without the header. */
function tableOf(text: string, head: string): Row[] {
  const lines = text.split("\n");
  const start = lines.findIndex((line) => line.startsWith("|") && cells(line)[0] === head);
  assert(start >= 0, `a table that begins with "${head}"`);
  const end = lines.findIndex((line, index) => index > start && !line.startsWith("|"));
  return lines.slice(start + 2, end < 0 ? undefined : end).map(cells);
}

function cells(line: string): string[] {
  return line.split("|").slice(1, -1).map((cell) => cell.trim());
}

const sorted = <T>(items: Iterable<T>): T[] => [...new Set(items)].sort();
const codesIn = (cell: string) => [...cell.matchAll(/-?\b\d{3,5}\b/g)].map(([code]) => Number(code));
const reasonsIn = (cell: string) => [...cell.matchAll(/`([a-z_]+)`/g)].map(([, reason]) => reason!);

/** Reasons of close frames with this code. */
const sentWith = (code: number) =>
  CLOSE_REASONS.map(closeFor).filter((close) => close.code === code && close.reason !== "").map(({ reason }) => reason);

Deno.test("README.md: the table of statuses is the catalogue's", async () => {
  const refusals = new Map<string, RefusalOutcome>(Object.entries(REFUSALS));
  const rows = tableOf(await Deno.readTextFile(new URL("README.md", ROOT)), "status");
  assertEquals(sorted(rows.flatMap(([, reasons]) => reasonsIn(reasons!))), sorted(REASONS));
  for (const [statuses, reasons] of rows) {
    const named = reasonsIn(reasons!).map((reason) => refusals.get(reason)!);
    assertEquals(sorted(codesIn(statuses!)), sorted(named.map(({ status }) => status)), statuses);
    const told = named.some(({ retry }) => retry === "when_told");
    assertEquals(statuses!.includes("Retry-After"), told, statuses);
  }
});

Deno.test("README.md: the table of JSON-RPC errors is the catalogue's", async () => {
  const rows = tableOf(await Deno.readTextFile(new URL("README.md", ROOT)), "JSON-RPC error");
  assertEquals(rows.flatMap(([codes]) => codesIn(codes!)), ERRORS.map(({ code }) => code));
});

Deno.test("README.md: the table of close codes is the catalogue's", async () => {
  const rows = tableOf(await Deno.readTextFile(new URL("README.md", ROOT)), "close code");
  const sent = Object.values(CLOSES).map(({ code }) => code);
  assertEquals(sorted(rows.flatMap(([codes]) => codesIn(codes!))), sorted(sent));
  for (const [codes, meaning, reconnect] of rows) {
    const [code] = codesIn(codes!);
    const expected = sentWith(code!);
    const named = reasonsIn(meaning!).filter((reason) => CLOSE_REASONS.includes(reason as never));
    if (named.length > 0) assertEquals(sorted(named), sorted(expected), codes);
    const { retry } = CLOSE_CODES.get(code!)!;
    assertMatch(reconnect!, retry === "never" ? /^no\b/ : retry === "new_token" ? /^yes, with a new token/ : /^yes\b/);
  }
});

Deno.test("docs/client.md: the table of ends is the catalogue's", async () => {
  const rows = tableOf(await Deno.readTextFile(new URL("docs/client.md", ROOT)), "end");
  const listed = new Map<number, string>();
  for (const [end, back] of rows) for (const code of codesIn(end!)) listed.set(code, back!);
  const retries = [
    ...Object.values(REFUSALS).map(({ status, retry }) => [status, retry] as const),
    ...[...CLOSE_CODES].map(([code, { retry }]) => [code, retry] as const),
  ];
  for (const [code, retry] of retries) {
    const back = listed.get(code);
    // 500 and whatever else is not named come back by the row of "any other status".
    if (back === undefined) assertEquals(retry, "later", String(code));
    else if (retry === "never") assertEquals(back, "never", String(code));
    else if (retry === "new_token") assertMatch(back, /^at once with a new token/, String(code));
    else assert(!back.startsWith("never"), String(code));
  }
});

/** Tokens of TypeScript that are no code: comments, strings, and what of templates is text. */
const NO_CODE = /\/\/[^\n]*|\/\*[^]*?\*\/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`/g;

/** The outcomes that a file writes by hand instead of taking them from the catalogue. */
function bypasses(source: string): string[] {
  const reasons = [...REASONS, ...CLOSE_REASONS].join("|");
  const numbers = CLOSE_REASONS.map((reason) => CLOSES[reason].code).join("|");
  const code = source.replaceAll(NO_CODE, (token) => token.startsWith('"') ? '""' : "");
  const texts = source.replaceAll(/\/\/[^\n]*|\/\*[^]*?\*\//g, "");
  return [
    ...code.matchAll(/\baccepted: false\b/g),
    ...code.matchAll(/-32_?(?!000|768)\d{3}\b/g),
    ...code.matchAll(new RegExp(`\\b(?:${numbers})\\b`, "g")),
    ...texts.matchAll(new RegExp(`\\b\\d{3,4}, "(?:${reasons})"`, "g")),
  ].map(([found]) => found);
}

/** Files that may: the catalogue and what makes refusals of it, the codes of RFC 6455, the operators' own HTTP interface. */
const ALLOWED = /^lib\/(?:gate\/(?:outcomes|refusal|gate)|websocket\/close_codes|ops\/\w+)\.ts$/;

async function* sources(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(new URL(folder, ROOT))) {
    if (isDirectory) yield* sources(`${folder}${name}/`);
    else if (/\.(?:ts|js)$/.test(name)) yield `${folder}${name}`;
  }
}

Deno.test("no code of lib/ writes a refusal, an error code or a close code by hand", async () => {
  let files = 0;
  for await (const path of sources("lib/")) {
    files++;
    if (ALLOWED.test(path)) continue;
    assertEquals(bypasses(await Deno.readTextFile(new URL(path, ROOT))), [], path);
  }
  assert(files > 150, `${files} files`);
});

Deno.test("an outcome written by hand is found in each spelling, and prose about it is not", () => {
  for (
    const [source, found] of [
      ['refuse({ accepted: false, status: 408, reason: "timeout" });', "accepted: false"],
      ["call.reject(-32004);", "-32004"],
      ["const FORBIDDEN = -32_003;", "-32_003"],
      ['session.end(1008, "kicked");', "1008"],
      ["socket.close(4401, reason);", "4401"],
      ['errorResponse(config, 500, "internal");', '500, "internal"'],
    ] as const
  ) assert(bypasses(source).includes(found), source);
  for (
    const source of [
      "// closes with 1008, answers -32004",
      "/** {@linkcode x} -32603, `{ accepted: false }` */",
      'const text = "The client sees 1001 instead of 1002";',
      "const detail = `no 4408 idle`;",
      "const readonly = { accepted: boolean };",
      "const bytes = 1024 + 11008 + 1_008;",
    ]
  ) assertEquals(bypasses(source), [], source);
});

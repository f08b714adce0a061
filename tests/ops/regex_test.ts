import { isSafe } from "redos-detector";
import { assert, assertEquals } from "../assert.ts";

const LIB = new URL("../../lib/", import.meta.url);

/** Files whose expressions read what only the operator writes. */
const TRUSTED = [
  "config/toml_keys.ts",
  "admission/token/key_files.ts",
  "tls/certificate.ts",
  "tls/certificate_findings.ts",
];

interface Found {
  readonly file: string;
  readonly pattern: string;
  readonly flags: string;
}

/** Every regular expression of a source, as the compiler sees it: literals, and `new RegExp` with a text. */
function expressions(file: string, source: string): Found[] {
  const found: Found[] = [];
  const plugin: Deno.lint.Plugin = {
    name: "expressions",
    rules: {
      all: {
        create: () => ({
          Literal(node) {
            const { regex } = node as { regex?: { pattern: string; flags: string } };
            if (regex) found.push({ file, pattern: regex.pattern, flags: regex.flags });
          },
          NewExpression(node) {
            if (node.callee.type === "Identifier" && node.callee.name === "RegExp") {
              const first = node.arguments[0];
              const literal = first?.type === "Literal" && typeof first.value === "string" ? first.value : "";
              found.push({ file, pattern: literal, flags: "dynamic" });
            }
          },
        }),
      },
    },
  };
  Deno.lint.runPlugin(plugin, file, source);
  return found;
}

function sources(folder: URL): URL[] {
  return [...Deno.readDirSync(folder)].flatMap((entry) => {
    const url = new URL(entry.isDirectory ? `${entry.name}/` : entry.name, folder);
    return entry.isDirectory ? sources(url) : /\.ts$/.test(entry.name) ? [url] : [];
  });
}

Deno.test("no regular expression of the server backtracks on hostile input", () => {
  const all = sources(LIB).flatMap((url) =>
    expressions(url.pathname.slice(LIB.pathname.length), Deno.readTextFileSync(url))
  );
  assert(all.length > 20, `only ${all.length} were found: the search is broken`);
  assertEquals(all.filter(({ flags }) => flags === "dynamic"), [], "patterns are literals, so that they can be judged");
  const unsafe = all.filter(({ file, pattern, flags }) => {
    if (TRUSTED.includes(file)) return false;
    // The detector has no sticky flag; it means the same as an anchor.
    const anchored = flags.includes("y") ? `^(?:${pattern})` : pattern;
    return !isSafe(new RegExp(anchored, flags.replace(/[^iums]/g, "")), { maxScore: 50 }).safe;
  });
  assertEquals(unsafe, []);
});

Deno.test("the detector knows what backtracks", () => {
  for (const pattern of [/^(a+)+$/, /^a+a+$/, /\s+$/]) {
    assertEquals(isSafe(pattern, { maxScore: 50 }).safe, false, pattern.source);
  }
});

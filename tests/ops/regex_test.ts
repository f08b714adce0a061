import { isSafe } from "redos-detector";
import { assert, assertEquals } from "../assert.ts";

const LIB = new URL("../../lib/", import.meta.url);

/**
 * Files whose expressions read what only the operator writes, or a contract of at most 1 MiB, and whose repetitions stop
 * at the character that begins them.
 */
const TRUSTED = [
  "cli/connect/lines.ts",
  "config/toml_keys.ts",
  "admission/token/key_files.ts",
  "tls/certificate.ts",
  "tls/certificate_findings.ts",
  "sandbox/author/topic_pattern.ts",
  "contract/compare.ts",
  "contract/schemas.ts",
  "contract/typescript.ts",
  "contract/typescript_schema.ts",
];

/** Files that put patterns together from texts, and why that is safe. */
const DYNAMIC: Readonly<Record<string, string>> = {
  "sandbox/author/topic_pattern.ts": "its form is judged below",
  "contract/schema_parts.ts": "`contract --check` reads what the operator gives it",
  "contract/typescript.ts": "`contract --check` reads what the operator gives it",
};

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
  const dynamic = all.filter(({ flags }) => flags === "dynamic").map(({ file }) => file);
  assertEquals(dynamic, Object.keys(DYNAMIC), "patterns are literals, so that they can be judged");
  const unsafe = all.filter(({ file, pattern, flags }) => {
    if (TRUSTED.includes(file) || flags === "dynamic") return false;
    // The detector has no sticky flag; it means the same as an anchor.
    const anchored = flags.includes("y") ? `^(?:${pattern})` : pattern;
    return !isSafe(new RegExp(anchored, flags.replace(/[^iums]/g, "")), { maxScore: 50 }).safe;
  });
  assertEquals(unsafe, []);
});

Deno.test("the expression of a topic's pattern does not backtrack", () => {
  const source = Deno.readTextFileSync(new URL("sandbox/author/topic_pattern.ts", LIB));
  // Segments end at a separator that no placeholder matches, and have one placeholder each.
  assert(source.includes('index % 2 === 1 ? "([^:/]+)" : RegExp.escape(part)'), "the form that is judged here");
  for (const pattern of [/^room:([^:/]+)$/u, /^a([^:/]+)aa:([^:/]+)b\/([^:/]+):c([^:/]+)$/u]) {
    assert(isSafe(pattern, { maxScore: 50 }).safe, pattern.source);
  }
});

Deno.test("the detector knows what backtracks", () => {
  for (const pattern of [/^(a+)+$/, /^a+a+$/, /\s+$/]) {
    assertEquals(isSafe(pattern, { maxScore: 50 }).safe, false, pattern.source);
  }
});

/** Secrets are compared whole, and in a time that tells nothing of them. */
import { assert, assertEquals } from "../assert.ts";
import { equalSecrets } from "../../lib/admission/admission.ts";
import { digest, equalDigests } from "../../lib/base/equal_secrets.ts";
import { ROOT } from "../../tools/project.ts";

Deno.test("equalSecrets() compares digests of one length for secrets of any length (websockets CVE-2021-33880)", async () => {
  const table: [string, string, boolean][] = [
    ["secret", "secret", true],
    ["", "", true],
    ["geheimnis-ü", "geheimnis-ü", true],
    ["secret", "secreT", false],
    ["secret", "secret ", false],
    ["secret", "", false],
    ["secret", "s".repeat(100_000), false],
    ["\u0000", "", false],
  ];
  for (const [a, b, equal] of table) assertEquals([await equalSecrets(a, b), await equalSecrets(b, a)], [equal, equal]);
});

Deno.test("equalDigests() notices a difference in any bit of any byte", async () => {
  const original = await digest("secret");
  assertEquals(original.length, 32);
  assert(equalDigests(original, original.slice()));
  for (let bit = 0; bit < original.length * 8; bit++) {
    const other = original.slice();
    other[bit >> 3]! ^= 1 << (bit & 7);
    assertEquals(equalDigests(original, other), false, `bit ${bit}`);
  }
});

Deno.test("equalSecrets() tells apart secrets whose digests have a byte in common, at every place of it", async () => {
  const digests = new Map<string, Uint8Array>();
  for (let number = 0; number < 64; number++) digests.set(`secret ${number}`, await digest(`secret ${number}`));
  for (let place = 0; place < 32; place++) {
    const pair = commonByte(digests, place);
    assert(pair !== null, `no two digests have byte ${place} in common`);
    assertEquals(await equalSecrets(...pair), false, `${pair}: byte ${place}`);
  }
});

/** Two texts whose digests have the same byte there, or null. */
function commonByte(digests: ReadonlyMap<string, Uint8Array>, place: number): [string, string] | null {
  const seen = new Map<number, string>();
  for (const [text, bytes] of digests) {
    const other = seen.get(bytes[place]!);
    if (other !== undefined) return [other, text];
    seen.set(bytes[place]!, text);
  }
  return null;
}

// How long a comparison takes can't be measured honestly on a shared machine, so these read the source.

const source = (path: string) => Deno.readTextFile(`${ROOT}/${path}`);
const withoutComments = (text: string) => text.replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, "");

Deno.test("the comparison of secrets is the library's for constant time, without one of our own beside it", async () => {
  const text = withoutComments(await source("lib/base/equal_secrets.ts"));
  assert(/import \{ timingSafeEqual \} from "@std\/crypto\/timing-safe-equal"/.test(text));
  assert(/equalDigests: [^=]*=> boolean = timingSafeEqual;/.test(text));
  assert(/return equalDigests\(left, right\);/.test(text));
  assertEquals(text.match(/[=!]==?(?!>)|localeCompare|indexOf|startsWith|includes/g), null);
});

/** Two names, or members of something, of which one sounds like a secret. */
const NAME = String.raw`[\w.?!#]*`;
const SECRET = String.raw`${NAME}(?:secret|password|passphrase|token|ticket|digest|credential)s?\b(?![.(\[?])`;
const COMPARED = new RegExp(String.raw`(?:${SECRET}\s*[!=]==?\s*(${NAME})|(${NAME})\s*[!=]==?\s*${SECRET})`, "gi");
/** Whether there is one at all tells nothing of what it is. */
const HARMLESS = new Set(["null", "undefined", ""]);

/** Comparisons of something that sounds like a secret. */
function comparisons(text: string): string[] {
  return [...withoutComments(text).matchAll(COMPARED)]
    .filter(([, right, left]) => !HARMLESS.has(right ?? left ?? ""))
    .map(([whole]) => whole);
}

/** Public values: one word of a header field, which is no secret, is compared with another. */
const PUBLIC = ["lib/admission/field.ts: element.toLowerCase() === token"];

Deno.test("nothing that sounds like a secret is compared with ===", async () => {
  for (const text of ["given === adminToken", "if (a.secret !== b)", "digest == other", "x === options.adminToken)"]) {
    assertEquals(comparisons(text).length, 1, text);
  }
  for (const text of ["token === null", "undefined !== ticket", 'token === ""', "tokens.length === 3"]) {
    assertEquals(comparisons(text), [], text);
  }
  const found: string[] = [];
  for (const path of await sources("lib")) {
    for (const line of (await source(path)).split("\n")) {
      if (comparisons(line).length > 0) found.push(`${path}: ${line.trim()}`);
    }
  }
  assertEquals(found.filter((line) => !PUBLIC.some((known) => isKnown(line, known))), []);
});

function isKnown(line: string, known: string): boolean {
  const [path, code] = known.split(": ") as [string, string];
  return line.startsWith(path) && line.includes(code);
}

async function sources(folder: string): Promise<string[]> {
  const paths: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(`${ROOT}/${folder}`)) {
    if (isDirectory) paths.push(...await sources(`${folder}/${name}`));
    else if (name.endsWith(".ts")) paths.push(`${folder}/${name}`);
  }
  return paths;
}

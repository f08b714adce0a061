import { developmentPage, pageContentSecurityPolicy } from "../../../lib/front/page/page.ts";
import { CLOSE_CODES, CLOSE_REASONS, closeFor, ERRORS, REASONS } from "../../../lib/gate/outcomes.ts";
import { assert, assertEquals, assertMatch, assertNotMatch } from "../../assert.ts";

const page = developmentPage();
const scripts = [...page].filter(([path]) => /\.(js|ts)$/.test(path));

Deno.test("developmentPage() has a document whose every reference is one of its own files", () => {
  const html = page.get("/")?.body ?? "";
  const references = [...html.matchAll(/\b(?:src|href)="([^"]+)"/g)].map(([, reference]) => reference ?? "");
  assertEquals(references.length, 3);
  for (const reference of references) assert(page.has(reference), reference);
});

Deno.test("developmentPage() has scripts that import only each other, and leaves none out", () => {
  const imported = new Set(["/app.js"]);
  for (const [path, { body }] of scripts) {
    for (const [, module = ""] of body.matchAll(/^(?:import|export)\b[^;]*? from "([^"]+)"/gm)) {
      const target = new URL(module, `https://localhost${path}`).pathname;
      assert(page.has(target), `${path}: ${module}`);
      imported.add(target);
    }
  }
  assertEquals(scripts.map(([path]) => path).filter((path) => !imported.has(path)), []);
});

Deno.test("developmentPage() has the client library as it is, in JavaScript", async () => {
  const names = [...Deno.readDirSync("client")].map(({ name }) => name).filter((name) => name.endsWith(".ts"));
  const served = [...page.keys()].filter((path) => path.startsWith("/client/")).map((path) => path.slice(8));
  // types.ts has no code: nothing imports it.
  assertEquals(served.sort(), names.filter((name) => name !== "types.ts").sort());
  const text = page.get("/client/calls.ts")?.body ?? "";
  await import(`data:text/javascript,${encodeURIComponent(text.replaceAll(/^import [^;]*;/gm, ""))}`);
});

Deno.test("developmentPage() needs nothing that its policy forbids", () => {
  const html = page.get("/")?.body ?? "";
  assertNotMatch(html, /<style|\sstyle=|\son\w+=|<script[^>]*>[^<]|javascript:/i);
  for (const [path, { body }] of page) {
    assertNotMatch(body.replaceAll("http://www.w3.org/2000/svg", ""), /https?:\/\//, path);
  }
});

Deno.test("developmentPage() never turns text into markup", () => {
  for (const [path, { body }] of scripts) {
    assertNotMatch(body, /innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function/, path);
  }
});

Deno.test("developmentPage() gives each file the type a browser demands under nosniff", () => {
  const types = new Map([["js", /^text\/javascript;/], ["ts", /^text\/javascript;/], ["css", /^text\/css;/], [
    "svg",
    /^image\/svg\+xml$/,
  ]]);
  for (const [path, { type }] of page) {
    assertMatch(type, types.get(path.split(".")[1] ?? "") ?? /^text\/html; charset=utf-8$/);
  }
});

Deno.test("pageContentSecurityPolicy starts from nothing and has no unsafe-*", () => {
  assertMatch(pageContentSecurityPolicy, /^default-src 'none'/);
  assertNotMatch(pageContentSecurityPolicy, /unsafe|\*|https?:|data:/);
});

/** Imports a script of the page, with what it imports in turn, as a browser would. */
async function importScript(name: string): Promise<Record<string, unknown>> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${folder}/client`);
    for (const [path, { body }] of scripts) await Deno.writeTextFile(`${folder}${path}`, body);
    return await import(`file://${folder}/${name}`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("the page explains every outcome of the catalogue", async () => {
  const tables = await importScript("outcomes.js") as Record<string, Map<string | number, string>>;
  assertEquals([...tables["REASONS"]!.keys()], [...REASONS]);
  assertEquals([...tables["ERRORS"]!.keys()], ERRORS.map(({ code }) => code));
  assertEquals([...tables["CLOSES"]!.keys()], [...CLOSE_CODES.keys()]);
  for (const reason of CLOSE_REASONS) {
    assertEquals(tables["CLOSE_REASONS"]!.has(reason), closeFor(reason).reason === reason, reason);
  }
  for (const [name, table] of Object.entries(tables)) {
    for (const [code, text] of table) assertMatch(text, /^[A-Z].*\.$/, `${name} ${code}`);
  }
});

Deno.test("closeMeaning() joins what code and reason say", async () => {
  const { closeMeaning } = await importScript("meanings.js") as { closeMeaning(code: number, reason: string): string };
  assertEquals(
    closeMeaning(4408, "idle"),
    "The connection was silent for too long. Come back later, at a random moment. No message came, or no answer to a ping.",
  );
  assertEquals(closeMeaning(1000, ""), "Closed as agreed.");
  assertEquals(closeMeaning(1000, "constructor"), "Closed as agreed.");
  assertEquals(closeMeaning(3999, ""), "Not a code of this server.");
});

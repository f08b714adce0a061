/**
 * The layers of `lib/`: which folder may import which, types included. The table below is the architecture, from top to
 * bottom; a folder imports only folders that stand below it.
 */
import { basename, dirname, join, normalize } from "node:path";
import { assert, assertEquals } from "./assert.ts";

const ROOT = new URL("../lib/", import.meta.url).pathname;

/** Each folder of `lib/` with the folders it imports: no others, and none of these in vain. `.` is `lib/` itself. */
const LAYERS: readonly (readonly [folder: string, imports: string])[] = [
  // What starts: the command line, and what authors of handlers import.
  [
    "cli",
    "cli/connect server admission cluster/redis contract front/http front/page sandbox sandbox/host sandbox/supervisor ops tls telemetry " +
    "gate config/findings config base log",
  ],
  ["cli/connect", "gate websocket log"],
  [".", "sandbox/testkit sandbox/author"],

  // The server: all parts put together.
  [
    "server",
    "front/edge front/deno_serve front/http front/page front session sandbox sandbox/wire hub cluster cluster/redis admission " +
    "limits ops rpc gate store tls telemetry timing config/findings config base log",
  ],

  // The outer gate: from bytes to an admitted connection.
  ["front/deno_serve", "front/edge front/http front tls gate websocket config base log"],
  ["front/edge", "front/http front tls gate telemetry timing websocket config base log"],
  ["front/http", "front/page gate config"],
  ["front/page", ""],
  ["front", "tls telemetry base log"],
  ["admission", "admission/token admission/revocation cluster gate websocket config/findings config base"],
  ["admission/token", "gate config base log"],
  ["admission/revocation", "gate store base log"],

  // The inner gate: from a message to the cell of its handler.
  ["session", "contract sandbox hub limits rpc gate telemetry timing websocket config log"],
  // Documents that describe the modules.
  ["contract", "sandbox/author rpc"],

  ["sandbox", "sandbox/host sandbox/author sandbox/wire telemetry timing config/findings config log"],

  // The processes of the sandbox. None of them imports another one; `wire` is what they say to one another.
  ["sandbox/host", "sandbox/author sandbox/wire rpc telemetry timing config base log"],
  ["sandbox/supervisor", "sandbox/wire ops limits config base"],
  ["sandbox/testkit", "sandbox/cell sandbox/author sandbox/wire rpc"],
  ["sandbox/cell", "sandbox/author sandbox/wire rpc"],
  ["sandbox/author", "rpc config"],
  ["sandbox/wire", ""],

  ["hub", "cluster websocket"],

  // What nodes share: the link, and the interfaces.
  ["cluster/redis", "cluster config/findings config base log"],
  ["cluster", "store"],

  // What several of the above use.
  ["limits", "store telemetry timing base log"],
  ["ops", "rpc telemetry config/findings config base log"],
  ["tls", "config/findings config base log"],
  ["telemetry", "gate"],
  ["store", "log"],
  ["rpc", "gate"],
  ["gate", "websocket"],
  ["websocket", ""],
  ["timing", ""],
  ["config/findings", "config base"],
  ["config", "base"],
  ["base", "log"],
  ["log", ""],
];

/**
 * Folders whose files are all for other parts of the program: each is a thing of its own. Of other folders, only the file
 * with the folder's name is.
 */
const OPEN_FOLDERS = [
  "base",
  "cluster",
  "contract",
  "timing",
  "tls",
  "ops",
  "front/http",
  "sandbox/author",
  "sandbox/wire",
];

/** Further files that other folders may import, and why. */
const OPEN_FILES: Readonly<Record<string, string>> = {
  "cluster/redis/database_findings.ts": "only the command `check` loads the client of Redis for it",
  "cluster/redis/file_findings.ts": "loads no client of Redis",
  "cluster/redis/read_settings.ts": "loads no client of Redis",
  "cluster/redis/url.ts": "loads no client of Redis",
  "config/cells.ts": "the supervisor counts cells without loading the parser of the configuration",
  "config/units.ts": "commands read durations without loading the parser of the configuration",
  "gate/outcomes.ts": "the catalogue of outcomes, which needs nothing of the vocabulary",
  "limits/bucket.ts": "the supervisor bounds output without loading the limits of clients",
  "rpc/errors.ts": "the host of cells answers with error codes and parses no JSON-RPC",
  "rpc/json_scan.ts": "the operators' server bounds the nesting of JSON and parses no JSON-RPC",
  "telemetry/metrics.ts": "loads prom-client, which only the front needs",
  "telemetry/tracing.ts": "loads OpenTelemetry, which only the front needs",
  "sandbox/load_modules.ts": "stands above sandbox.ts: loads modules only to see what they offer",
  "sandbox/module_findings.ts": "stands above load_modules.ts",
  "sandbox/host/supervisor_link.ts": "the command `front` opens it before there is a sandbox",
  "server/needs.ts": "what the command `front` keeps of its permissions",
  "server/operations.ts": "stands above server.ts: the server as its operators see it",
  "server/system.ts": "`check` asks it what the system grants",
};

const IMPORT = /(?:\bfrom|\bimport)\s*\(?\s*"(\.[^"]+\.ts)"|\b(?:new URL|import\.meta\.resolve)\(\s*"(\.[^"]+\.ts)"/g;

/** Files of this project that a source text at `path` imports, in whatever way. Paths are relative to `lib/`. */
function importsOf(path: string, source: string): string[] {
  return [...source.matchAll(IMPORT)].map(([, one, other]) => normalize(join(dirname(path), (one ?? other)!)));
}

/** Every file of `lib/` with what it imports of `lib/`. */
async function readImports(): Promise<Map<string, readonly string[]>> {
  const imports = new Map<string, readonly string[]>();
  for (const entry of await Array.fromAsync(walk(""))) {
    const source = await Deno.readTextFile(ROOT + entry);
    imports.set(entry, importsOf(entry, source).filter((path) => !path.startsWith("..")));
  }
  return imports;
}

async function* walk(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(ROOT + folder)) {
    if (isDirectory) yield* walk(`${folder}${name}/`);
    else if (name.endsWith(".ts")) yield folder + name;
  }
}

/** The first circle that is found, as the nodes on it; null where there is none. */
function findCircle(edges: ReadonlyMap<string, readonly string[]>): string[] | null {
  const done = new Set<string>();
  const search = (node: string, way: readonly string[]): string[] | null => {
    const at = way.indexOf(node);
    if (at >= 0) return [...way.slice(at), node];
    if (done.has(node)) return null;
    for (const next of edges.get(node) ?? []) {
      const circle = search(next, [...way, node]);
      if (circle !== null) return circle;
    }
    done.add(node);
    return null;
  };
  for (const node of edges.keys()) {
    const circle = search(node, []);
    if (circle !== null) return circle;
  }
  return null;
}

/** The folder right under `lib/`. What lies within it is one part of the program, whose folders are open to one another. */
function partOf(file: string): string {
  return file.includes("/") ? file.slice(0, file.indexOf("/")) : ".";
}

const imports = await readImports();

Deno.test("no file imports itself by way of others", () => {
  assert(imports.size > 150, "the files of lib/ are found");
  assertEquals(findCircle(imports), null);
});

Deno.test("a folder imports the folders that its line in the table names, and no others", () => {
  const found = new Map<string, Set<string>>(LAYERS.map(([folder]) => [folder, new Set()]));
  for (const [file, targets] of imports) {
    const folder = dirname(file);
    assert(found.has(folder), `lib/${folder}/ has no line in the table`);
    for (const target of targets) if (dirname(target) !== folder) found.get(folder)!.add(dirname(target));
  }
  const sorted = (names: Iterable<string>) => [...names].sort();
  for (const [folder, allowed] of LAYERS) {
    assertEquals(
      sorted(found.get(folder)!),
      sorted(allowed.split(" ").filter((name) => name !== "")),
      `lib/${folder}/`,
    );
  }
});

Deno.test("the table goes down only", () => {
  const order = LAYERS.map(([folder]) => folder);
  for (const [folder, allowed] of LAYERS) {
    for (const name of allowed.split(" ").filter((name) => name !== "")) {
      assert(order.indexOf(name) > order.indexOf(folder), `${name} stands below ${folder}`);
    }
  }
});

Deno.test("a file of another part is imported only if it has its folder's name or is open", () => {
  const used = new Set<string>();
  const wrong: string[] = [];
  for (const [file, targets] of imports) {
    for (const target of targets) {
      const folder = dirname(target);
      if (partOf(target) === partOf(file) || OPEN_FOLDERS.includes(folder)) continue;
      if (basename(target) === `${basename(folder)}.ts`) continue;
      used.add(target);
      if (!(target in OPEN_FILES)) wrong.push(`${file} imports ${target}`);
    }
  }
  assertEquals(wrong, []);
  assertEquals(Object.keys(OPEN_FILES).filter((file) => !used.has(file)), [], "these need not be open");
});

/** A table of data, whose length is its content. */
const LONG_FILES = ["gate/outcomes.ts"];

Deno.test("no file has more than 300 lines", async () => {
  const long: string[] = [];
  for (const file of imports.keys()) {
    const lines = (await Deno.readTextFile(ROOT + file)).split("\n").length - 1;
    if (lines > 300 && !LONG_FILES.includes(file)) long.push(`${file}: ${lines}`);
  }
  assertEquals(long, []);
});

Deno.test("an import is found in each form", () => {
  for (
    const source of [
      'import { a } from "../cell/a.ts";',
      'import type { A } from "../cell/a.ts";',
      'import {\n  a,\n} from "../cell/a.ts";',
      'export * from "../cell/a.ts";',
      'import "../cell/a.ts";',
      'await import("../cell/a.ts");',
      'new Worker(new URL("../cell/a.ts", import.meta.url));',
      'import.meta.resolve("../cell/a.ts");',
    ]
  ) assertEquals(importsOf("sandbox/wire/x.ts", source), ["sandbox/cell/a.ts"], source);
});

Deno.test("a circle is found, and named", () => {
  const edges = new Map([["a", ["b", "d"]], ["b", ["c"]], ["c", ["b"]], ["d", []]]);
  assertEquals(findCircle(edges), ["b", "c", "b"]);
  assertEquals(findCircle(new Map([["a", ["b"]], ["b", []]])), null);
});

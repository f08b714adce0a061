import { bundleFlags, MAIN, runScript, unitForDeno } from "../../tools/bundle.ts";
import { compileArguments } from "../../tools/compile.ts";
import { readProject, ROOT, run, writeSums } from "../../tools/project.ts";
import { assert, assertEquals, assertStringIncludes } from "../assert.ts";

const PERMISSIONS = ["--allow-env", "--allow-net", "--allow-read=/", "--allow-sys", "--allow-write=/"];
/** Nothing is taken from the machine where it is built or runs. */
const CLOSED = ["--no-config", "--no-lock", "--no-remote"];

const grants = (flags: readonly string[]) => flags.filter((flag) => /^(-A|--allow)/.test(flag)).sort();

Deno.test("bundleFlags() are the server's permissions, with Deno as the one program, and no code from elsewhere", async () => {
  const project = await readProject();
  const flags = bundleFlags(project);
  assertEquals(grants(flags), [...PERMISSIONS, "--allow-run=/usr/local/bin/deno"].sort());
  for (const flag of [...CLOSED, "--no-prompt", "--cached-only"]) assert(flags.includes(flag), flag);
  for (const name of project.unstable) assert(flags.includes(`--unstable-${name}`), name);
});

Deno.test("runScript() passes the flags, and permits the one Deno that runs it, by its whole path", async () => {
  const flags = bundleFlags(await readProject());
  const script = runScript(flags);
  const line = script.split("\n").find((line) => line.startsWith("exec "))!;
  assertEquals(
    line,
    `exec "$deno" run ${
      flags.map((flag) => flag.startsWith("--allow-run=") ? '"--allow-run=$deno"' : flag).join(" ")
    } "$(dirname "$0")/${MAIN}" "$@"`,
  );
  const folder = await Deno.makeTempDir({ prefix: "sallyport " });
  try {
    // A folder with a blank in its name, a program that prints its arguments in place of the server.
    await Deno.writeTextFile(`${folder}/run`, script, { mode: 0o755 });
    await Deno.writeTextFile(`${folder}/deno`, `#!/bin/sh\n[ "$1" = eval ] && echo "$0" || printf '%s\\n' "$@"\n`);
    await Deno.chmod(`${folder}/deno`, 0o755);
    const env = { DENO: `${folder}/deno` };
    const { code, stdout } = await run(`${folder}/run`, ["serve", "--config", "a b"], { quiet: true, env });
    const words = stdout.trim().split("\n");
    assertEquals(code, 0);
    assertEquals(words.slice(-4), [`${folder}/${MAIN}`, "serve", "--config", "a b"]);
    assertEquals(words.filter((word) => word.startsWith("--allow-run")), [`--allow-run=${folder}/deno`]);
    const without = await run(`${folder}/run`, ["version"], { quiet: true, env: { DENO: `${folder}/nowhere` } });
    assert(without.code !== 0, "it starts nothing without Deno");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("unitForDeno() changes what is started, not the confinement", async () => {
  const source = await Deno.readTextFile(`${ROOT}/deploy/sallyport.service`);
  const flags = bundleFlags(await readProject());
  const unit = unitForDeno(source, flags);
  const changed = unit.split("\n").filter((line) => !source.split("\n").includes(line));
  assertEquals(changed.map((line) => line.split("=")[0]), ["ExecStart", "ExecPaths"]);
  const [start, paths] = changed;
  assertEquals(
    start,
    `ExecStart=/usr/local/bin/deno run ${flags.join(" ")} /usr/local/lib/sallyport/${MAIN} ` +
      "serve --config /etc/sallyport/sallyport.toml",
  );
  const programs = paths!.replace("ExecPaths=", "").split(" ");
  assert(programs.includes("/usr/local/bin/deno"), "a machine without it must not start the unit");
  assert(!programs.some((path) => path.includes("sallyport")), paths);
  assertEquals(unit.split("\n").length, source.split("\n").length);
});

Deno.test("compileArguments() build in the server's permissions, the files of the bundle, and nothing else", async () => {
  const project = await readProject();
  const files = [MAIN, "lib/cell.js", "examples/chat/page.html"];
  const words = compileArguments(project, files, "/out/sallyport");
  assertEquals(words[0], "compile");
  assertEquals(grants(words), [...PERMISSIONS, "--allow-run"].sort());
  for (const flag of [...CLOSED, "--no-npm", "--no-code-cache", "--no-prompt"]) assert(words.includes(flag), flag);
  for (const name of project.unstable) assert(words.includes(`--unstable-${name}`), name);
  const included = words.flatMap((word, index) => words[index - 1] === "--include" ? [word] : []);
  assertEquals(included, files.slice(1));
  assertEquals(words.slice(-3), ["--output", "/out/sallyport", MAIN]);
  assert(!words.includes("--target"));
  const other = compileArguments(project, files, "/out/other", "aarch64-apple-darwin");
  assertStringIncludes(other.join(" "), "--target aarch64-apple-darwin --output /out/other");
});

Deno.test("writeSums() keeps the sums of other files that are still there, and those only", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const sums = async () =>
      (await Deno.readTextFile(`${folder}/SHA256SUMS`)).split("\n").map((line) => line.slice(64));
    for (const name of ["a", "b", "c"]) await Deno.writeTextFile(`${folder}/${name}`, name);
    await writeSums(folder, ["b", "a"]);
    assertEquals(await sums(), ["  a", "  b", ""]);
    await Deno.remove(`${folder}/a`);
    await Deno.writeTextFile(`${folder}/b`, "changed");
    await writeSums(folder, ["c"]);
    assertEquals(await sums(), ["  b", "  c", ""]);
    // The sum of a file that has changed since is the one that was made for it, so that the change is noticed.
    const check = await run("/bin/sh", ["-c", "sha256sum -c SHA256SUMS"], { quiet: true, cwd: folder });
    assertEquals([check.code === 0, check.stdout.includes("c: OK")], [false, true], check.output);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

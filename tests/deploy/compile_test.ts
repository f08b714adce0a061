import { ROOT, run } from "../../tools/project.ts";
import { findReferences, localModules } from "../../tools/references.ts";
import { assert, assertEquals, assertMatch, assertNotMatch } from "../assert.ts";

/** The permissions in the metadata that `deno compile` appends to an executable. */
function bakedPermissions(executable: Uint8Array): Record<string, unknown> {
  const text = new TextDecoder("latin1").decode(executable.subarray(90 * 2 ** 20));
  const found = [...text.matchAll(/\{"argv":.{0,200}?"permissions":(\{"allow_env".*?\}),"location"/g)].at(-1)?.[1];
  assert(found !== undefined, "no metadata");
  return JSON.parse(found);
}

Deno.test("compile embeds the program, its workers and examples, and nothing that is secret or only for tests", async () => {
  const directory = await Deno.makeTempDir();
  try {
    // Deno's runtime for executables can't be fetched everywhere; the ordinary one stands in. The result doesn't run.
    const { code, output } = await run(
      Deno.execPath(),
      ["run", "--no-prompt", "-A", "tools/compile.ts", "--output", directory],
      { quiet: true, env: { DENORT_BIN: Deno.execPath() } },
    );
    assertEquals(code, 0, output);
    const executable = await Deno.readFile(`${directory}/sallyport`);

    const { allow_env, allow_net, allow_read, allow_write, ...rest } = bakedPermissions(executable);
    assertEquals([allow_env, allow_net, allow_read, allow_write], [[], [], ["/"], ["/"]]);
    assertEquals([rest["allow_run"], rest["allow_sys"], rest["allow_ffi"]], [[], [], null]);
    assertEquals(rest["prompt"], false);

    const contents = new TextDecoder("latin1").decode(executable.subarray(90 * 2 ** 20));
    assertMatch(output, /─ sallyport\.js/);
    assertMatch(output, /─ examples\b/);
    assertNotMatch(output, /─ (tests|certs|tools|deploy|\.git|dist|node_modules)\b/);
    const workers = (await findReferences("main.ts")).filter(({ kind }) => kind === "module").map(({ to }) => to);
    assert(workers.some((path) => path.startsWith("lib/sandbox/")), workers.join());
    // The bundler writes each module's path before its code.
    for (const module of ["main.ts", ...workers, "lib/server/server.ts", "lib/telemetry/metrics.ts"]) {
      assert(contents.includes(`// ${module}\n`), `${module} is not embedded`);
    }
    for (const dependency of ["zod", "jose", "prom-client", "ipaddr.js"]) {
      assertMatch(contents, new RegExp(`^// .*/${dependency}/[\\d.]+/`, "m"), dependency);
    }
    for (const development of ["fast-check", "jsonwebtoken", "redos-detector", "ws", "ajv"]) {
      assertNotMatch(contents, new RegExp(`^// .*/${development}/[\\d.]+/`, "m"), `${development} is for tests`);
    }
    assertNotMatch(contents, /^\/\/ tests\//m);
    assertNotMatch(contents.slice(-10 * 2 ** 20), /-----BEGIN [A-Z ]*PRIVATE KEY-----\s*[A-Za-z0-9+/]{40}/);
    assert(!contents.slice(-10 * 2 ** 20).includes(`${ROOT}/`), "paths of the machine that made it are in it");

    const sums = await Deno.readTextFile(`${directory}/SHA256SUMS`);
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", executable)).toHex();
    assertEquals(sums, `${digest}  sallyport\n`);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("compile refuses targets that Deno doesn't have", async () => {
  const { code, output } = await run(Deno.execPath(), ["run", "-A", "tools/compile.ts", "--target", "vax"], {
    quiet: true,
  });
  assertEquals(code, 2);
  assertMatch(output, /x86_64-unknown-linux-gnu, aarch64-unknown-linux-gnu/);
});

Deno.test("localModules() reads the graph although deno reports downloads on standard error, as with an empty cache", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const deno = `${directory}/deno`;
    const graph = JSON.stringify({ modules: [{ specifier: `file://${ROOT}/main.ts` }, { specifier: "npm:/zod@4" }] });
    const script = `#!/bin/sh\necho 'Download {1}' >&2\necho '${graph}'\necho 'Download {2}' >&2\n`;
    await Deno.writeTextFile(deno, script, { mode: 0o755 });
    assertEquals(await localModules("main.ts", deno), ["main.ts"]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

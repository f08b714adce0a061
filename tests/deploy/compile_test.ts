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
    for (const name of ["allow_run", "allow_ffi", "allow_sys"]) assertEquals(rest[name], null, name);
    assertEquals(rest["prompt"], false);

    assertMatch(output, /├── main\.ts|└── main\.ts/);
    assertMatch(output, /─ examples\b|─ examples\//);
    assertNotMatch(output, /─ (tests|certs|tools|deploy|\.git|dist)\b/);
    for (const dependency of ["zod", "jose", "prom-client"]) assertMatch(output, new RegExp(`─ ${dependency}\\b`));
    for (const development of ["fast-check", "jsonwebtoken", "redos-detector", "ws"]) {
      assertNotMatch(output, new RegExp(`─ ${development}[/ ]`), `${development} is for tests`);
    }

    const contents = new TextDecoder("latin1").decode(executable.subarray(90 * 2 ** 20));
    for (const module of await workerEntries()) {
      const first = (await Deno.readTextFile(`${ROOT}/${module}`)).match(
        /^(export )?(async )?(function|class|const) \w+/m,
      )?.[0];
      assert(first === undefined || contents.includes(first), `${module} is not embedded`);
    }
    assertNotMatch(contents.slice(-40 * 2 ** 20), /-----BEGIN (EC |RSA )?PRIVATE KEY-----\s*[A-Za-z0-9+/]{40}/);

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

async function workerEntries(): Promise<string[]> {
  const entries = (await findReferences("main.ts")).filter(({ folder }) => !folder).map(({ to }) => to);
  assert(entries.some((entry) => entry.startsWith("lib/sandbox/")), entries.join());
  const imported = new Set(await localModules("main.ts"));
  return entries.filter((entry) => !imported.has(entry));
}

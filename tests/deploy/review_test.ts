import { FRONT_FLAGS } from "../../lib/sandbox/supervisor/front_process.ts";
import { accepted, lockedPackages } from "../../tools/licences.ts";
import { readProject, serverFlags } from "../../tools/project.ts";
import { command, review, type Verdict } from "../../tools/review.ts";
import { cycloneDx } from "../../tools/sbom.ts";
import { layOutShippedConfig } from "../../tools/shipped_config.ts";
import { run } from "../../tools/project.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";

Deno.test("serverFlags() finds the declared permissions and refuses more than a server may have", async () => {
  const project = await readProject();
  const flags = serverFlags(project);
  assert(flags.includes("--no-prompt") && flags.includes("--allow-read=/"), flags.join(" "));
  assert(flags.includes(`--allow-run=${Deno.execPath()}`), flags.join(" "));
  const front = [...FRONT_FLAGS, "--no-prompt", "--cached-only", "--allow-sys"];
  assertEquals(
    flags.filter((flag) => !flag.startsWith("--allow-run=")).sort(),
    front.sort(),
    "the front has what the server has, less the right to start programs",
  );
  for (const flag of ["-A", "--allow-all", "--allow-run", "--allow-run=git", "--allow-ffi", "--allow-sys=hostname"]) {
    assertThrows(() => serverFlags({ ...project, tasks: { sallyport: `deno run ${flag} main.ts` } }), TypeError, flag);
  }
  assertThrows(() => serverFlags({ ...project, tasks: {} }), TypeError, "must be");
});

/** The exit status of a review whose steps end like that, and how many lines it prints. */
async function reviewed(
  strict: boolean,
  ...verdicts: (Verdict | "throws")[]
): Promise<[status: number, lines: number]> {
  const lines: string[] = [];
  const steps = verdicts.map((verdict, index) => ({
    name: `step ${index}`,
    run: () => verdict === "throws" ? Promise.reject(new Error("broken")) : Promise.resolve({ verdict, detail: "" }),
  }));
  return [await review(steps, strict, (line) => lines.push(line)), lines.length];
}

Deno.test("review's exit status is 1 when a step failed or could not be taken, and every step is taken", async () => {
  assertEquals(await reviewed(false, "ok", "ok"), [0, 3]);
  for (const bad of ["failed", "throws"] as const) {
    assertEquals(await reviewed(false, bad, "ok"), [1, 3]);
    assertEquals(await reviewed(false, "ok", bad), [1, 3]);
  }
});

Deno.test("review's exit status tells what was skipped or is outdated with --strict only", async () => {
  for (const verdict of ["skipped", "attention"] as const) {
    assertEquals(await reviewed(false, "ok", verdict), [0, 3]);
    assertEquals(await reviewed(true, "ok", verdict), [1, 3]);
  }
});

Deno.test("review's exit status follows that of the commands it runs", async () => {
  assertEquals((await command(["eval", "Deno.exit(3)"])).verdict, "failed");
  assertEquals(await command(["eval", "console.log('all well')"]), { verdict: "ok", detail: "all well" });
});

Deno.test("every package has a licence that may be shipped", async () => {
  const packages = await lockedPackages();
  assert(packages.length > 20);
  assertEquals(
    packages.filter(({ licence }) => !accepted(licence)).map(({ name, licence }) => `${name}: ${licence}`),
    [],
  );
});

Deno.test("accepted() reads the alternatives of an SPDX expression", () => {
  for (const licence of ["MIT", "(MIT OR GPL-3.0)", "GPL-2.0 OR Apache-2.0", "MIT AND ISC"]) {
    assert(accepted(licence), licence);
  }
  for (const licence of ["UNKNOWN", "GPL-3.0", "MIT AND GPL-3.0", ""]) assert(!accepted(licence), licence);
});

Deno.test("cycloneDx() lists every package once, with its hash, and refers only to what it lists", async () => {
  const packages = await lockedPackages();
  const document = JSON.parse(cycloneDx("1.2.3", packages, ["zod", "@peculiar/x509"]));
  assertEquals([document.bomFormat, document.specVersion, document.metadata.component.version], [
    "CycloneDX",
    "1.6",
    "1.2.3",
  ]);
  const references = new Set<string>(
    document.components.map((component: { "bom-ref": string }) => component["bom-ref"]),
  );
  assertEquals(references.size, packages.length);
  for (const component of document.components) {
    assertEquals(component.hashes[0].content.length, 128, component.name);
    assertEquals(component.licenses.length, 1);
  }
  const [main, ...others] = document.dependencies as { ref: string; dependsOn: string[] }[];
  assertEquals(main!.dependsOn.map((ref) => ref.replace(/@[^@]*$/, "")), ["pkg:npm/%40peculiar/x509", "pkg:npm/zod"]);
  assertEquals(others.length, packages.length);
  for (const { dependsOn } of others) for (const ref of dependsOn) assert(references.has(ref), ref);
});

Deno.test("the shipped configuration passes check --strict", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const path = await layOutShippedConfig(folder);
    const { code, output } = await run(Deno.execPath(), ["task", "-q", "check", "--strict", "--config", path], {
      quiet: true,
    });
    assertEquals(code, 0, output);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

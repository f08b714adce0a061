import { assertEquals } from "../assert.ts";

const MODULE = new URL("../../lib/ops/permissions.ts", import.meta.url).href;

/** Runs `body` in a process of its own with the given flags; `folder` is its working directory. Returns what it prints, as JSON. */
async function run(flags: string[], folder: string, body: string): Promise<unknown> {
  const program = `import { currentPermissions, narrowPermissions } from ${JSON.stringify(MODULE)};
    const can = (action) => { try { action(); return true; } catch (error) { if (error.name === "NotCapable") return false; throw error; } };
    const folder = ${JSON.stringify(folder)};
    ${body}`;
  await Deno.writeTextFile(`${folder}/program.ts`, program);
  const output = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--no-check", "--no-lock", ...flags, `${folder}/program.ts`],
    env: { NO_COLOR: "1" },
  }).output();
  assertEquals(output.code, 0, new TextDecoder().decode(output.stderr));
  return JSON.parse(new TextDecoder().decode(output.stdout));
}

async function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.realPath(await Deno.makeTempDir());
  try {
    await Deno.mkdir(`${folder}/keep`);
    await Deno.writeTextFile(`${folder}/keep/file`, "kept");
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const SERVER = ["--allow-read=/", "--allow-write=/", "--allow-net", "--allow-env", "--allow-sys"];

Deno.test("narrowPermissions() leaves a server that can't write a file, start a program or read what it doesn't need", async () => {
  await withFolder(async (folder) => {
    const result = await run(
      SERVER,
      folder,
      `const before = currentPermissions();
      const after = narrowPermissions({ read: [folder + "/keep"], write: [], net: false });
      console.log(JSON.stringify({ before, after, can: [
        can(() => Deno.readTextFileSync(folder + "/keep/file")),
        can(() => Deno.readTextFileSync(folder + "/program.ts")),
        can(() => Deno.writeTextFileSync(folder + "/keep/new", "")),
        can(() => new Deno.Command("true").outputSync()),
        can(() => Deno.listen({ port: 0 })),
        can(() => Deno.env.get("HOME")),
        can(() => Deno.hostname()),
      ] }));`,
    );
    const none = { run: "none", ffi: "none" };
    const { import: _, ...before } = (result as { before: Record<string, unknown> }).before;
    assertEquals({ ...result as object, before }, {
      before: { read: "all", write: "all", net: "all", env: "all", sys: "all", ...none },
      after: {
        read: [`${folder}/keep`],
        write: "none",
        net: "none",
        env: "none",
        import: "none",
        sys: "none",
        ...none,
      },
      can: [true, false, false, false, false, false, false],
    });
  });
});

Deno.test("narrowPermissions() keeps what it is told to keep", async () => {
  await withFolder(async (folder) => {
    const result = await run(
      SERVER,
      folder,
      `const after = narrowPermissions({ read: [], write: [folder + "/keep"], net: true });
      console.log(JSON.stringify([after.read, after.write, after.net,
        can(() => Deno.writeTextFileSync(folder + "/keep/new", "")),
        can(() => Deno.writeTextFileSync(folder + "/new", "")),
        can(() => Deno.listen({ port: 0 }).close()),
      ]));`,
    );
    assertEquals(result, ["none", [`${folder}/keep`], "all", true, false, true]);
  });
});

Deno.test("narrowPermissions() grants nothing that was not granted, and reports what it can't narrow", async () => {
  await withFolder(async (folder) => {
    const needs = `{ read: [folder + "/keep"], write: [folder + "/keep"], net: true }`;
    const print = `console.log(JSON.stringify(narrowPermissions(${needs})));`;
    const few = await run([], folder, print) as Record<string, unknown>;
    assertEquals(few["import"], "none", "Deno's own list of hosts to import from is given up");
    assertEquals([few["read"], few["write"], few["net"], few["env"]], ["none", "none", "none", "none"]);
    const all = await run(["-A"], folder, print) as Record<string, unknown>;
    assertEquals([all["read"], all["write"], all["net"], all["env"], all["run"]], [
      "all",
      "all",
      "all",
      "none",
      "none",
    ]);
  });
});

Deno.test("narrowPermissions() leaves a supervisor that can start its own program and no other", async () => {
  await withFolder(async (folder) => {
    const result = await run(
      [...SERVER, `--allow-run=${Deno.execPath()}`, "--allow-sys=setPriority"],
      folder,
      `import { setPriority } from "node:os";
      narrowPermissions({ read: [], write: [folder + "/keep"], net: false, keep: ["env", "run", "sys"] });
      console.log(JSON.stringify([
        can(() => new Deno.Command(Deno.execPath(), { args: ["--version"] }).outputSync()),
        can(() => new Deno.Command("true").outputSync()),
        can(() => setPriority(0)),
        can(() => Deno.hostname()),
        can(() => Deno.readTextFileSync(folder + "/program.ts")),
        can(() => Deno.listen({ port: 0 })),
        can(() => Deno.writeTextFileSync(folder + "/keep/new", "")),
      ]));`,
    );
    assertEquals(result, [true, false, true, false, false, false, true]);
  });
});

/** The examples of the README, as they stand there. */
import { CallError, type Handlers, testHandlers } from "../lib/mod.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "./assert.ts";
import { readProject, ROOT, serverFlags } from "../tools/project.ts";

/** Runs `test` with the file of the first example. */
async function withExample(test: (path: string) => Promise<void>): Promise<void> {
  const readme = await Deno.readTextFile(`${ROOT}/README.md`);
  const code = /```ts\n([^]*?)```/.exec(readme)?.[1];
  assert(code, "a TypeScript example");
  const path = await Deno.makeTempFile({ dir: `${ROOT}/tests`, prefix: "readme_", suffix: ".ts" });
  try {
    await Deno.writeTextFile(path, code);
    await test(path);
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("README: the example handler type-checks, with its parameters and ctx typed", async () => {
  await withExample(async (path) => {
    const { code: status, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["check", path],
      env: { NO_COLOR: "1" },
    }).output();
    assertEquals(status, 0, new TextDecoder().decode(stderr));
  });
});

Deno.test("README: the example handler publishes only in rooms that its caller may enter", async () => {
  await withExample(async (path) => {
    const chat = testHandlers((await import(path) as { default: Handlers }).default);
    const ann = { user: "ann", roles: ["user"], claims: { room: "a" } };
    for (const room of ["lobby", "a"]) await chat.call("chat.send", { room, text: "hi" }, ann);
    const { code } = await assertRejects(() => chat.call("chat.send", { room: "b", text: "hi" }, ann), CallError);
    const topics = chat.events.map((event) => event.type === "event" && event.topic);
    assertEquals([code, topics], [1001, ["room:lobby", "room:a"]]);
  });
});

Deno.test("README: the configuration works as it stands, with the commands around it", async () => {
  const readme = await Deno.readTextFile(`${ROOT}/README.md`);
  const toml = /```toml\n([^]*?)```/.exec(readme)?.[1];
  assert(toml, "a configuration");
  const dir = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${dir}/sallyport.toml`, toml.replace("examples/", `${ROOT}/examples/`));
    const sallyport = async (...args: string[]) => {
      const flags = serverFlags(await readProject());
      const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["run", ...flags, `${ROOT}/main.ts`, ...args],
        cwd: dir,
        env: { NO_COLOR: "1" },
      }).output();
      const decoder = new TextDecoder();
      assertEquals(code, 0, decoder.decode(stdout) + decoder.decode(stderr));
      return decoder.decode(stdout);
    };
    await sallyport("keys", "--alg", "ES256", "--out", "keys");
    await sallyport("check", "--config", "sallyport.toml");
    assertMatch(
      await sallyport("token", "--config", "sallyport.toml", "--sub", "ann", "--role", "user"),
      /^eyJ.*\..*\./,
    );
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

/** What the README shows is tried as it stands there. */
import { assert, assertEquals } from "./assert.ts";
import { ROOT } from "../tools/project.ts";

Deno.test("README: the example handler type-checks, with its parameters and ctx typed", async () => {
  const readme = await Deno.readTextFile(`${ROOT}/README.md`);
  const code = /```ts\n([^]*?)```/.exec(readme)?.[1];
  assert(code, "a TypeScript example");
  const path = await Deno.makeTempFile({ dir: `${ROOT}/tests`, prefix: "readme_", suffix: ".ts" });
  try {
    await Deno.writeTextFile(path, code);
    const { code: status, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["check", path],
      env: { NO_COLOR: "1" },
    }).output();
    assertEquals(status, 0, new TextDecoder().decode(stderr));
  } finally {
    await Deno.remove(path);
  }
});

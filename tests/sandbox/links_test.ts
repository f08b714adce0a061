/** Symbolic links: the real path of a file decides whether a module may import it. What leads outside is in `hostile/`. */
import { assertEquals } from "../assert.ts";
import { call, join } from "../helpers/client.ts";
import { startServer } from "../helpers/test_server.ts";

const MODULE = `import { named } from "./linked.ts";
import data from "./linked.json" with { type: "json" };
export default ({ z }) => ({ methods: { both: { params: z.object({}), handle: () => [named, data.a] } } });`;

Deno.test("a module behind a link, with links that stay in its folder, loads", async () => {
  const dir = await Deno.realPath(await Deno.makeTempDir({ prefix: "sallyport-links-" }));
  try {
    await Deno.mkdir(`${dir}/real/inner`, { recursive: true });
    await Deno.writeTextFile(`${dir}/real/module.ts`, MODULE);
    await Deno.writeTextFile(`${dir}/real/inner/file.ts`, "export const named = 1;");
    await Deno.writeTextFile(`${dir}/real/inner/file.json`, '{"a":2}');
    await Deno.symlink(`${dir}/real/inner/file.ts`, `${dir}/real/linked.ts`);
    await Deno.symlink("inner/file.json", `${dir}/real/linked.json`);
    await Deno.symlink(`${dir}/real`, `${dir}/current`);
    const handlers = [{ subprotocol: "l.v1", module: `${dir}/current/module.ts`, cells: 1 }];
    await using server = await startServer({ handlers });
    using client = await join(server, { subprotocol: "l.v1" });
    assertEquals((await call(client, "both", {})).result, [1, 2]);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

/** `retry_after_ms` is true: a call after that time is let through, at any cost of the method. */
import { assert, assertEquals } from "../assert.ts";
import { startServer } from "../helpers/test_server.ts";
import { call, ENGINES, join } from "../helpers/client.ts";

const MODULE = `export default ({ z }) => ({ methods: {
  dear: { params: z.object({}), cost: 20, handle: () => 1 },
  dearer: { params: z.object({}), cost: 500, handle: () => 1 },
} });`;

for (const engine of ENGINES) {
  Deno.test(`${engine}: a method that costs more than one token is let through after retry_after_ms`, async () => {
    const dir = await Deno.makeTempDir();
    await Deno.writeTextFile(`${dir}/costs.js`, MODULE);
    try {
      await using server = await startServer({
        engine,
        handlers: [{ subprotocol: "costs.v1", module: `${dir}/costs.js` }],
      });
      using client = await join(server, { subprotocol: "costs.v1" });
      const afterWaiting = async (method: string) => {
        const { error } = await call(client, method, {});
        if (!error) return false;
        const wait = Number(error.data?.retry_after_ms) * 1.05;
        await new Promise((resolve) => setTimeout(resolve, wait));
        assertEquals((await call(client, method, {})).error, undefined, `${method} after ${wait} ms`);
        return true;
      };
      let refusals = 0;
      for (let i = 0; i < 12; i++) refusals += Number(await afterWaiting("dear"));
      assert(refusals > 0);
      assert(await afterWaiting("dearer"), "above the burst: only with a full bucket");
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  });
}

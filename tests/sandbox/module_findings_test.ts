import { assertEquals, assertStringIncludes } from "../assert.ts";
import type { Config } from "../../lib/config/config.ts";
import { moduleFindings } from "../../lib/sandbox/module_findings.ts";
import { realCells, settings } from "../helpers/sandbox.ts";

const MODULE = `export default ({ z }) => {
  const method = (cost) => ({ params: z.object({}), cost, handle: () => 1 });
  return { methods: { cheap: method(1), even: method(100), dear: method(101), dearest: method(500) } };
};`;

/** The findings about a module with methods that cost 1, 100, 101 and 500. */
async function findings(bursts: { connection: number; user: number; ip: number }) {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/module.js`;
  await Deno.writeTextFile(path, MODULE);
  try {
    const limits = Object.fromEntries(Object.entries(bursts).map(([scope, burst]) => [scope, { rate: 50, burst }]));
    // The sections that are read.
    const config = { handlers: [settings(path)], limits: { ...limits, types: {} } } as unknown as Config;
    await using cells = realCells(config.handlers);
    return await moduleFindings(config, cells);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("moduleFindings() warns of methods that cost more than a bucket can hold", async () => {
  const found = await findings({ connection: 100, user: 200, ip: 500 });
  assertEquals(found.map(({ severity, where, what }) => ({ severity, where, what })), [
    {
      severity: "warning",
      where: "handlers[0].module",
      what: 'Method "dear" costs 101, limits.connection.burst is 100',
    },
    {
      severity: "warning",
      where: "handlers[0].module",
      what: 'Method "dearest" costs 500, limits.connection.burst is 100, limits.user.burst is 200',
    },
  ]);
  assertStringIncludes(found[0]!.why, "A call needs a full bucket");
  assertStringIncludes(found[1]!.remedy, "at least 500");
});

Deno.test("moduleFindings() has nothing to say of methods that cost a whole burst", async () => {
  assertEquals(await findings({ connection: 500, user: 500, ip: 500 }), []);
});

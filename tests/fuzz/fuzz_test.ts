import { assertEquals } from "../assert.ts";
import { replayFindings } from "./findings.ts";
import { properties } from "./properties.ts";

/** The same inputs on every run; `deno task fuzz` looks further. */
const SEED = 20_240_101;
const RUNS = 150;

for (const property of properties) {
  Deno.test(`fuzz: ${property.name}`, () => {
    assertEquals(property.check({ seed: SEED, numRuns: RUNS }), null);
  });
}

Deno.test("fuzz: an earlier finding does not come back", async () => {
  await replayFindings();
});

import { assertEquals, assertRejects } from "../assert.ts";
import { keepFinding, replayFindings } from "./findings.ts";
import { properties } from "./properties.ts";

Deno.test("replayFindings() has nothing to do where there are none", async () => {
  const missing = new URL(`file://${await Deno.makeTempDir()}/missing/`);
  assertEquals(await replayFindings(missing), 0);
  await Deno.remove(new URL("..", missing), { recursive: true });
});

Deno.test("keepFinding() keeps an input that replayFindings() tries again", async () => {
  const folder = new URL(`file://${await Deno.makeTempDir()}/`);
  const { name } = properties.find(({ name }) => name.startsWith("Noise"))!;
  const input = { bytes: { bytes: "8185" }, sizes: [1], limits: { max_bytes: 10, max_fragments: 1 } };
  await keepFinding({ property: name, seed: 1, input, error: "none" }, folder);
  assertEquals(await replayFindings(folder), 1);

  const broken = { ...input, limits: { max_bytes: -1000, max_fragments: 1 }, bytes: { bytes: "8180000000" } };
  await keepFinding({ property: name, seed: 2, input: broken, error: "none" }, folder);
  await assertRejects(() => replayFindings(folder), Error, "fails again");
  await Deno.remove(folder, { recursive: true });
});

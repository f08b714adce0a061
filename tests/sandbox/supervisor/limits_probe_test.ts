import { parseLimits, probeSystemLimits } from "../../../lib/sandbox/supervisor/limits_probe.ts";
import { assertEquals } from "../../assert.ts";

Deno.test("the limits of the system are what the system says", async () => {
  const { openFiles } = await probeSystemLimits();
  const { stdout } = await new Deno.Command("sh", { args: ["-c", "ulimit -Hn"] }).output();
  // Deno raises its own limit to what is allowed.
  assertEquals(String(openFiles), new TextDecoder().decode(stdout).trim());
  for (
    const [text, limits] of [["1024 -", [1024, null]], ["- 5000", [null, 5000]], ["", [null, null]], ["x 1e9", [
      null,
      null,
    ]]] as const
  ) {
    const { openFiles, memoryBytes } = parseLimits(text);
    assertEquals([openFiles, memoryBytes], [...limits]);
  }
});

import { LOOK_MS, Silence } from "../../../lib/sandbox/supervisor/silence.ts";
import { assertEquals } from "../../assert.ts";

Deno.test("Silence adds up the time between looks until a sign of life", () => {
  const silence = new Silence();
  assertEquals([silence.look(LOOK_MS), silence.look(100)], [LOOK_MS, LOOK_MS + 100]);
  silence.broken();
  assertEquals(silence.look(LOOK_MS), LOOK_MS);
});

Deno.test("Silence counts a look that comes late as two, and a clock that went back as none", () => {
  const silence = new Silence();
  assertEquals(silence.look(3_600_000), 2 * LOOK_MS);
  assertEquals(silence.look(-50), 2 * LOOK_MS);
});

/**
 * Hostile modules against a real server: each act at a moment it can be done, while an honest client of another module is
 * served.
 *
 * By default acts take the moments in turn, so that every subject meets every moment. With `SALLYPORT_CORPUS=full` each
 * act is done at all of them.
 */
import { assert, assertEquals } from "../../assert.ts";
import { type Act, type Moment, MOMENTS, slug } from "./act.ts";
import { ACTS, SUBJECTS } from "./acts.ts";
import { Arena } from "./arena.ts";

const FULL = Deno.env.get("SALLYPORT_CORPUS") === "full";
/** Acts at a time. */
const AT_ONCE = 8;

for (const [subject, { acts, timeoutMs }] of Object.entries(SUBJECTS)) {
  Deno.test(`a server survives its handlers: ${subject}`, async () => {
    await using arena = await Arena.start(acts, timeoutMs);
    const failures = await arena.survives(async () => {
      const failures: string[] = [];
      await inParallel(acts, async (act, index) => {
        for (const moment of momentsOf(act, index)) {
          await arena.attack(act, moment)
            .catch((error: Error) => failures.push(`${act.name}, ${moment}: ${error.message}`));
        }
      });
      return failures;
    });
    assertEquals(failures, []);
  });
}

Deno.test("the corpus has at least 60 acts, and no name twice", () => {
  const names = ACTS.map(slug);
  assert(names.length >= 60, `${names.length} acts`);
  assertEquals(names.filter((name, index) => names.indexOf(name) !== index), []);
});

function momentsOf({ moments = MOMENTS }: Act, index: number): readonly Moment[] {
  return FULL ? moments : [moments[index % moments.length]!];
}

async function inParallel<T>(items: readonly T[], body: (item: T, index: number) => Promise<void>): Promise<void> {
  let next = 0;
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    while (next < items.length) {
      const index = next++;
      await body(items[index]!, index);
    }
  }));
}

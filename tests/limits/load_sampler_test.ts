import { LoadSampler } from "../../lib/limits/load_sampler.ts";
import type { Load } from "../../lib/limits/overload.ts";
import { assert, assertEquals, assertGreater, assertGreaterOrEqual } from "../assert.ts";
import { Clock } from "../helpers/limits.ts";

function simulate(lateness: number[]): number[] {
  const clock = new Clock();
  const delays: number[] = [];
  const sampler = new LoadSampler({
    onSample: ({ delayMs }) => delays.push(delayMs),
    queueDepth: () => 7,
    memory: () => 0.5,
    monotonic: clock.now,
  });
  sampler.start();
  sampler.stop();
  for (const late of lateness) {
    clock.advance(100 + late);
    sampler.tick();
  }
  return delays;
}

Deno.test("LoadSampler takes one long pause for no delay", () => {
  assertEquals(simulate([0, 0, 0, 0, 0, 3000, 0, 0, 0, 0, 0]).filter((delay) => delay > 0), []);
});

Deno.test("LoadSampler tells a delay that lasts within three ticks, and its end", () => {
  assertEquals(simulate([0, 0, 0, 0, 0, 150, 200, 250, 0, 0, 0]), [0, 0, 0, 0, 0, 0, 0, 150, 150, 150, 0]);
});

Deno.test("LoadSampler measures the event loop it runs in, and stops", async () => {
  const samples: Load[] = [];
  let done = () => {};
  const enough = new Promise<void>((resolve) => done = resolve);
  const sampler = new LoadSampler({
    queueDepth: () => 7,
    memory: () => 0.5,
    onSample: (load) => {
      samples.push(load);
      const until = performance.now() + 150;
      // The timer of the next tick is due long before this ends.
      while (performance.now() < until);
      if (samples.length === 8) done();
    },
  });
  sampler.start();
  const keepAlive = setTimeout(() => {}, 60_000);
  await enough;
  sampler.stop();
  const taken = samples.length;
  await new Promise((resolve) => setTimeout(resolve, 150));
  assertEquals(samples.length, taken, "no sample is taken after stop()");
  clearTimeout(keepAlive);
  assertGreaterOrEqual(samples.length, 8);
  assertGreater(samples.at(-1)!.delayMs, 20);
  assert(samples.every(({ queueDepth, memory }) => queueDepth === 7 && memory === 0.5));
});

/** A server that sends any message at any time: calls settle once, and sockets, timers and attempts stay bounded. */
import fc from "fast-check";
import { assert, assertEquals } from "../assert.ts";
import { settle, World } from "./world.ts";

const RUNS = 50;
const MOST_OPEN = 3;
/** Timers of the client itself, beside one for each call. */
const MOST_TIMERS = 60;
/** Attempts at once, by growing delays, before they come at most every two seconds. */
const EARLY_ATTEMPTS = 12;
const ATTEMPT_EVERY_MS = 2_000;

type Step =
  | { readonly do: "message"; readonly text: string }
  | { readonly do: "pass"; readonly ms: number }
  | { readonly do: "end"; readonly code: number }
  | { readonly do: "call" };

const value = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom(null, 0, -1, 1e308, "soon", "x".repeat(2_000)),
  fc.integer({ min: -5, max: 20_000 }),
);
const either = (shape: fc.Arbitrary<unknown>) => fc.oneof(value, shape);
const message = fc.oneof(
  fc.json(),
  ...[
    fc.record({ id: fc.nat(12), result: value }),
    fc.record({ id: fc.nat(12), error: either(fc.record({ code: value, message: value, data: value })) }),
    fc.record({
      method: fc.constant("session.reconnect"),
      params: either(fc.record({ after_ms: value, serves_ms: value })),
    }),
    fc.record({
      method: fc.constantFrom("topic.event", "topic.ended"),
      params: either(fc.record({ topic: fc.constantFrom("t", "u"), event: value, data: value, reason: value })),
    }),
  ].map((shape) => shape.map((members) => JSON.stringify(members))),
);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: message.map((text) => ({ do: "message" as const, text })) },
  { weight: 2, arbitrary: fc.nat(30_000).map((ms) => ({ do: "pass" as const, ms })) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(0, 1001, 1005, 1006, 1012, 4401, 99_999).map((code) => ({ do: "end" as const, code })),
  },
  { weight: 1, arbitrary: fc.constant({ do: "call" as const }) },
);
/** A server that sends its clients away all the time. */
const restless: fc.Arbitrary<Step> = fc.oneof(
  fc.constantFrom(0, -1, null).map((after_ms) => ({
    do: "message" as const,
    text: JSON.stringify({ method: "session.reconnect", params: { after_ms, serves_ms: 1e308 } }),
  })),
  fc.nat(500).map((ms) => ({ do: "pass" as const, ms })),
  fc.constant({ do: "call" as const }),
);
const steps = fc.oneof(fc.array(step, { maxLength: 60 }), fc.array(restless, { minLength: 50, maxLength: 150 }));

Deno.test("any messages of a server: each call settles, and sockets, timers and attempts stay bounded", async () => {
  await fc.assert(
    fc.asyncProperty(steps, fc.option(value), async (steps, user) => {
      const world = new World();
      if (user !== null) world.user = user as World["user"];
      const began = world.nowMs;
      world.connect();
      const topic = world.client.subscribe("t");
      const iterated = (async () => {
        for await (const _event of topic) assert(true);
      })().catch(() => {});
      let [made, settled] = [0, 0];
      for (const step of steps) {
        const open = world.sockets.filter(({ readyState }) => readyState === 1);
        if (step.do === "message") { for (const socket of open) socket.push(step.text); }
        else if (step.do === "pass") await world.pass(step.ms);
        else if (step.do === "end") open.at(-1)?.end(step.code, "reason");
        else {
          made++;
          const count = () => void settled++;
          world.client.call("m", {}).then(count, count);
        }
        await settle();
        const sockets = world.sockets.filter(({ readyState }) => readyState === 1).length;
        assert(sockets <= MOST_OPEN, `${sockets} sockets are open`);
        assert(world.timers <= MOST_TIMERS + made, `${world.timers} timers`);
      }
      const passed = world.nowMs - began;
      assert(
        world.sockets.length <= EARLY_ATTEMPTS + passed / ATTEMPT_EVERY_MS,
        `${world.sockets.length} attempts within ${passed} ms`,
      );
      void world.client.close();
      await world.pass(60_000);
      await iterated;
      assertEquals([settled, world.timers], [made, 0], "settled calls, timers");
    }),
    { numRuns: RUNS, endOnFailure: true },
  );
});

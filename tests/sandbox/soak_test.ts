/** Handlers that crash at random under load: every call is answered exactly once, no session is lost. */
import { assert, assertEquals } from "../assert.ts";
import { type Answer, Bench, settings, until } from "./kit.ts";

const SECONDS = Number(Deno.env.get("SALLYPORT_SOAK_SECONDS") ?? 4);
const SEED = Number(Deno.env.get("SALLYPORT_SOAK_SEED") ?? 20261122);

/** mulberry32: the same numbers for the same seed. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

Deno.test(`every call is answered once while handlers crash at random (seed ${SEED})`, async () => {
  const random = generator(SEED);
  await using bench = await Bench.start(
    settings("misbehaving.ts", { cells: 2, timeout: 300, memory: 32 * 1024 * 1024 }),
  );
  const clients = Array.from({ length: 20 }, () => bench.client());
  const bad = ["unhandled", "timer_throws", "loop", "throw", "reject", "never", "microtasks"];
  const counts = new Map<string, number>();
  let calls = 0;
  let answers = 0;
  const count = (answer: Answer) => {
    answers++;
    const key = "code" in answer ? String(answer.code) : "result";
    counts.set(key, (counts.get(key) ?? 0) + 1);
  };
  const end = performance.now() + SECONDS * 1000;
  await Promise.all(clients.map(async (client) => {
    while (performance.now() < end) {
      const some = Array.from({ length: 10 }, () => {
        calls++;
        const method = random() < 0.001 ? bad[Math.floor(random() * bad.length)]! : "ping";
        return client.call(method).then(count);
      });
      await Promise.all(some);
      await new Promise((done) => setTimeout(done, 5));
    }
  }));
  assertEquals(answers, calls);
  for (const code of counts.keys()) assert(["result", "-32603", "-32004", "-32005"].includes(code), code);
  assert((counts.get("result") ?? 0) > 0 && (counts.get("-32004") ?? 0) > 0, JSON.stringify([...counts]));
  // Every session is still served.
  for (const client of clients) {
    await until(async () => JSON.stringify(await client.call("ping")) === '{"result":"pong"}', "the session is served");
  }
  assertEquals(bench.pool.slots.map(({ seats }) => seats.size), [10, 10]);
  assertEquals(bench.pool.queueDepth < 5, true);
});

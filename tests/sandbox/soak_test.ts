/** Handlers that crash at random under load: every call is answered exactly once, no session is lost, no process is left. */
import { assert, assertEquals } from "../assert.ts";
import { type Answer, Bench, settings } from "../helpers/sandbox.ts";
import { until } from "../helpers/until.ts";
import { runs } from "../helpers/processes.ts";

const SECONDS = Number(Deno.env.get("SALLYPORT_SOAK_SECONDS") ?? 4);
const SEED = Number(Deno.env.get("SALLYPORT_SOAK_SEED") ?? 20261122);

/** At least one call in so many has a result. */
const LEAST_RESULTS = 10;
/** One call in so many misbehaves: cells end often, and yet most of the load reaches a handler. */
const ODDS = 2000;
/** Milliseconds a client waits between two volleys, and after a volley that was refused: cells back off for longer. */
const PAUSE_MS = 5;
const REFUSED_PAUSE_MS = 50;

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
    return key;
  };
  const end = performance.now() + SECONDS * 1000;
  await Promise.all(clients.map(async (client, index) => {
    // Its own numbers: what a client sends does not hang on how the clients take turns.
    const random = generator(SEED + index);
    while (performance.now() < end) {
      const volley = Array.from({ length: 10 }, () => {
        calls++;
        const method = random() < 1 / ODDS ? bad[Math.floor(random() * bad.length)]! : "ping";
        return client.call(method).then(count);
      });
      const refused = (await Promise.all(volley)).includes("-32004");
      await new Promise((done) => setTimeout(done, refused ? REFUSED_PAUSE_MS : PAUSE_MS));
    }
  }));
  assertEquals(answers, calls);
  for (const code of counts.keys()) assert(["result", "-32603", "-32004", "-32005"].includes(code), code);
  assert((counts.get("-32004") ?? 0) > 0, JSON.stringify([...counts]));
  // A share, not a rate: a slow machine makes fewer calls, and ends fewer cells.
  assert((counts.get("result") ?? 0) > calls / LEAST_RESULTS, JSON.stringify([...counts]));
  // Every session is still served.
  for (const client of clients) {
    await until(async () => JSON.stringify(await client.call("ping")) === '{"result":"pong"}', "the session is served");
  }
  assertEquals(bench.pool.slots.map(({ seats }) => seats.size), [10, 10]);
  await until(() => bench.pool.queueDepth === 0, "nothing is left to be answered");
  assertEquals(bench.pool.slots.map(({ cells }) => cells.length), [1, 1]);
  await until(async () => (await running(bench)).length === 2, "only the processes of the two cells are left");
  for (const { line } of clients) line.close(1000);
  await until(() => bench.pool.slots.every(({ seats }) => seats.size === 0), "every session is forgotten");
  if (Deno.env.has("SALLYPORT_SOAK_SECONDS")) {
    const restarts = bench.logged("handler.restarted").length;
    // deno-lint-ignore no-console -- a long run is made for its figures
    console.log(`${calls} calls, ${JSON.stringify([...counts])}, ${restarts} restarts`);
  }
});

/** Cells whose process exists. */
async function running({ cells }: Bench): Promise<number[]> {
  const found = await Promise.all(cells.pids.map(async (pid) => await runs(pid) ? [pid] : []));
  return found.flat();
}

/** Whatever happens in whatever order: each call settles once, nothing is sent twice, final is final. */
import fc from "fast-check";
import { CallError } from "../../client/mod.ts";
import { assert, assertEquals } from "../assert.ts";
import { FakePage, settle, World } from "./world.ts";

const RUNS = 150;
const LONGEST_MS = 700_000;

type Step =
  | { readonly do: "call"; readonly queue: boolean; readonly timeout: number }
  | { readonly do: "answer" | "refuse" | "abort"; readonly which: number }
  | { readonly do: "end"; readonly code: number }
  | { readonly do: "pass"; readonly ms: number }
  | { readonly do: "page"; readonly event: string }
  | { readonly do: "drain" | "move" | "connect" | "close" | "subscribe" | "toggle" | "garbage" | "hide" };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant("call" as const), queue: fc.boolean(), timeout: fc.nat(20_000) }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constantFrom("answer" as const, "refuse" as const, "abort" as const),
      which: fc.nat(20),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("end" as const),
      code: fc.constantFrom(1001, 1006, 1011, 1013, 4401, 4408, 1008, 1000),
    }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant("pass" as const), ms: fc.nat(60_000) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("page" as const),
      event: fc.constantFrom("pagehide", "pageshow", "freeze", "resume", "online", "offline"),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom(
        "drain" as const,
        "move" as const,
        "connect" as const,
        "connect" as const,
        "close" as const,
        "subscribe" as const,
        "toggle" as const,
        "garbage" as const,
        "hide" as const,
      ),
    }),
  },
);

class Run {
  readonly page = new FakePage();
  readonly world = new World({ page: this.page });
  readonly settled = new Map<string, number>();
  readonly aborts: AbortController[] = [];
  calls = 0;

  async take(step: Step): Promise<void> {
    const { world } = this;
    const open = world.sockets.filter(({ readyState }) => readyState === 1);
    switch (step.do) {
      case "call":
        return this.#call(step.queue, step.timeout);
      case "answer":
      case "refuse": {
        const socket = open[step.which % Math.max(1, open.length)];
        const sent = socket?.calls.at(-1 - step.which % 5);
        const error = { code: -32001, message: "Rate limited", data: { retry_after_ms: 5 } };
        if (sent) world.answer(sent, step.do === "answer" ? { result: sent.method } : { error }, socket);
        return;
      }
      case "abort":
        return this.aborts[step.which]?.abort();
      case "end":
        return open.at(-1)?.end(step.code);
      case "pass":
        return await world.pass(step.ms);
      case "page":
        return this.page.fire(step.event);
      case "hide":
        return this.page.hide(!this.page.document.hidden);
      case "drain":
        return open.at(-1)?.notify("session.reconnect", { after_ms: 1_000 });
      case "move":
        return open.at(-1)?.notify("session.reconnect", { after_ms: 1_000, serves_ms: 20_000 });
      case "connect":
        return world.connect();
      case "close":
        return void world.client.close();
      case "subscribe":
        return void world.client.subscribe("t");
      case "toggle":
        world.accepting = !world.accepting;
        return;
      case "garbage":
        return open.at(-1)?.push("{");
    }
  }

  #call(queue: boolean, timeout: number): void {
    const method = `m${this.calls++}`;
    const abort = new AbortController();
    this.aborts.push(abort);
    const count = () => this.settled.set(method, (this.settled.get(method) ?? 0) + 1);
    this.world.client.call(method, {}, { queue, timeout, signal: abort.signal }).then(
      (result) => {
        count();
        assertEquals(result, method, "the answer of another call");
      },
      (error) => {
        count();
        assert(error instanceof CallError, String(error));
        const sent = this.#sent(method);
        assertEquals(sent, error.outcome === "not_sent" ? 0 : 1, `${method} is ${error.outcome}`);
      },
    );
  }

  #sent(method: string): number {
    return this.world.sockets.flatMap(({ sent }) => sent).filter((message) => message.method === method).length;
  }

  /** The invariants after every step. */
  check(): void {
    const { world } = this;
    const { state } = world.client;
    const open = world.sockets.filter(({ readyState }) => readyState === 1);
    if (state === "open") assert(open.length >= 1, "open without an open socket");
    if (state === "closed" || state === "idle") assertEquals(open.length, 0, `sockets while ${state}`);
    assert(open.length <= 3, `${open.length} open sockets`);
    for (const [method, times] of this.settled) assertEquals(times, 1, `${method} settled`);
    for (let n = 0; n < this.calls; n++) assert(this.#sent(`m${n}`) <= 1, `m${n} was sent twice`);
  }
}

Deno.test("any interleaving: calls settle once and are sent at most once; close() leaves nothing", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), async (steps) => {
      const run = new Run();
      for (const step of steps) {
        await run.take(step);
        await settle();
        run.check();
      }
      run.world.client.close();
      await run.world.pass(LONGEST_MS);
      assertEquals([run.settled.size, run.world.timers], [run.calls, 0], "settled calls, timers");
      const before = run.world.sockets.length;
      for (const event of ["pageshow", "online", "resume"]) run.page.fire(event);
      await run.world.pass(LONGEST_MS);
      assertEquals([run.world.sockets.length, run.world.client.state], [before, "closed"]);
    }),
    { numRuns: RUNS },
  );
});

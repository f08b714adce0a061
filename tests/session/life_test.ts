import { assertEquals } from "../assert.ts";
import { type Ending, Life } from "../../lib/session/life.ts";

const LIMITS = { ping_interval: 20_000, idle_timeout: 600_000, max_session: 3_600_000 };

/** A life on simulated clocks, checked whenever it asks to be. */
class Simulation {
  at = 0;
  wall = 1_000_000;
  pings: number[] = [];
  ending: Ending | null = null;
  endedAt = -1;
  /** Whether the peer answers pings. */
  answers = true;
  pingable = true;
  readonly life: Life;
  #due: number;

  constructor(limits: Partial<typeof LIMITS> = {}, expiresIn = Infinity) {
    this.life = new Life({ ...LIMITS, ...limits }, this, 0, this.wall + expiresIn, () => this.wall);
    this.#due = this.life.next(0);
  }

  ping(): boolean {
    if (!this.pingable) return false;
    this.pings.push(this.at);
    if (this.answers) queueMicrotask(() => this.life.heard(this.at));
    return true;
  }

  expire(ending: Ending): void {
    this.ending = ending;
    this.endedAt = this.at;
  }

  async runUntil(end: number): Promise<void> {
    while (this.#due <= end && !this.ending) {
      this.wall += this.#due - this.at;
      this.at = this.#due;
      this.#due = this.life.check(this.at);
      await Promise.resolve();
    }
    this.wall += end - this.at;
    this.at = Math.max(this.at, end);
  }

  /** Both clocks pass while this process stands still. */
  freeze(milliseconds: number): void {
    this.at += milliseconds;
    this.wall += milliseconds;
    this.#due = this.life.check(this.at);
  }
}

Deno.test("Life pings a silent peer once an interval and keeps one that answers", async () => {
  const simulation = new Simulation();
  await simulation.runUntil(100_000);
  assertEquals(simulation.pings, [20_000, 40_000, 60_000, 80_000, 100_000]);
  assertEquals(simulation.ending, null);
});

Deno.test("Life ends a peer that answers no ping within two intervals", async () => {
  const simulation = new Simulation();
  simulation.answers = false;
  await simulation.runUntil(100_000);
  assertEquals(simulation.pings, [20_000]);
  assertEquals(simulation.endedAt, 40_000);
  assertEquals(simulation.ending, { code: 1008, reason: "idle" });
});

Deno.test("Life does not ping a peer that talks", async () => {
  const simulation = new Simulation();
  for (let at = 10_000; at <= 100_000; at += 10_000) {
    await simulation.runUntil(at);
    simulation.life.messaged(at);
  }
  assertEquals(simulation.pings, []);
});

Deno.test("Life judges the peer, not a delay of this process", async () => {
  const simulation = new Simulation();
  simulation.answers = false;
  await simulation.runUntil(20_000);
  assertEquals(simulation.pings, [20_000]);
  simulation.freeze(60_000);
  assertEquals(simulation.ending, null);
  simulation.life.heard(simulation.at); // the pong that waited unread
  simulation.answers = true;
  await simulation.runUntil(200_000);
  assertEquals(simulation.ending, null);
});

Deno.test("Life leaves the pinging to a platform that does it", async () => {
  const simulation = new Simulation();
  simulation.pingable = false;
  await simulation.runUntil(500_000);
  assertEquals(simulation.ending, null);
});

Deno.test("Life ends a client that sends no message for idle_timeout, whatever its pongs", async () => {
  const simulation = new Simulation({ idle_timeout: 50_000 });
  await simulation.runUntil(49_999);
  assertEquals(simulation.ending, null);
  await simulation.runUntil(50_000);
  assertEquals(simulation.ending, { code: 1008, reason: "idle" });
  const never = new Simulation({ idle_timeout: 0 });
  await never.runUntil(3_000_000);
  assertEquals(never.ending, null);
});

Deno.test("Life ends at max_session and when the token does, whichever is first", async () => {
  const session = new Simulation({ max_session: 30_000 }, 40_000);
  await session.runUntil(100_000);
  assertEquals(session.ending, { code: 4401, reason: "session_expired" });
  const token = new Simulation({ max_session: 50_000 }, 40_000);
  await token.runUntil(39_999);
  assertEquals(token.ending, null);
  await token.runUntil(40_000);
  assertEquals(token.ending, { code: 4401, reason: "token_expired" });
});

Deno.test("Life.renew() moves the token's end", async () => {
  const simulation = new Simulation({}, 30_000);
  await simulation.runUntil(25_000);
  simulation.life.renew(simulation.wall + 60_000, simulation.at);
  await simulation.runUntil(80_000);
  assertEquals(simulation.ending, null);
  await simulation.runUntil(90_000);
  assertEquals(simulation.ending, { code: 4401, reason: "token_expired" });
});

Deno.test("Life.end() makes later checks harmless", () => {
  const simulation = new Simulation({ max_session: 10 });
  simulation.life.end();
  assertEquals(simulation.life.check(1e9), Infinity);
  assertEquals(simulation.ending, null);
});

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
  queued = 0;
  taken = 0;
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

  end(ending: Ending): void {
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
    this.#due = this.life.check(this.at, this.at);
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
  assertEquals(simulation.ending, "idle");
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

Deno.test("Life ends a client that sends no message for idle_timeout, despite its pongs", async () => {
  const simulation = new Simulation({ idle_timeout: 50_000 });
  await simulation.runUntil(49_999);
  assertEquals(simulation.ending, null);
  await simulation.runUntil(50_000);
  assertEquals(simulation.ending, "idle");
  const never = new Simulation({ idle_timeout: 0 });
  await never.runUntil(3_000_000);
  assertEquals(never.ending, null);
});

Deno.test("Life ends at max_session and when the token does, whichever is first", async () => {
  const session = new Simulation({ max_session: 30_000 }, 40_000);
  await session.runUntil(100_000);
  assertEquals(session.ending, "session_expired");
  const token = new Simulation({ max_session: 50_000 }, 40_000);
  await token.runUntil(39_999);
  assertEquals(token.ending, null);
  await token.runUntil(40_000);
  assertEquals(token.ending, "token_expired");
});

Deno.test("Life.renew() moves the token's end", async () => {
  const simulation = new Simulation({}, 30_000);
  await simulation.runUntil(25_000);
  simulation.life.renew(simulation.wall + 60_000, simulation.at);
  await simulation.runUntil(80_000);
  assertEquals(simulation.ending, null);
  await simulation.runUntil(90_000);
  assertEquals(simulation.ending, "token_expired");
});

Deno.test("Life.stop() makes later checks harmless", () => {
  const simulation = new Simulation({ max_session: 10 });
  simulation.life.stop();
  assertEquals(simulation.life.check(1e9), Infinity);
  assertEquals(simulation.ending, null);
});

Deno.test("Life does not hold a pause of reading against the peer", async () => {
  const simulation = new Simulation({ idle_timeout: 50_000 });
  simulation.answers = false;
  await simulation.runUntil(25_000); // a ping is out
  simulation.life.paused(simulation.at);
  await simulation.runUntil(200_000);
  assertEquals([simulation.ending, simulation.pings], [null, [20_000]]);
  simulation.life.resumed(simulation.at);
  await simulation.runUntil(219_999);
  assertEquals(simulation.ending, null); // a new interval, then a new ping
  simulation.answers = true;
  await simulation.runUntil(224_999);
  assertEquals(simulation.ending, null); // 25 of 50 seconds had passed before the pause
  await simulation.runUntil(226_000);
  assertEquals(simulation.ending, "idle");
});

Deno.test("Life waits for a ping that is held up behind data as long as the peer takes any of it", async () => {
  const simulation = new Simulation();
  simulation.answers = false;
  simulation.queued = 100;
  await simulation.runUntil(20_000);
  for (let at = 40_000; at <= 200_000; at += 20_000) {
    simulation.queued--;
    simulation.taken++;
    await simulation.runUntil(at);
    assertEquals(simulation.ending, null, `at ${at}`);
  }
  await simulation.runUntil(221_000);
  assertEquals(simulation.ending, "idle");
});

Deno.test("Life takes bytes that the kernel takes at once for no sign of the peer", async () => {
  const simulation = new Simulation();
  simulation.answers = false;
  for (let at = 0; at <= 60_000 && !simulation.ending; at += 100) {
    simulation.taken += 10;
    await simulation.runUntil(at);
  }
  assertEquals(simulation.ending, "idle");
  assertEquals(simulation.endedAt < 41_000, true, `${simulation.endedAt}`);
});

Deno.test("Life gives data before the ping the time of a slow link, and no more", async () => {
  for (const [bytes, seconds] of [[160 * 1024, 10], [1024 * 1024, 64], [64 * 1024 * 1024, 64]] as const) {
    const simulation = new Simulation();
    simulation.answers = false;
    simulation.taken = bytes;
    await simulation.runUntil(40_000 + 1000 * seconds - 1);
    assertEquals(simulation.ending, null, `${bytes}`);
    await simulation.runUntil(40_000 + 1000 * seconds + 1);
    assertEquals(simulation.ending, "idle", `${bytes}`);
  }
});

Deno.test("Life gives every session a new interval when the process stood still longer than idle_timeout", async () => {
  const simulation = new Simulation({ idle_timeout: 50_000 });
  await simulation.runUntil(45_000);
  simulation.freeze(100_000);
  assertEquals(simulation.ending, null);
  simulation.life.messaged(simulation.at); // what waited in the kernel
  await simulation.runUntil(194_000);
  assertEquals(simulation.ending, null);
  await simulation.runUntil(195_000);
  assertEquals(simulation.ending, "idle");

  const silent = new Simulation({ idle_timeout: 50_000 });
  await silent.runUntil(45_000);
  silent.freeze(100_000);
  await silent.runUntil(164_999);
  assertEquals(silent.ending, null);
  await silent.runUntil(165_000);
  assertEquals(silent.ending, "idle");
});

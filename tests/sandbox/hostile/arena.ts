/** A server with a hostile module for each act and an honest one, and what an attack does to it. */
import { assert, assertEquals } from "../../assert.ts";
import { type LogLine, startServer, type TestServer } from "../../helpers/test_server.ts";
import { type Act, type Input, loadingText, moduleText, type Moment, slug } from "./act.ts";
import { FORGED_EVENT } from "./acts/outputs.ts";
import { Bait } from "./bait.ts";
import { Neighbour } from "./neighbour.ts";
import { Peer } from "./peer.ts";
import { Sampler } from "./sampler.ts";

const MIB = 1024 * 1024;
export const HONEST = "honest";
/** A module that does not answer within this is asked again: a cell that ends takes raw frames with it. */
const PING_MS = 2_000;
/** For what is due at once. A machine that does other things as well may take its time. */
const DEADLINE_MS = 20_000;
/** For the end of a cell, and for the next one: the pauses between restarts grow. */
const ENDING_MS = 60_000;
/** Memory that the front may keep of an attack: queues, and pages that its allocator does not give back. */
const FRONT_SLACK_BYTES = 256 * MIB;
/** The same for all processes together; spare ones may have been started since. */
const TREE_SLACK_BYTES = 512 * MIB;
/** A process that uses less than this share of a core does nothing. */
const QUIET_SHARE = 0.5;
const QUIET_LOOK_MS = 1_000;
/**
 * `timeout` of the honest module. Each call of the neighbour is answered within it, on a machine of any speed; how much
 * slower than undisturbed is a matter of the bench.
 */
const HONEST_TIMEOUT_MS = 5_000;
const QUIET_CALLS_MS = 1_000;

const HONEST_TEXT = `export default ({ z }) => ({
  methods: { ping: { params: z.object({}), public: true, handle: () => "pong" } },
});
`;

const EVENTS: Record<string, readonly string[]> = {
  memory: ["handler.out_of_memory"],
  timeout: ["handler.timeout"],
  crash: ["handler.failed"],
};
const ENDS = Object.values(EVENTS).flat();

interface Done {
  readonly begun: number;
  readonly ended: number;
}

export class Arena implements AsyncDisposable {
  readonly broken: string[] = [];

  private constructor(
    readonly server: TestServer,
    readonly bait: Bait,
    readonly neighbour: Neighbour,
    readonly sampler: Sampler,
    readonly input: Input,
    readonly timeoutMs: number,
  ) {}

  /** `timeoutMs` is the one of the hostile modules. */
  static async start(acts: readonly Act[], timeoutMs: number): Promise<Arena> {
    const bait = await Bait.lay();
    for (const act of acts) await bait.addModule(slug(act), moduleText(act, bait.input));
    await bait.addModule(HONEST, HONEST_TEXT);
    const hostile = { cells: 1, memory: "64MiB", timeout: `${timeoutMs}ms` };
    const server = await startServer({
      config: CONFIG,
      env: bait.env,
      handlers: [
        { subprotocol: HONEST, module: bait.module(HONEST), cells: 1, timeout: `${HONEST_TIMEOUT_MS}ms` },
        ...acts.map(slug).map((name) => ({ subprotocol: name, module: bait.module(name), ...hostile })),
      ],
    });
    const sampler = await Sampler.start(server.pid);
    const neighbour = await Neighbour.join(server, HONEST);
    const [honestPid = 0] = await sampler.cellsIn(bait.folder(HONEST));
    const pids = { front: await sampler.frontPid(), supervisor: server.pid, neighbour: honestPid };
    return new Arena(server, bait, neighbour, sampler, { ...bait.input, pids }, timeoutMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.neighbour[Symbol.dispose]();
    await this.sampler.stop();
    await this.server.stop();
    await this.bait.remove();
  }

  /**
   * Runs `attacks` while the neighbour calls. Afterwards everything is as it was, and the neighbour was served all the
   * time. Gives what went wrong, one text for each.
   */
  async survives(attacks: () => Promise<string[]>): Promise<string[]> {
    const { p99Ms: quietMs } = await this.neighbour.during(() =>
      new Promise((done) => setTimeout(done, QUIET_CALLS_MS))
    );
    const before = this.sampler.peak;
    this.sampler.reset();
    const { result: failures, p99Ms, calls } = await this.neighbour.during(attacks);
    const peak = this.sampler.peak;
    const figures = `neighbour p99 ${quietMs.toFixed(1)} ms quiet, ${p99Ms.toFixed(1)} ms attacked (${calls} calls); ` +
      `peak of the front ${mib(peak.frontBytes)} MiB, of the tree ${mib(peak.treeBytes)} MiB`;
    Deno.stderr.writeSync(new TextEncoder().encode(`${figures}\n`));
    const check = (holds: boolean, what: string) => holds || failures.push(`${what} (${figures})`);
    check(p99Ms <= HONEST_TIMEOUT_MS, "the neighbour was slowed down");
    check(peak.frontBytes <= before.frontBytes + FRONT_SLACK_BYTES, "the front held too much");
    await this.#asBefore(before.treeBytes).catch((error: Error) => failures.push(error.message));
    return [...failures, ...this.#traces()];
  }

  /**
   * One act at one moment: what is due comes, and then the module is served again.
   * @throws {Error} Says what was waited for.
   */
  async attack(act: Act, moment: Moment): Promise<void> {
    const name = slug(act);
    const before = await this.sampler.cellsIn(this.bait.folder(name));
    assert(before.length > 0, "the module has no process of its own");
    const done = await this.#served(act);
    const mark = this.server.log.length;
    const lines = (events: readonly string[]) =>
      this.server.log.slice(mark).filter((line) => line["module"] === name && events.includes(line.event));
    const audience = await Promise.all(
      Array.from({ length: act.audience ?? 0 }, (_, index) => this.#follow(name, `listener ${index}`)),
    );
    using stack = new DisposableStack();
    for (const peer of audience) stack.use(peer);
    stack.use(await this.#perform(act, moment));
    await this.#due(act, before, done, lines);
    await this.#served(act);
  }

  /**
   * The module's file turns hostile, and its cell ends: the new ones end as well, while they load. Once the file is as
   * it was, the module is served again.
   * @throws {Error} Says what was waited for.
   */
  async attackLoading(act: Act): Promise<void> {
    const name = slug(act);
    await this.#served(act);
    const mark = this.server.log.length;
    const ended = () =>
      this.server.log.slice(mark).filter((line) => line["module"] === name && ENDS.includes(line.event));
    await Deno.writeTextFile(this.bait.module(name), loadingText(act, this.input));
    {
      using _peer = await this.#perform(act, "call");
      await this.sampler.until(() => ended().length >= 2, "the next cell to end while it loads", ENDING_MS);
    }
    await Deno.writeTextFile(this.bait.module(name), moduleText(act, this.input));
    await this.#served(act);
  }

  /** Traces of the attacks that must not be there. */
  #traces(): string[] {
    const { log, noise } = this.server;
    const forged = log.filter((line) => line.event === FORGED_EVENT).map((line) => JSON.stringify(line));
    const secrets = [...log.map((line) => JSON.stringify(line)), ...noise]
      .filter((line) => line.includes(this.bait.secret));
    return [
      ...noise.slice(0, 5).map((line) => `written past the log: ${JSON.stringify(line.slice(0, 200))}`),
      ...forged.slice(0, 5).map((line) => `a forged line: ${line}`),
      ...secrets.slice(0, 5).map((line) => `the secret is in the log: ${line}`),
      ...this.broken.slice(0, 5).map((text) => `a client received ${JSON.stringify(text.slice(0, 200))}`),
      ...this.bait.taken(),
    ];
  }

  async #asBefore(treeBytes: number): Promise<void> {
    assertEquals(await this.sampler.frontPid(), this.input.pids.front, "the front was replaced");
    const neighbour = this.input.pids.neighbour;
    {
      assert(this.sampler.latest.some(({ pid }) => pid === neighbour), "the neighbour's cell was replaced");
    }
    await this.sampler.until(
      (tree) => tree.reduce((sum, { rssBytes }) => sum + rssBytes, 0) <= treeBytes + TREE_SLACK_BYTES,
      `memory to be back near ${mib(treeBytes)} MiB`,
      DEADLINE_MS,
    );
    const deadline = Date.now() + ENDING_MS;
    for (;;) {
      const busy = await this.#busy();
      if (busy.length === 0) return;
      if (Date.now() > deadline) throw new Error(`Waited in vain for these to rest: ${busy.join(", ")}`);
    }
  }

  /** Command lines of the processes that use the processor. */
  async #busy(): Promise<string[]> {
    const before = new Map((await this.sampler.next()).map(({ pid, cpuMs }) => [pid, cpuMs]));
    const began = performance.now();
    await new Promise((done) => setTimeout(done, QUIET_LOOK_MS));
    const tree = await this.sampler.next();
    const lookMs = performance.now() - began;
    const busy = tree.filter(({ pid, cpuMs }) => cpuMs - (before.get(pid) ?? cpuMs) > QUIET_SHARE * lookMs);
    return busy.map(({ pid }) => this.sampler.describe(pid));
  }

  /** The act has begun when this resolves. The peer must stay connected until what is due has come. */
  async #perform(act: Act, moment: Moment): Promise<Peer> {
    const name = slug(act);
    const peer = await this.#join(name, moment, act.raw);
    if (moment === "call" || moment === "timer") {
      const order = moment === "call" ? "act" : "later";
      if (act.raw) await peer.send(order);
      else await peer.call(order, this.input, this.timeoutMs + DEADLINE_MS);
    } else if (moment === "open") {
      await peer.send(act.raw ? "ping" : JSON.stringify({ jsonrpc: "2.0", method: "ping", params: {} }));
    } else {
      await this.#ping(peer, DEADLINE_MS);
      peer[Symbol.dispose]();
    }
    return peer;
  }

  async #due(act: Act, before: readonly number[], done: Done, lines: (events: readonly string[]) => LogLine[]) {
    const alive = (tree: readonly { pid: number }[]) => before.every((pid) => tree.some((one) => one.pid === pid));
    const acted = async () => {
      const now = await this.#done(act, PING_MS);
      return now !== null && now.ended > done.ended;
    };
    if (act.due === "stays" || act.due === "contained") {
      const ended = () => act.due === "contained" && lines(ENDS).length > 0;
      await this.sampler.until(async () => ended() || await acted(), "the act to be over", DEADLINE_MS);
      if (act.due === "stays") assert(alive(await this.sampler.next()), "the cell was replaced");
      return;
    }
    const events = EVENTS[act.due] ?? ENDS;
    await this.sampler.until((tree) => !alive(tree), "the cell to end", this.timeoutMs + ENDING_MS);
    await this.sampler.until(() => lines(events).length > 0, `a line ${events.join(" or ")}`, DEADLINE_MS)
      .catch((error: Error) => {
        throw new Error(`${error.message}, there was ${JSON.stringify(lines(ENDS))}`);
      });
    await this.sampler.until(() => lines(["handler.restarted"]).length > 0, "a line handler.restarted", ENDING_MS);
  }

  /** Waits until the module answers. Gives how often its cell has acted. */
  async #served(act: Act): Promise<Done> {
    const deadline = Date.now() + ENDING_MS;
    for (;;) {
      const done = await this.#done(act, DEADLINE_MS);
      if (done !== null) return done;
      if (Date.now() > deadline) throw new Error(`Waited ${ENDING_MS} ms for the module to be served`);
      await new Promise((next) => setTimeout(next, 50));
    }
  }

  /** How often the cell has acted; null when it does not answer. */
  async #done(act: Act, withinMs: number): Promise<Done | null> {
    try {
      using peer = await this.#join(slug(act), "monitor", act.raw);
      return await this.#ping(peer, withinMs);
    } catch {
      return null;
    }
  }

  async #ping(peer: Peer, withinMs: number = PING_MS): Promise<Done | null> {
    if (peer.options.raw) {
      const answer = peer.text((text) => text.startsWith('{"begun"'), withinMs);
      await peer.send("ping");
      const text = await answer;
      return text === null ? null : JSON.parse(text) as Done;
    }
    const { result } = await peer.call("ping", {}, withinMs);
    return result === undefined ? null : result as Done;
  }

  async #join(name: string, user: string, raw = false): Promise<Peer> {
    return await Peer.join(this.server, name, user, { raw, taboo: this.bait.secret, broken: this.broken });
  }

  async #follow(name: string, user: string): Promise<Peer> {
    const peer = await this.#join(name, user);
    assertEquals((await peer.call("follow", {}, DEADLINE_MS)).result, true);
    return peer;
  }
}

const plenty = { rate: 100_000, burst: 100_000 };
const CONFIG = {
  server: {
    host: "127.0.0.1",
    port: 0,
    max_connections_per_ip: 1_000,
    max_connections_per_user: 1_000,
    handshake_timeout: "1m",
  },
  tls: undefined,
  limits: { handshake: plenty, ip: plenty, user: plenty, connection: plenty, adaptive: false },
  log: { level: "info" },
};

function mib(bytes: number): string {
  return (bytes / MIB).toFixed(0);
}

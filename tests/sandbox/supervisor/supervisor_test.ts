import { assert, assertEquals, assertLess } from "../../assert.ts";
import { PrivateFolder } from "../../../lib/sandbox/supervisor/private_folder.ts";
import { thisProgram } from "../../../lib/sandbox/supervisor/program.ts";
import { Supervisor } from "../../../lib/sandbox/supervisor/supervisor.ts";
import { runs, STAND_IN } from "./fixture.ts";
import { until } from "../../helpers/until.ts";

interface Restart {
  readonly detail: string;
  readonly pause: number;
}

/** A supervisor of fronts that are run by the stand-in. */
class Supervised implements AsyncDisposable {
  readonly dir = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "run-" }));
  readonly told: string[] = [];
  readonly restarts: Restart[] = [];
  readonly pids = new Set<number>();
  readonly supervisor: Supervisor;
  readonly status: Promise<number>;
  healthy: () => boolean | Promise<boolean> = () => false;
  readonly #folder = new PrivateFolder((name) => name === "RUNTIME_DIRECTORY" ? this.dir : undefined);

  constructor(front: string, prepared: () => unknown = () => {}, program = thisProgram(Deno.env.get, STAND_IN)) {
    const { told } = this;
    const module = `${this.dir}/honest.ts`;
    Deno.writeTextFileSync(module, "");
    const settings = {
      subprotocol: "honest.v1",
      module,
      cells: 1,
      memory: 64 * 2 ** 20,
      timeout: 2_000,
      permissions: {},
    };
    this.supervisor = new Supervisor({
      program,
      words: [front],
      environment: Deno.env.toObject(),
      folder: this.#folder,
      notifier: {
        socketPath: null,
        prepared: Promise.resolve(),
        ready: (status) => told.push(`ready ${status}`),
        status: (status) => told.push(`status ${status}`),
        reloading: () => told.push("reloading"),
        stopping: () => told.push("stopping"),
        watch: (healthy) => this.healthy = healthy,
        close: () => Promise.resolve(),
      },
      cores: 2,
      now: () => performance.now(),
      prepare: async () => {
        await prepared();
        if (this.supervisor.frontPid !== undefined) this.pids.add(this.supervisor.frontPid);
        return { handlers: [settings], orders: { limits: { openFiles: null, memoryBytes: null } }, drainMs: 0 };
      },
      restarted: (detail, pause) => this.restarts.push({ detail, pause }),
    });
    this.status = this.supervisor.run();
    this.status.catch(() => {});
  }

  async has(what: string, times = 1): Promise<void> {
    await until(() => this.told.filter((one) => one.startsWith(what)).length >= times, () => `${what} in ${this.told}`);
  }

  async restarted(times = 1): Promise<Restart> {
    await until(() => this.restarts.length >= times, () => `restart ${times}`);
    return this.restarts[times - 1]!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.supervisor.stop();
    this.supervisor.kill();
    await this.status.catch(() => {});
    for (const pid of this.pids) assertEquals(await runs(pid), false, `front ${pid}`);
    this.#folder.remove();
    await Deno.remove(this.dir, { recursive: true });
  }
}

Deno.test("a front that drains ends the supervisor with 0, and the service manager hears it all", async () => {
  await using one = new Supervised("honest");
  await one.has("ready");
  assertEquals(one.told[0], "ready serving, 3 of at most 10 connections");
  await until(() => one.healthy(), "health");
  one.supervisor.reload();
  await one.has("ready", 2);
  one.supervisor.stop();
  // Has no effect any more.
  one.supervisor.reload();
  assertEquals(await one.status, 0);
  assertEquals(one.told.filter((what) => !what.startsWith("status")).map((what) => what.split(" ")[0]), [
    "ready",
    "reloading",
    "ready",
    "stopping",
  ]);
});

Deno.test("a front gets cells, their output and their end", async () => {
  await using one = new Supervised("one_cell");
  assertEquals(await one.status, 0);
});

Deno.test("a front that could not start, or has a wrong configuration, ends the supervisor with its status", async () => {
  for (const [front, status] of [["exit_1", 1], ["exit_2", 2]] as const) {
    await using one = new Supervised(front);
    assertEquals([await one.status, one.restarts], [status, []]);
  }
});

Deno.test("a front that dies again and again is started with growing pauses, then its status is the supervisor's", async () => {
  await using one = new Supervised("exit_7_once_ready");
  assertEquals(await one.status, 7);
  assertEquals(one.restarts.map(({ pause }) => pause), [50, 100, 200, 400]);
  assertEquals(one.restarts[0]!.detail, "exit status 7");
});

for (
  const [front, why] of [
    ["garbage", "it wrote what is no frame"],
    ["repeats_a_request", "it wrote what it may not ask"],
    ["flood", "it wrote too many frames"],
    ["deaf", "it does not read what it is told"],
  ] as const
) {
  Deno.test(`a front is killed and replaced because ${why}`, async () => {
    await using one = new Supervised(front);
    assertEquals((await one.restarted()).detail, why);
    await until(() => one.pids.size > 1, "another front");
  });
}

Deno.test("a front that does not end in time is killed", async () => {
  await using one = new Supervised("stubborn");
  await one.has("ready");
  one.supervisor.stop();
  assertEquals(await one.status, 1);
});

Deno.test("a stop in the pause before the next front ends the supervisor at once", async () => {
  // A busy machine may take as long as the pause for other reasons, but not each time.
  const tookMs: number[] = [];
  do {
    await using one = new Supervised("exit_7_once_ready");
    await one.restarted(4);
    const began = performance.now();
    one.supervisor.stop();
    assertEquals(await one.status, 0);
    tookMs.push(performance.now() - began);
  } while (tookMs.at(-1)! >= 390 && tookMs.length < 8);
  assertLess(tookMs.at(-1)!, 390, "the pause of 400 ms was waited for");
});

Deno.test("a stop before the front serves ends it", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  await using one = new Supervised("honest", () => promise);
  one.supervisor.stop();
  resolve();
  assertEquals(await one.status, 0);
  assertEquals(one.told.filter((what) => what.startsWith("ready")), []);
});

Deno.test("a program that can't be started is tried again, then the supervisor ends with 1", async () => {
  const program = { folders: [], command: () => ({ file: "/nowhere/sallyport", args: [], env: {} }) };
  await using one = new Supervised("honest", () => {}, program);
  assertEquals(await one.status, 1);
  assertEquals(one.restarts.length, 4);
  assert(one.restarts[0]!.detail.includes("ENOENT"), one.restarts[0]!.detail);
});

Deno.test("a configuration that can't be served ends the front and is thrown", async () => {
  await using one = new Supervised("honest", () => {
    throw new TypeError("wrong");
  });
  assertEquals(await one.status.catch((error) => String(error)), "TypeError: wrong");
});

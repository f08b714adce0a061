import { openMonotonicClock } from "../../lib/ops/monotonic_clock.ts";
import { createNotifier, watchdogInterval } from "../../lib/ops/systemd.ts";
import { assert, assertEquals } from "../assert.ts";
import { optional } from "../helpers/optional.ts";

/** A service manager's socket. */
class Manager {
  readonly directory = Deno.makeTempDirSync();
  readonly path = `${this.directory}/notify`;
  private readonly socket: Deno.DatagramConn;

  constructor(path?: string) {
    this.socket = Deno.listenDatagram({ transport: "unixpacket", path: path ?? this.path });
  }

  async receive(): Promise<string> {
    const [datagram] = await this.socket.receive();
    return new TextDecoder().decode(datagram);
  }

  close(): void {
    this.socket.close();
    Deno.removeSync(this.directory, { recursive: true });
  }
}

function env(values: Record<string, string>): (name: string) => string | undefined {
  return (name) => values[name];
}

Deno.test("createNotifier() sends the life of a service in order", async () => {
  const manager = new Manager();
  const notifier = createNotifier({
    env: env({ NOTIFY_SOCKET: manager.path }),
    directory: manager.directory,
    openClock: () => Promise.resolve(() => 42),
  });
  try {
    assertEquals(notifier.socketPath, manager.path);
    notifier.ready("Listening on wss://localhost:8443/ws");
    notifier.status("3 connections\nREADY=0\x1b[2J");
    notifier.reloading();
    notifier.ready("Reloaded");
    notifier.stopping("Draining 3 connections");
    const received = [];
    for (let i = 0; i < 5; i++) received.push(await manager.receive());
    assertEquals(received, [
      "READY=1\nSTATUS=Listening on wss://localhost:8443/ws",
      "STATUS=3 connections READY=0 [2J",
      "RELOADING=1\nMONOTONIC_USEC=42",
      "READY=1\nSTATUS=Reloaded",
      "STOPPING=1\nSTATUS=Draining 3 connections",
    ]);
    assertEquals(
      [...Deno.readDirSync(manager.directory)].map((entry) => entry.name),
      ["notify"],
      "its own name is gone",
    );
  } finally {
    await notifier.close();
    manager.close();
  }
});

Deno.test(optional(
  { Linux: Deno.build.os === "linux" },
  "createNotifier() reaches an abstract socket",
  async () => {
    const name = `sallyport-test-${crypto.randomUUID()}`;
    const manager = new Manager(`\0${name}`);
    const notifier = createNotifier({ env: env({ NOTIFY_SOCKET: `@${name}` }), directory: manager.directory });
    try {
      assertEquals(notifier.socketPath, null);
      notifier.ready("up");
      assertEquals(await manager.receive(), "READY=1\nSTATUS=up");
    } finally {
      await notifier.close();
      manager.close();
    }
  },
));

Deno.test("createNotifier() feeds the watchdog only while the server is healthy", async () => {
  const manager = new Manager();
  const errors: unknown[] = [];
  const notifier = createNotifier({
    env: env({ NOTIFY_SOCKET: manager.path, WATCHDOG_USEC: "40000", WATCHDOG_PID: String(Deno.pid) }),
    directory: manager.directory,
    onError: (error) => errors.push(error),
  });
  let asked = 0;
  try {
    const settled = Promise.withResolvers<void>();
    notifier.watch(() => {
      asked++;
      if (asked === 2) return Promise.resolve(false);
      if (asked === 3) throw new Error("cells are gone");
      if (asked === 5) {
        notifier.status("asked five times");
        settled.resolve();
        return new Promise<boolean>(() => {});
      }
      return true;
    });
    await settled.promise;
    assertEquals([await manager.receive(), await manager.receive(), await manager.receive()], [
      "WATCHDOG=1",
      "WATCHDOG=1",
      "STATUS=asked five times",
    ]);
    assertEquals(errors.length, 1);
    await new Promise((resolve) => setTimeout(resolve, 80));
    assertEquals(asked, 5, "a health check that never answers is not asked again, so the watchdog bites");
  } finally {
    await notifier.close();
    manager.close();
  }
});

Deno.test("watchdogInterval() is half of what the unit allows, for this process only", () => {
  assertEquals(watchdogInterval(env({ WATCHDOG_USEC: "30000000" })), 15_000);
  assertEquals(watchdogInterval(env({ WATCHDOG_USEC: "30000000", WATCHDOG_PID: String(Deno.pid) })), 15_000);
  assertEquals(watchdogInterval(env({ WATCHDOG_USEC: "30000000", WATCHDOG_PID: "1" })), null);
  assertEquals(watchdogInterval(env({ WATCHDOG_USEC: "1" })), 1);
  for (const micros of ["", "0", "-5", "soon", "1.5"]) {
    assertEquals(watchdogInterval(env({ WATCHDOG_USEC: micros })), null);
  }
  assertEquals(watchdogInterval(env({})), null);
});

Deno.test("createNotifier() does nothing without a manager, or with a socket it can't use", async () => {
  for (const socket of [undefined, "", "relative/path", "vsock:2:1234"]) {
    const notifier = createNotifier({ env: (name) => name === "NOTIFY_SOCKET" ? socket : "100000" });
    assertEquals(notifier.socketPath, null);
    notifier.ready("up");
    notifier.watch(() => true);
    await notifier.close();
  }
  const errors: unknown[] = [];
  const directory = await Deno.makeTempDir();
  const notifier = createNotifier({
    env: env({ NOTIFY_SOCKET: `${directory}/nobody` }),
    directory,
    onError: (error) => errors.push(error),
  });
  notifier.ready("up");
  const deadline = Date.now() + 5000;
  while (errors.length === 0 && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 5));
  assert(errors[0] instanceof Error);
  await notifier.close();
  await Deno.remove(directory, { recursive: true });
});

/** Reads CLOCK_MONOTONIC by Python, microseconds; null where there is none. */
async function monotonicOfPython(): Promise<number | null> {
  try {
    const program = "import time; print(time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000)";
    const { success, stdout } = await new Deno.Command("python3", { args: ["-c", program] }).output();
    return success ? Number(new TextDecoder().decode(stdout)) : null;
  } catch {
    return null;
  }
}

Deno.test(optional(
  { python3: await monotonicOfPython() !== null },
  "a reload is announced with the moment on the kernel's monotonic clock",
  async () => {
    const manager = new Manager();
    const errors: unknown[] = [];
    const notifier = createNotifier({
      env: env({ NOTIFY_SOCKET: manager.path }),
      directory: manager.directory,
      onError: (error) => errors.push(error),
    });
    try {
      await notifier.prepared;
      const before = (await monotonicOfPython())!;
      notifier.reloading();
      const after = (await monotonicOfPython())!;
      const micros = Number(/^RELOADING=1\nMONOTONIC_USEC=(\d+)$/.exec(await manager.receive())?.[1]);
      // Python's own ending and beginning lie between, which take longer than the clock may be wrong.
      assert(before <= micros && micros <= after, `${before} <= ${micros} <= ${after}`);
    } finally {
      await notifier.close();
      manager.close();
    }
    assertEquals(errors, []);
  },
));

Deno.test("openMonotonicClock() agrees with itself within a millisecond, and its clock goes on as fast as time does", async () => {
  const [first, second] = [await openMonotonicClock(), await openMonotonicClock()];
  const at = performance.now();
  assert(Math.abs(first(at) - second(at)) < 1000, `${first(at)} and ${second(at)}`);
  assertEquals(first(at + 5000) - first(at), 5_000_000);
});

Deno.test("createNotifier() announces a reload without the time where the clock can't be read, and says why", async () => {
  const manager = new Manager();
  const errors: unknown[] = [];
  const notifier = createNotifier({
    env: env({ NOTIFY_SOCKET: manager.path }),
    directory: manager.directory,
    openClock: () => Promise.reject(new Error("no profile")),
    onError: (error) => errors.push(String(error)),
  });
  try {
    notifier.reloading();
    assertEquals(await manager.receive(), "RELOADING=1");
    assertEquals(errors, ["Error: no profile"]);
  } finally {
    await notifier.close();
    manager.close();
  }
});

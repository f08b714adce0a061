/** Parts of the server, each with its neighbours in the test's hand. */
import { Descriptors } from "../../lib/base/descriptors.ts";
import { frontCapacity } from "../../lib/config/config.ts";
import { refuse, retrySeconds } from "../../lib/gate/gate.ts";
import { LostRights, type LostRightsDeps } from "../../lib/server/lost_rights.ts";
import { needsOf, supervisorNeeds } from "../../lib/server/needs.ts";
import { Operations } from "../../lib/server/operations.ts";
import type { Server } from "../../lib/server/server.ts";
import { roomFor } from "../../lib/server/system.ts";
import { startUpkeep, type UpkeepDeps } from "../../lib/server/upkeep.ts";
import { assert, assertEquals } from "../assert.ts";
import { configWith, NOW } from "../helpers/admission.ts";
import { Lines } from "../helpers/limits.ts";
import { until } from "../helpers/until.ts";
import { InProcess } from "./in_process.ts";

const NO_PERMISSIONS = () => {
  throw new Error("not asked");
};

Deno.test("Operations.ready() has each condition from the part that it is about", async () => {
  const whole = {
    accepts: true,
    cells: true,
    valid: true,
    writable: true,
    keyCount: 1,
    draining: false,
  };
  const ready = (changes: Partial<typeof whole> = {}) => {
    const { accepts, cells, valid, writable, keyCount, draining } = { ...whole, ...changes };
    const server = {
      accepts: () => Promise.resolve(accepts),
      modules: new Map([["chat.v1", { ready: true }], ["echo.v1", { ready: cells }]]),
      certificate: { valid: () => valid },
      store: { writable: () => writable },
      verifier: { keyCount },
      draining,
      config: {},
    };
    return new Operations(server as unknown as Server, NO_PERMISSIONS).ready();
  };
  const all = { listener: true, cells: true, certificate: true, store: true, keys: true, not_draining: true };
  assertEquals(await ready(), all);
  assertEquals(await ready({ accepts: false }), { ...all, listener: false });
  assertEquals(await ready({ cells: false }), { ...all, cells: false });
  assertEquals(await ready({ valid: false }), { ...all, certificate: false });
  assertEquals(await ready({ writable: false }), { ...all, store: false });
  assertEquals(await ready({ keyCount: 0 }), { ...all, keys: false });
  assertEquals(await ready({ draining: true }), { ...all, not_draining: false });
});

Deno.test("LostRights.revoke() outlasts the given end by the tolerated difference of the clocks", () => {
  const ends: (number | undefined)[] = [];
  const deps = {
    config: configWith({ auth: { clock_skew: 30_000 } }),
    revocations: {
      add: (_: unknown, expiresAt?: number) => ends.push(expiresAt),
      onChange() {},
      isRevoked: () => true,
    },
    limits: { bans: {} },
    registry: { all: () => [], ofUser: () => [] },
    now: () => NOW,
  };
  const rights = new LostRights(deps as unknown as LostRightsDeps);
  assertEquals(rights.revoke({ jti: "t-1" }, NOW + 60_000).closed, 0);
  assertEquals(rights.revoke({ jti: "t-2" }).closed, 0);
  assertEquals(ends, [NOW + 90_000, undefined]);
});

Deno.test("startUpkeep() purges the store, ticks the limits, and counts the memory of all processes", async () => {
  const counts = { ticks: 0, purges: 0 };
  const loads: { memory: number }[] = [];
  const config = configWith();
  const cells = 1000;
  const parts = {
    config: { ...config, handlers: config.handlers.slice(0, 1).map((handler) => ({ ...handler, cells })) },
    limits: { tick: () => counts.ticks++ },
    overload: { sample: (load: { memory: number }) => loads.push(load) },
    modules: new Map(),
    monotonic: () => performance.now(),
    cluster: { kind: "memory" },
    telemetry: { cellMemory: new Map(), handlerModule() {}, figure() {} },
    registry: { size: 0, all: () => [] },
  };
  const memoryBytes = cells * 24 * 2 ** 20;
  const stop = startUpkeep({
    parts,
    store: { purge: () => counts.purges++ },
    certificate: { check() {} },
    deadlines: { advance() {} },
    systemLimits: { openFiles: null, memoryBytes },
  } as unknown as UpkeepDeps);
  try {
    await until(() => counts.ticks > 0 && counts.purges > 0 && loads.length > 0, "a second of upkeep");
  } finally {
    stop();
  }
  // Idle processes take what the system grants, so that no more sessions fit.
  assert(loads[0]!.memory >= 1, `${loads[0]!.memory}`);
});

Deno.test("roomFor() leaves descriptors for the server itself, and says when the system grants too few", () => {
  const config = configWith({ server: { max_connections: 1000 } });
  const wanted = frontCapacity(1000);
  const room = (free: number) => {
    const log = new Lines();
    const descriptors = { available: (most: number) => Math.min(most, free) } as unknown as Descriptors;
    const made = roomFor(config, { descriptors, limits: { openFiles: null, memoryBytes: null }, log });
    return { ...made, told: log.events() };
  };
  assertEquals(room(100_000), { capacity: wanted, backlog: 4096, told: [] });
  assertEquals(room(wanted + 32 + 100), { capacity: wanted, backlog: 100, told: [] });
  // 32 for the server, 16 for the queue of the kernel.
  assertEquals(room(600), { capacity: 600 - 32 - 16, backlog: 16, told: ["limits.exceed_system"] });
  assertEquals(room(40), { capacity: 10, backlog: 16, told: ["limits.exceed_system"] });
});

Deno.test("supervisorNeeds() and needsOf() name what each process keeps, and no more", () => {
  const config = { ...configWith(), handlers: [] };
  const own = { folder: "/run/sallyport", manager: { socketPath: "/run/systemd/notify" } };
  const supervisor = supervisorNeeds(config, "/etc/sallyport/sallyport.toml", own);
  assertEquals(supervisor.keep, ["env", "run", "sys"]);
  assertEquals(supervisor.write, ["/run/sallyport", "/run/systemd/notify"]);
  assertEquals(supervisor.net, true);
  assertEquals(supervisorNeeds(config, undefined, { folder: "/run/sallyport", manager: null }).net, false);
  const front = needsOf(config, "/etc/sallyport/sallyport.toml", "/run/sallyport");
  assertEquals(front.keep ?? [], []);
  assertEquals(front.write, ["/run/sallyport"]);
  assert(front.read.includes("/etc/sallyport"), front.read.join());
});

Deno.test("retrySeconds() is a whole number of seconds, and never zero; refuse() adds what the status needs", () => {
  assertEquals([0, 1, 999, 1000, 1001].map(retrySeconds), [1, 1, 1, 1, 2]);
  assertEquals(refuse("token_missing").headers, { "WWW-Authenticate": "Bearer" });
  assertEquals(refuse("upgrade_required").headers, { Upgrade: "websocket", "Sec-WebSocket-Version": "13" });
  assertEquals(refuse("forbidden").headers, {});
});

Deno.test("Server.reload() applies limits.adaptive and lifts what only the old revoked_file revoked", async () => {
  await using place = await InProcess.start();
  const { server } = place;
  const { config } = server;
  const path = `${place.dir}/revoked`;
  await Deno.writeTextFile(path, "sub:ann\n");
  const ann = { user: "ann", roles: [], claims: {}, expiresAt: Infinity, issuedAt: 0 };
  await server.reload({
    ...config,
    auth: { ...config.auth, revoked_file: path },
    limits: { ...config.limits, adaptive: true },
  });
  assert(server.revocations.isRevoked(ann));
  const load = { delayMs: 10_000, queueDepth: 0, memory: 0 };
  for (let second = 0; second < 3; second++) server.overload.sample(load, 1e9 + second * 1000);
  assert(server.overload.refusing, "adaptive");
  await server.reload({ ...config, limits: { ...config.limits, adaptive: false } });
  assertEquals([server.overload.refusing, server.limits.shrink], [false, 1]);
  assertEquals(server.revocations.isRevoked(ann), false);
  for (let second = 0; second < 3; second++) server.overload.sample(load, 2e9 + second * 1000);
  assertEquals(server.overload.refusing, false, "not adaptive any more");
});

Deno.test("Server keeps a revocation until the oldest token it means is refused, also by clocks that differ", async () => {
  await using place = await InProcess.start({ config: { auth: { max_age: "1h", clock_skew: "1m" } } });
  const { server } = place;
  const began = server.now();
  server.revocations.add({ jti: "t-1" });
  const { expiresAt } = server.revocations.list()[0]!;
  // Once for the clock of the issuer and once for this one.
  const lasts = expiresAt - began;
  assert(lasts > 3_719_000 && lasts < 3_779_000, `${lasts} ms`);
});

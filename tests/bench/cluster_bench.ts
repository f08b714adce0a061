// deno-lint-ignore-file no-console -- prints its figures
/**
 * The cost of a cluster: `deno task bench:cluster`. Ratios of one run, in alternating rounds.
 *
 * "publish": CPU of all processes of the nodes for one event to 1,000 receivers, by a server that runs alone, by one node,
 * and by two nodes with half of the receivers each; CPU of Redis for one event. With `--socketio`, the same for Socket.IO
 * with its Redis adapter. "bucket": a decision of all buckets with and without a ledger of spending; the target is at most
 * 1.1 times.
 */
import { Limits, SpendingLedger } from "../../lib/limits/limits.ts";
import { createLog } from "../../lib/log/log.ts";
import { SETTLE_MS } from "../../lib/server/settlement.ts";
import { openStore } from "../../lib/store/store.ts";
import { Telemetry } from "../../lib/telemetry/telemetry.ts";
import { PASSWORD, TestRedis } from "../helpers/proxied_redis.ts";
import { ORIGIN, signToken, startServer } from "../helpers/test_server.ts";
import { type Protocol, Room } from "./cluster/receivers.ts";
import { cpuMicroseconds } from "./load/process_figures.ts";

const RECEIVERS = Number(Deno.env.get("SALLYPORT_BENCH_RECEIVERS") ?? 1_000);
const ROUNDS = Number(Deno.env.get("SALLYPORT_BENCH_ROUNDS") ?? 5);
const ROUND_MS = Number(Deno.env.get("SALLYPORT_BENCH_MS") ?? 2_000);
const PLENTY = { rate: 1e6, burst: 1e6 };

/** Servers with a room, whose processes are measured. */
interface Contestant extends AsyncDisposable {
  readonly name: string;
  readonly pids: readonly number[];
  readonly room: Room;
}

const SALLYPORT: Protocol = {
  path: "/ws",
  headers: [`Origin: ${ORIGIN}`, `Authorization: Bearer ${signToken("bench")}`, "Sec-WebSocket-Protocol: room.v1"],
  join: [['{"jsonrpc":"2.0","id":1,"method":"topic.subscribe","params":{"topic":"room:r"}}', '"result"']],
  publish: (n, count) =>
    `{"jsonrpc":"2.0","id":2,"method":"room.say","params":{"room":"r","from":${n},"count":${count}}}`,
  mark: "topic.event",
};

const SOCKET_IO: Protocol = {
  path: "/socket.io/?EIO=4&transport=websocket",
  headers: [],
  join: [["", '0{"sid"'], ["40", '40{"sid"'], ['42["join"]', "joined"]],
  publish: (n, count) => `42["say",${n},${count}]`,
  mark: '42["message"',
};

async function sallyport(name: string, count: number, redis: TestRedis | null): Promise<Contestant> {
  const start = () =>
    startServer({
      handlers: [{ subprotocol: "room.v1", module: "tests/e2e/cluster/modules/room.ts", cells: 1 }],
      config: {
        tls: undefined,
        // The receivers of the bench answer no pings.
        server: {
          ...{ host: "127.0.0.1", port: 0, max_connections_per_user: 10_000, max_connections_per_ip: 10_000 },
          ping_interval: "1h",
        },
        limits: {
          ...{ handshake: PLENTY, handshake_user: PLENTY, ip: PLENTY, user: PLENTY, adaptive: false },
          connection: { ...PLENTY, bytes_rate: "1GiB", bytes_burst: "1GiB" },
        },
        log: { level: "info" },
        ...(redis && {
          cluster: { url_file: "redis.url", password_file: "redis.password", secret_file: "cluster.secret" },
        }),
      },
      files: redis
        ? { "redis.url": `unix://${redis.socket}`, "redis.password": PASSWORD, "cluster.secret": PASSWORD.repeat(2) }
        : {},
    });
  const servers = await Promise.all(Array.from({ length: count }, start));
  const room = await Room.open(servers.map(({ port }) => port), RECEIVERS, SALLYPORT);
  return {
    name,
    pids: servers.map(({ pid }) => pid),
    room,
    async [Symbol.asyncDispose]() {
      room[Symbol.dispose]();
      await Promise.all(servers.map((server) => server.stop()));
    },
  };
}

async function socketIo(name: string, count: number, redis: TestRedis): Promise<Contestant> {
  const script = new URL("cluster/socketio.ts", import.meta.url).pathname;
  const processes = Array.from({ length: count }, () =>
    new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", "--no-lock", "--no-check", script, redis.socket],
      env: { NODE_ENV: "production" },
      stdin: "null",
      stdout: "piped",
    }).spawn());
  const ports = await Promise.all(processes.map(async ({ stdout }) => {
    for await (const text of stdout.pipeThrough(new TextDecoderStream())) return Number(text);
    throw new Error("Socket.IO did not start");
  }));
  const room = await Room.open(ports, RECEIVERS, SOCKET_IO);
  return {
    name,
    pids: processes.map(({ pid }) => pid),
    room,
    async [Symbol.asyncDispose]() {
      room[Symbol.dispose]();
      for (const process of processes) {
        process.kill("SIGKILL");
        await process.status;
      }
    },
  };
}

interface Figures {
  /** CPU in µs for one event: of all servers, and of Redis. */
  readonly servers: number;
  readonly redis: number;
  readonly events: number;
}

async function measure({ pids, room }: Contestant, redis: TestRedis): Promise<Figures> {
  const used = () => pids.reduce((sum, pid) => sum + cpuMicroseconds(pid), 0);
  const [before, redisBefore] = [used(), cpuMicroseconds(redis.pid)];
  const events = await room.run(ROUND_MS);
  return { servers: (used() - before) / events, redis: (cpuMicroseconds(redis.pid) - redisBefore) / events, events };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

async function publishing(): Promise<void> {
  await using redis = await TestRedis.start();
  await using stack = new AsyncDisposableStack();
  const contestants: Contestant[] = [];
  const add = async (contestant: Promise<Contestant>) => void contestants.push(stack.use(await contestant));
  await add(sallyport("alone", 1, null));
  await add(sallyport("one node", 1, redis));
  await add(sallyport("two nodes", 2, redis));
  if (Deno.args.includes("--socketio")) {
    await add(socketIo("Socket.IO, one node", 1, redis));
    await add(socketIo("Socket.IO, two nodes", 2, redis));
  }
  const figures = new Map<string, Figures[]>(contestants.map(({ name }) => [name, []]));
  // The first round is for the just-in-time compiler.
  for (let round = 0; round <= ROUNDS; round++) {
    for (const contestant of contestants) {
      const measured = await measure(contestant, redis);
      if (round > 0) figures.get(contestant.name)!.push(measured);
    }
  }
  const [baseline] = [median(figures.get("alone")!.map(({ servers }) => servers))];
  for (const [name, rounds] of figures) {
    const servers = median(rounds.map((one) => one.servers));
    const lost = contestants.find((one) => one.name === name)!.room.lost;
    const redisCpu = median(rounds.map((one) => one.redis));
    const perSecond = median(rounds.map((one) => one.events)) * 1000 / ROUND_MS;
    console.log(
      `${name}: ${Math.round(servers)} µs CPU for an event to ${RECEIVERS} receivers ` +
        `(${(servers / baseline).toFixed(2)} times), Redis ${Math.round(redisCpu)} µs, ${
          Math.round(perSecond)
        } events/s` +
        (lost > 0 ? `, ${lost} deliveries lost` : ""),
    );
  }
}

function decisions(ledger?: SpendingLedger): () => number {
  const log = createLog({ level: "error", format: "json", write: () => {} });
  const limits = new Limits({
    ...{ handshake: PLENTY, handshake_user: PLENTY, ip: PLENTY, user: PLENTY, ticket: PLENTY },
    connection: { ...PLENTY, bytes_rate: 1e15, bytes_burst: 1e15 },
    types: { say: PLENTY },
    on_exceed: "reject",
    max_violations: 20,
    ban: 60_000,
    never_ban: [],
  }, {
    log,
    telemetry: new Telemetry(),
    store: openStore({ kind: "memory" }, { log, now: Date.now }),
    now: Date.now,
    monotonic: () => performance.now(),
    ...(ledger ? { ledger } : {}),
  });
  const sessions = Array.from(
    { length: 1000 },
    (_, i) => limits.session(`10.0.${i >> 8}.${i & 255}`, `user${i % 300}`),
  );
  return () => {
    const count = 300_000;
    const started = performance.now();
    for (let n = 0; n < count; n++) {
      const session = sessions[n % 1000]!;
      if (session.message(32) !== null || session.call("say", 1) !== null) throw new Error("Limited");
    }
    return (performance.now() - started) * 1e6 / count;
  };
}

function buckets(): void {
  const [alone, settled] = [decisions(), decisions(new SpendingLedger(SETTLE_MS))];
  const times: [number[], number[]] = [[], []];
  for (let round = 0; round <= 2 * ROUNDS; round++) {
    const pair = round % 2 === 0 ? [alone(), settled()] : [settled(), alone()].reverse();
    if (round > 0) pair.forEach((time, at) => times[at]!.push(time));
  }
  const [without, with_] = times.map((one) => Math.min(...one)) as [number, number];
  console.log(
    `bucket decision: ${without.toFixed(0)} ns alone, ${with_.toFixed(0)} ns in a cluster: ${
      (with_ / without).toFixed(2)
    } times`,
  );
}

buckets();
await publishing();

// deno-lint-ignore-file no-console -- prints its figures
/**
 * The cost of declared topics: `deno run --no-prompt -A --v8-flags=--expose-gc tests/bench/topics_bench.ts`
 *
 * "event": CPU of front and cell for one published event, by a module with declared topics and by one with free names, in
 * alternating rounds. The target is at most 1.3 times. "subscriptions": memory of 100,000 sessions with 10 topics each, which is
 * to stay within the figure that `check` prints.
 */
import process from "node:process";
import { loadConfig } from "../../lib/config/config.ts";
import { admitsAtMost } from "../../lib/config/findings/findings.ts";
import { hubLimits } from "../../lib/hub/hub.ts";
import { loneHub } from "../helpers/lone_node.ts";
import { createLog } from "../../lib/log/log.ts";
import { type CellClient, type CellStarter, type Line, startSandbox } from "../../lib/sandbox/sandbox.ts";
import { withCellStarter } from "../../lib/sandbox/supervisor/own_cells.ts";
import { FollowedTopics } from "../../lib/session/followed_topics.ts";
import { TopicRight } from "../../lib/session/topic_right.ts";
import { Telemetry } from "../../lib/telemetry/telemetry.ts";

const CALLS = Number(Deno.env.get("SALLYPORT_BENCH_CALLS") ?? 2_000);
const EVENTS_A_CALL = 20;
const ROUNDS = 6;
const SUBSCRIBERS = 10;
const nothing = () => {};

const module = (topics: string, event: string) =>
  `export default ({ z, topic }) => ({
    ${topics}
    methods: {
      say: {
        params: z.object({ room: z.string() }),
        handle({ room }, ctx) {
          for (let i = 0; i < ${EVENTS_A_CALL}; i++) ctx.publish("room:" + room, "${event}", { from: ctx.user.id, text: "hello, world; 32 bytes of it ....", n: i });
          return true;
        },
      },
    },
  });`;
const FREE = module("", "chat.message");
const DECLARED = module(
  `topics: { "room:{room}": topic({ params: z.object({ room: z.string().max(64) }), events: { message: z.object({ from: z.string(), text: z.string().max(2000), n: z.int() }) } }) },`,
  "message",
);

function client(subprotocol: string): CellClient {
  const user = { id: "ann", roles: [], claims: {} };
  const own = { id: "c", ip: "127.0.0.1", subprotocol, user, followers: () => 0, notify: nothing, send: nothing };
  return {
    ...own,
    presence: () => Promise.resolve([]),
    subscribe: nothing,
    unsubscribe: nothing,
    resumed: nothing,
    closeByHandler: nothing,
    logged: nothing,
    unserved: nothing,
  };
}

async function call(line: Line): Promise<void> {
  const text = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "say", params: { room: "lobby" } });
  await new Promise<void>((resolve, reject) =>
    line.call("say", text, { resolve: () => resolve(), reject: (code) => reject(new Error(String(code))) })
  );
}

/** CPU of one event in front and cell, in µs, by module. */
async function eventCosts(dir: string, cells: CellStarter, names: readonly string[]): Promise<Map<string, number>> {
  const hub = loneHub(hubLimits(1_000, 1_000));
  const telemetry = new Telemetry();
  const sandbox = await startSandbox(handlersOf(dir, names), {
    log: createLog({ level: "error", format: "pretty", write: (line) => console.error(line) }),
    telemetry,
    now: () => performance.now(),
    cells,
    maxBytes: 64 * 1024,
    publish: (name, topic, text) => hub.publish(name, topic, text),
  });
  const best = new Map<string, number>();
  let heard = 0;
  for (const name of names) {
    for (let i = 0; i < SUBSCRIBERS; i++) {
      hub.subscribe(name, "room:lobby", { userId: "ann", deliver: ({ size }) => void (heard += size) });
    }
  }
  const lines = new Map(names.map((name) => [name, sandbox.modules.get(name)!.attach(client(name))]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const name of names) {
      const cellBefore = telemetry.cellCpuMs.get(name)!;
      const before = process.cpuUsage();
      for (let done = 0; done < CALLS; done++) await call(lines.get(name)!);
      const { user, system } = process.cpuUsage(before);
      // The supervisor's next report has the rest.
      await new Promise((resolve) => setTimeout(resolve, 500));
      const cost = (user + system + (telemetry.cellCpuMs.get(name)! - cellBefore) * 1000) / (CALLS * EVENTS_A_CALL);
      if (round > 0) best.set(name, Math.min(best.get(name) ?? Infinity, cost));
    }
  }
  await sandbox.close();
  if (heard === 0) throw new Error("No event was delivered");
  return best;
}

function handlersOf(dir: string, names: readonly string[]) {
  return names.map((subprotocol) => ({
    subprotocol,
    module: `${dir}/${subprotocol}.ts`,
    cells: 1,
    memory: 128 * 1024 * 1024,
    timeout: 5000,
    permissions: {},
  }));
}

/** Bytes of `sessions` times `topics` subscriptions, each the only one of its topic. */
function subscriptionBytes(sessions: number, topics: number): number {
  const gc = (globalThis as { gc?: () => void }).gc ?? nothing;
  const hub = loneHub(hubLimits(sessions * topics, sessions * topics));
  const config = { topics: { max_subscriptions_per_session: topics } };
  const services = { config, hub, monotonic: () => 0, deadlines: { set: nothing, delete: nothing } };
  const session = {
    userId: "ann",
    ending: false,
    subprotocol: "chat.v1",
    services,
    module: { contract: { topics: { size: 1 } }, topicOf: () => undefined },
    identity: { roles: [] },
  };
  gc();
  const before = Deno.memoryUsage().rss;
  const kept: FollowedTopics[] = [];
  for (let i = 0; i < sessions; i++) {
    const followed = new FollowedTopics(session as never, new TopicRight(session as never), Math.random);
    for (let n = 0; n < topics; n++) followed.add(`room:${String(i * topics + n).padStart(27, "0")}`, true);
    kept.push(followed);
  }
  gc();
  if (hub.subscriptions !== kept.length * topics) throw new Error("A subscription is missing");
  return Deno.memoryUsage().rss - before;
}

const dir = await Deno.realPath(await Deno.makeTempDir({ prefix: "sallyport-bench-" }));
try {
  await Deno.writeTextFile(`${dir}/free.ts`, FREE);
  await Deno.writeTextFile(`${dir}/declared.ts`, DECLARED);
  await withCellStarter(handlersOf(dir, ["free", "declared"]), async (cells) => {
    const costs = await eventCosts(dir, cells, ["free", "declared"]);
    const [free, declared] = [costs.get("free")!, costs.get("declared")!];
    console.log(
      `event without a schema ${free.toFixed(2)} µs CPU, with ${declared.toFixed(2)}: ${
        (declared / free).toFixed(2)
      } times`,
    );
  });
  const [sessions, topics] = [100_000, 10];
  const bytes = subscriptionBytes(sessions, topics);
  const toml = `[admission]\norigins = ["https://a.example"]\n[auth]\npublic_key_file = "key"\nissuer = "i"\n` +
    `[server]\nmax_connections = ${sessions}\n[topics]\nmax_subscriptions_per_module = ${sessions * topics}\n` +
    `[[handlers]]\nsubprotocol = "chat.v1"\nmodule = "free.ts"\n`;
  await Deno.writeTextFile(`${dir}/key`, "");
  await Deno.writeTextFile(`${dir}/sallyport.toml`, toml);
  const { subscription_bytes } = admitsAtMost(loadConfig({ path: `${dir}/sallyport.toml`, env: () => undefined }), 2);
  const mb = (value: number) => `${(value / 1e6).toFixed(0)} MB`;
  console.log(`${sessions * topics} subscriptions ${mb(bytes)}, ${mb(subscription_bytes)} are admitted`);
} finally {
  await Deno.remove(dir, { recursive: true });
}

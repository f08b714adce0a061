/**
 * `deno task bench:attack`: fifty honest clients alone, then under each attack, then under all at once; Sallyport with its
 * default limits beside the bare servers. See README.md here.
 *
 *     deno task bench:attack [--quick] [--json] [--only "sallyport edge,ws"] [--attacks "slow,modules"] [--next-door]
 */
import { parseArgs } from "node:util";
import { type Contestant, contestants, startSallyport, target } from "./contestants.ts";
import {
  ATTACKER_ADDRESS,
  type AttackJob,
  ATTACKS,
  CLIENT_ATTACKS,
  FLOODING_MODULES,
  type HonestFigures,
  type HonestJob,
  type Outcomes,
  type Victim,
} from "./attack/job.ts";
import { attackMarkdown, type Episode } from "./attack/report.ts";
import { createFixtures, type Fixtures } from "./fixtures.ts";
import { residentBytes, watch } from "./load/process_figures.ts";
import { sallyportConfig } from "./sallyport_config.ts";
import type { ServerProcess } from "./server_process.ts";

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    only: { type: "string" },
    attacks: { type: "string" },
    "next-door": { type: "boolean", default: false },
  },
});

const HONEST = 50;
const MESSAGES_PER_SECOND = 20;
const NEIGHBOURS = 10;
const NEWCOMERS = 100;
const ATTACKERS = 501;
const WARMUP_MS = 2000; // the attack begins with it, the measuring after it
const DURATION_MS = options.quick ? 3000 : 10_000;

/** The scenarios, one after the other; a scenario without an attack is the measure for the others. */
const SCENARIOS: readonly AttackJob["attacks"][] = options.attacks === undefined
  ? [[], ...CLIENT_ATTACKS.map((attack) => [attack]), [...CLIENT_ATTACKS], ["modules"]]
  : [[], ...options.attacks.split(",").map((name) => [ATTACKS.find((attack) => attack === name) ?? usage(name)])];

function usage(name: string): never {
  throw new TypeError(`${name} is none of ${ATTACKS.join(", ")}`);
}

const say = (stream: { writeSync(bytes: Uint8Array): number }, text: string) =>
  void stream.writeSync(new TextEncoder().encode(text));

/** Runs a client process. `idle` ones get only idle time, as if they had machines of their own. */
async function run<T>(script: string, job: HonestJob | AttackJob, policy: "other" | "idle"): Promise<T> {
  const path = new URL(`attack/${script}`, import.meta.url).pathname;
  const child = new Deno.Command("chrt", {
    args: [`--${policy}`, "0", Deno.execPath(), "run", "--quiet", "--no-prompt", "-A", path],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(JSON.stringify(job)));
  await writer.close();
  const { success, stdout } = await child.output();
  if (!success) throw new Error(`${script} failed`);
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** Highest resident memory until `stop()`. */
function watchMemory(pid: number): { stop(): number } {
  let peak = 0;
  const look = () => {
    try {
      peak = Math.max(peak, residentBytes(pid));
    } catch {
      // the server died: the figures say so
    }
  };
  const timer = setInterval(look, 100);
  return {
    stop() {
      look();
      clearInterval(timer);
      return peak;
    },
  };
}

/** The tokens of all clients; a fresh server for each episode has seen none of them. */
interface Crowd {
  readonly honest: readonly string[];
  readonly neighbours: readonly string[];
  readonly newcomers: readonly string[];
  readonly attackers: readonly string[];
}

async function gather(fixtures: Fixtures): Promise<Crowd> {
  const signed = (prefix: string, count: number) =>
    Promise.all(Array.from({ length: count }, (_, i) => fixtures.token(`${prefix}-${i}`)));
  return {
    honest: await signed("honest", HONEST),
    neighbours: await signed("neighbour", NEIGHBOURS),
    newcomers: await signed("newcomer", NEWCOMERS),
    attackers: await signed("attacker", ATTACKERS),
  };
}

/** `attacked` is the server itself, or another like it: what honest clients feel then is the machine's share. */
async function episode(
  contestant: Contestant,
  server: ServerProcess,
  attacked: ServerProcess,
  attacks: AttackJob["attacks"],
  fixtures: Fixtures,
  crowd: Crowd,
): Promise<Episode> {
  const service = contestant.services.has("bare") ? "bare" : "whole";
  const victim: Victim = target(contestant, service, server.port, fixtures, "");
  const honestJob: HonestJob = {
    victim,
    tokens: crowd.honest,
    neighbours: crowd.neighbours,
    addresses: attacks.map((attack) => ATTACKER_ADDRESS[attack]),
    newcomers: crowd.newcomers,
    messagesPerSecond: MESSAGES_PER_SECOND,
    warmupMs: WARMUP_MS,
    durationMs: DURATION_MS,
  };
  const attackJob: AttackJob = {
    victim: { ...victim, port: attacked.port },
    attacks,
    tokens: crowd.attackers,
    durationMs: WARMUP_MS + DURATION_MS,
  };
  const memory = watchMemory(server.pid);
  const clock = watch(server.pid);
  const [honest, outcomes] = await Promise.all([
    run<HonestFigures>("honest.ts", honestJob, "other"),
    attacks.length === 0 ? Promise.resolve<Outcomes>({}) : run<Outcomes>("attackers.ts", attackJob, "idle"),
  ]);
  const peakBytes = memory.stop();
  return { contestant: contestant.name, attacks, honest, outcomes, peakBytes, serverCores: cores(clock) };
}

/** NaN when the server is gone. */
function cores(clock: ReturnType<typeof watch>): number {
  try {
    return clock.end().serverCores;
  } catch {
    return NaN;
  }
}

/** A contestant, and what to start where handler modules attack it; absent where there are none. */
interface Attackable extends Contestant {
  startFlooding?(): Promise<ServerProcess>;
}

/** Sallyport as an operator would run it: the limits of the documentation. */
async function withDefaultLimits(all: readonly Contestant[], fixtures: Fixtures): Promise<Attackable[]> {
  const changed: Attackable[] = [];
  for (const contestant of all) {
    const engine = (["edge", "serve"] as const).find((name) => contestant.name === `sallyport ${name}`);
    if (engine === undefined) {
      changed.push(contestant);
      continue;
    }
    const configured = async (name: string, floods: number) => {
      const config = `${fixtures.directory}/${engine}-${name}.toml`;
      await Deno.writeTextFile(config, sallyportConfig(engine, fixtures, "default", floods));
      return () => startSallyport(config);
    };
    const start = await configured("attack", 0);
    changed.push({ ...contestant, start, startFlooding: await configured("modules", FLOODING_MODULES) });
  }
  return changed;
}

const fixtures = await createFixtures();
const episodes: Episode[] = [];
try {
  const crowd = await gather(fixtures);
  const only = options.only === undefined ? undefined : new Set(options.only.split(","));
  for (const contestant of await withDefaultLimits(await contestants(fixtures, only), fixtures)) {
    for (const attacks of SCENARIOS) {
      const start = attacks.includes("modules") ? contestant.startFlooding : contestant.start;
      if (start === undefined) continue;
      say(Deno.stderr, `${contestant.name}: ${attacks.join(" + ") || "alone"}\n`);
      let server: ServerProcess | undefined;
      let neighbour: ServerProcess | undefined;
      try {
        server = await start();
        neighbour = options["next-door"] ? await start() : undefined;
        episodes.push(await episode(contestant, server, neighbour ?? server, attacks, fixtures, crowd));
      } catch (error) {
        say(Deno.stderr, `${error instanceof Error ? error.stack : error}\n`);
      } finally {
        await Promise.all([server?.stop(), neighbour?.stop()]);
      }
    }
  }
  say(Deno.stdout, options.json ? JSON.stringify(episodes, null, 2) + "\n" : attackMarkdown(episodes));
} finally {
  await fixtures.remove();
}

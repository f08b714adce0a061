/**
 * `deno task bench`: Sallyport beside the platform's own path, `ws`, and `Bun.serve` where there is one. See README.md here.
 *
 *     deno task bench [--quick] [--json] [--rounds N] [--only "sallyport edge,ws"] [--sections whole,raw]
 */
import { parseArgs } from "node:util";
import { type Contestant, contestants } from "./contestants.ts";
import { createFixtures } from "./fixtures.ts";
import type { Figures } from "./load/job.ts";
import { runLoad } from "./load/run.ts";
import { FULL, type Measurement, measurements, QUICK, SECTIONS } from "./measurements.ts";
import { markdown, summarize } from "./report.ts";
import type { ServerProcess } from "./server_process.ts";
import { judge } from "./targets.ts";

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    rounds: { type: "string" },
    only: { type: "string" },
    sections: { type: "string", default: SECTIONS.join(",") },
  },
});

/** Progress: one line that changes on a terminal, a line each elsewhere. */
const progress = (text: string) => say(Deno.stderr, Deno.stderr.isTerminal() ? `\r${text}\x1b[K` : `${text}\n`);

const say = (stream: { writeSync(bytes: Uint8Array): number }, text: string) =>
  void stream.writeSync(new TextEncoder().encode(text));

/** The servers that stay up from round to round. */
class Running {
  readonly #servers = new Map<string, ServerProcess>();

  async use(contestant: Contestant, fresh: boolean): Promise<ServerProcess> {
    if (fresh) await this.stop(contestant.name);
    const server = this.#servers.get(contestant.name) ?? await contestant.start();
    this.#servers.set(contestant.name, server);
    return server;
  }

  async stop(name: string): Promise<void> {
    const server = this.#servers.get(name);
    this.#servers.delete(name);
    await server?.stop();
  }

  async stopAll(): Promise<void> {
    for (const name of [...this.#servers.keys()]) await this.stop(name);
  }
}

const scale = options.quick ? QUICK : FULL;
const rounds = Number(options.rounds ?? scale.rounds);
const fixtures = await createFixtures();
const running = new Running();
try {
  const all = await contestants(fixtures, options.only === undefined ? undefined : new Set(options.only.split(",")));
  const wanted = new Set(options.sections.split(","));
  const plan = measurements(all, fixtures, scale).filter(({ section }) => wanted.has(section));
  const figures = new Map<Measurement, Figures[]>(plan.map((measurement) => [measurement, []]));
  const failures = new Map<Measurement, string>();
  for (let round = 1; round <= rounds; round++) {
    for (const [index, measurement] of plan.entries()) {
      progress(`round ${round}/${rounds}, ${index + 1}/${plan.length} ${measurement.section}: ${measurement.row}`);
      const contestant = all.find(({ name }) => name === measurement.contestant);
      if (contestant === undefined) continue;
      try {
        const { pid, port } = await running.use(contestant, measurement.fresh);
        figures.get(measurement)?.push(await runLoad(await measurement.job(pid, port)));
      } catch (error) {
        failures.set(measurement, error instanceof Error ? error.message : String(error));
        await running.stop(contestant.name);
      }
    }
  }
  if (Deno.stderr.isTerminal()) progress("");
  const summaries = plan.map((measurement) =>
    summarize(measurement.section, measurement.row, figures.get(measurement) ?? [], failures.get(measurement))
  );
  for (const [{ section, row }, failure] of failures) say(Deno.stderr, `${section}: ${row}: ${failure}\n`);
  const judged = judge(summaries);
  say(Deno.stdout, options.json ? JSON.stringify({ summaries, judged }, null, 2) + "\n" : markdown(summaries, judged));
} finally {
  await running.stopAll();
  await fixtures.remove();
}

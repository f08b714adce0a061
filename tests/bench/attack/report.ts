/** The results of an attack run, as Markdown. */
import type { Attack, HonestFigures, Outcomes } from "./job.ts";

/** One server under one combination of attacks; none of them is the measure for the others. */
export interface Episode {
  readonly contestant: string;
  readonly attacks: readonly Attack[];
  readonly honest: HonestFigures;
  readonly outcomes: Outcomes;
  readonly peakBytes: number;
  /** NaN when the server did not survive. */
  readonly serverCores: number;
}

const LEAST_GOODPUT = 0.9;
const MOST_LATENCY = 2;
const SHOWN_OUTCOMES = 4;

function title(attacks: readonly Attack[]): string {
  return attacks.length === 0 ? "alone" : attacks.length === 1 ? attacks[0] ?? "" : "all at once";
}

function goodput({ honest }: Episode): number {
  return honest.answered / Math.max(1, honest.sent);
}

function figure(value: number): string {
  return Number.isNaN(value) ? "–" : value.toFixed(2);
}

/** The most frequent outcomes of each kind of attacker. */
function met(outcomes: Outcomes): string {
  return Object.entries(outcomes).map(([attack, counts]) => {
    const frequent = Object.entries(counts).toSorted(([, a], [, b]) => b - a).slice(0, SHOWN_OUTCOMES);
    const told = frequent.map(([outcome, times]) => `${outcome} (${times.toLocaleString("en")})`).join(", ");
    return Object.keys(outcomes).length === 1 ? told : `${attack}: ${told}`;
  }).join("; ");
}

function line(episode: Episode, alone: Episode | undefined): string {
  const { honest, peakBytes, serverCores, attacks, outcomes } = episode;
  const ratio = alone === undefined || honest.answered === 0 ? NaN : honest.p99 / alone.honest.p99;
  const holds = goodput(episode) >= LEAST_GOODPUT && ratio <= MOST_LATENCY && !Number.isNaN(serverCores);
  const cells = [
    episode.contestant,
    title(attacks),
    `${(goodput(episode) * 100).toFixed(1)} %`,
    figure(honest.answered === 0 ? NaN : honest.p50),
    figure(honest.answered === 0 ? NaN : honest.p99),
    figure(ratio),
    `${honest.admitted}/${honest.newcomers}`,
    honest.neighbours.sent === 0 ? "" : `${(100 * honest.neighbours.answered / honest.neighbours.sent).toFixed(1)} %`,
    String(Math.round(peakBytes / 2 ** 20)),
    Number.isNaN(serverCores) ? "died" : serverCores.toFixed(2),
    attacks.length === 0 ? "" : holds ? "held" : "**fell short**",
    met(outcomes),
  ];
  return `| ${cells.join(" | ")} |`;
}

/** One row an episode. `held`: goodput of at least 90 %, p99 at most twice that of the same server alone. */
export function attackMarkdown(episodes: readonly Episode[]): string {
  const rows = episodes.map((episode) =>
    line(episode, episodes.find((one) => one.contestant === episode.contestant && one.attacks.length === 0))
  );
  return [
    "| server | attack | goodput | p50 ms | p99 ms | p99 to alone | newcomers in | goodput at the attacker's address | RSS peak MiB | server cores | | attackers got |",
    "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---|---|",
    ...rows,
  ].join("\n") + "\n";
}

/** From many rounds to one table. */
import type { Figures } from "./load/job.ts";
import type { Usage } from "./load/process_figures.ts";
import { type Section, SECTIONS } from "./measurements.ts";
import type { Judged } from "./targets.ts";

/** Medians over the rounds of one row. `spread` is (highest - lowest) / median of the rate, or of the bytes. */
export interface Summary {
  readonly section: Section;
  readonly row: string;
  readonly rate?: number;
  readonly cpuUs?: number;
  readonly p50?: number;
  readonly p99?: number;
  readonly bytesPerConnection?: number;
  readonly spread?: number;
  readonly saturated?: string;
  readonly failure?: string;
}

/** More than this many cores spent by neither server nor load generator: the machine was not the bench's own. */
const OTHERS_CORES = 0.3;

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] ?? NaN;
  return Number.isInteger(middle) ? ((sorted[middle - 1] ?? NaN) + upper) / 2 : upper;
}

/** The processes without idle time: the server's busiest thread, the load generator, the machine as a whole; and whether others took part. */
function saturated({ busiestThread, serverCores, loadCores, idleCores }: Usage): string {
  const who = [];
  if (busiestThread >= 0.9) who.push("server");
  if (loadCores >= 0.9) who.push("load");
  if (idleCores <= 0.1) who.push("machine");
  const others = navigator.hardwareConcurrency - serverCores - loadCores - idleCores;
  if (others >= OTHERS_CORES) who.push("disturbed");
  return who.join("+") || "none";
}

/** One row out of its rounds; `failure` when there is none that worked. */
export function summarize(section: Section, row: string, rounds: readonly Figures[], failure?: string): Summary {
  if (rounds.length === 0) return { section, row, failure: failure ?? "not measured" };
  const figure = (name: "rate" | "cpuUs" | "p50" | "p99" | "bytesPerConnection") => {
    const values = rounds.map((round) => round[name]).filter((value) => value !== undefined);
    return values.length === 0 ? {} : { [name]: median(values) };
  };
  const main = rounds.map(({ rate, bytesPerConnection }) => rate ?? bytesPerConnection ?? 0);
  const usages = rounds.map(({ usage }) => usage).filter((usage) => usage !== undefined);
  const usage = usages[Math.floor(usages.length / 2)];
  return {
    section,
    row,
    ...figure("rate"),
    ...figure("cpuUs"),
    ...figure("p50"),
    ...figure("p99"),
    ...figure("bytesPerConnection"),
    spread: (Math.max(...main) - Math.min(...main)) / median(main),
    ...(usage === undefined ? {} : { saturated: saturated(usage) }),
    ...(failure === undefined ? {} : { failure }),
  };
}

const TITLES: Record<Section, string> = {
  whole: "Whole way: JSON-RPC echo of 32 bytes of text (messages)",
  raw: "Raw echo of 32 bytes (messages)",
  ping: "Ping to pong, 32 bytes (messages)",
  idle: "Memory of an idle TLS connection",
  handshakes: "TLS and WebSocket handshake with an ES256 token (handshakes)",
  broadcast: "Broadcast to 1,000 (deliveries)",
};

function grouped(value: number | undefined): string {
  return value === undefined ? "" : Math.round(value).toLocaleString("en");
}

function firstLine(text = ""): string {
  return text.split("\n")[0] ?? "";
}

function table(section: Section, rows: readonly Summary[]): string {
  const percent = (value = 0) => `${Math.round(value * 100)} %`;
  if (section === "idle") {
    return [
      "| server | bytes a connection | spread |",
      "|---|---:|---:|",
      ...rows.map((row) =>
        `| ${row.row} | ${
          row.bytesPerConnection === undefined ? firstLine(row.failure) : grouped(row.bytesPerConnection)
        } | ${percent(row.spread)} |`
      ),
    ].join("\n");
  }
  return [
    "| server | a second | server CPU, µs each | p50 ms | p99 ms | spread | saturated |",
    "|---|---:|---:|---:|---:|---:|---|",
    ...rows.map((row) =>
      row.rate === undefined
        ? `| ${row.row} | ${firstLine(row.failure)} | | | | | |`
        : `| ${row.row} | ${grouped(row.rate)} | ${row.cpuUs?.toFixed(2)} | ${row.p50?.toFixed(2)} | ${
          row.p99?.toFixed(2)
        } | ` +
          `${percent(row.spread)} | ${row.saturated} |`
    ),
  ].join("\n");
}

/** The whole outcome as Markdown. */
export function markdown(summaries: readonly Summary[], judged: readonly Judged[]): string {
  const tables = SECTIONS.flatMap((section) => {
    const rows = summaries.filter((summary) => summary.section === section);
    return rows.length === 0 ? [] : [`### ${TITLES[section]}\n\n${table(section, rows)}`];
  });
  const goals = judged.map(({ what, value, wanted, met }) =>
    `| ${what} | ${value > 100 ? grouped(value) : value.toFixed(2)} | ${wanted} | ${met ? "met" : "**missed**"} |`
  );
  if (goals.length > 0) {
    tables.push(
      ["### Against the targets\n", "| what | measured | wanted | |", "|---|---:|---:|---|", ...goals].join("\n"),
    );
  }
  return tables.join("\n\n") + "\n";
}

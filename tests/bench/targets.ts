/** The targets of the figures: ratios between rows of the same run, never absolute rates. */
import type { Summary } from "./report.ts";
import type { Section } from "./measurements.ts";

interface Side {
  readonly section: Section;
  readonly row: string;
  readonly figure: "rate" | "cpuUs" | "bytesPerConnection";
}

interface Goal {
  readonly what: string;
  readonly ours: Side;
  /** Absent for the one absolute goal, memory. */
  readonly theirs?: Side;
  readonly least?: number;
  readonly most?: number;
}

function ratio(
  what: string,
  section: Section,
  figure: Side["figure"],
  ours: string,
  theirs: string,
  bound: { least: number } | { most: number },
): Goal {
  return { what, ours: { section, figure, row: ours }, theirs: { section, figure, row: theirs }, ...bound };
}

const edge = (inFlight: number) => `sallyport edge, ${inFlight} in flight`;

export const GOALS: readonly Goal[] = [
  ratio("raw echo, 1 in flight: rate against Deno.serve", "raw", "rate", edge(1), "Deno.serve, 1 in flight", {
    least: 1,
  }),
  ratio("raw echo, 1 in flight: rate against ws", "raw", "rate", edge(1), "ws, 1 in flight", { least: 1.4 }),
  ratio("raw echo, 16 in flight: rate against ws", "raw", "rate", edge(16), "ws, 16 in flight", { least: 3 }),
  ratio("ping to pong, 1 in flight: rate against Deno.serve", "ping", "rate", edge(1), "Deno.serve, 1 in flight", {
    least: 1,
  }),
  ratio("ping to pong, 1 in flight: rate against ws", "ping", "rate", edge(1), "ws, 1 in flight", { least: 1.4 }),
  ratio("ping to pong, 16 in flight: rate against ws", "ping", "rate", edge(16), "ws, 16 in flight", { least: 3 }),
  ratio(
    "whole way, 16 in flight: rate against the same without sandbox",
    "whole",
    "rate",
    edge(16),
    "sallyport edge unsandboxed, 16 in flight",
    { least: 1 },
  ),
  ratio(
    "whole way, 16 in flight: CPU against the same without sandbox",
    "whole",
    "cpuUs",
    edge(16),
    "sallyport edge unsandboxed, 16 in flight",
    { most: 1.3 },
  ),
  ratio(
    "whole way, 1 in flight: rate against ws with the same checks",
    "whole",
    "rate",
    edge(1),
    "ws, same checks, 1 in flight",
    { least: 1 },
  ),
  ratio(
    "whole way, 1 in flight: CPU against ws with the same checks",
    "whole",
    "cpuUs",
    edge(1),
    "ws, same checks, 1 in flight",
    { most: 1 },
  ),
  ratio(
    "whole way, 16 in flight: rate against ws with the same checks",
    "whole",
    "rate",
    edge(16),
    "ws, same checks, 16 in flight",
    { least: 1.8 },
  ),
  ratio(
    "whole way, 16 in flight: CPU against ws with the same checks",
    "whole",
    "cpuUs",
    edge(16),
    "ws, same checks, 16 in flight",
    { most: 0.75 },
  ),
  ratio(
    "whole way, 1 in flight: rate against ws without checks",
    "whole",
    "rate",
    edge(1),
    "ws, no checks, 1 in flight",
    { least: 0.9 },
  ),
  ratio(
    "whole way, 1 in flight: CPU against ws without checks",
    "whole",
    "cpuUs",
    edge(1),
    "ws, no checks, 1 in flight",
    { most: 1.4 },
  ),
  ratio(
    "handshakes: rate against Deno.serve with the same checks",
    "handshakes",
    "rate",
    "sallyport edge",
    "Deno.serve, same checks",
    { least: 1 },
  ),
  ratio("broadcast: deliveries against ws", "broadcast", "rate", "sallyport edge", "ws", { least: 1 }),
  {
    what: "bytes for an idle connection",
    ours: { section: "idle", row: "sallyport edge", figure: "bytesPerConnection" },
    most: 20_000,
  },
];

export interface Judged {
  readonly what: string;
  /** The ratio, or the bytes. */
  readonly value: number;
  readonly wanted: string;
  readonly met: boolean;
}

/** Every goal both sides of which were measured. */
export function judge(summaries: readonly Summary[]): Judged[] {
  const find = ({ section, row, figure }: Side) =>
    summaries.find((summary) => summary.section === section && summary.row === row)?.[figure];
  return GOALS.flatMap(({ what, ours, theirs, least, most }) => {
    const mine = find(ours);
    const other = theirs === undefined ? 1 : find(theirs);
    if (mine === undefined || other === undefined) return [];
    const value = mine / other;
    const met = value >= (least ?? -Infinity) && value <= (most ?? Infinity);
    return [{ what, value, wanted: least === undefined ? `at most ${most}` : `at least ${least}`, met }];
  });
}

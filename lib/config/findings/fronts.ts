/** Findings about several fronts on the processors of the machine. */
import { type Finding, finding } from "./finding.ts";
import type { Config } from "../schema.ts";

export function frontFindings({ server }: Config, cores: number): Finding[] {
  if (server.fronts <= cores) return [];
  return [finding(
    "warning",
    "server.fronts",
    `${server.fronts} fronts share ${cores} processor${cores === 1 ? "" : "s"}`,
    "One front uses about one core: further ones take memory and turns from the others and from the cells",
    `Lower it to at most ${cores}, and leave processors for the cells`,
  )];
}

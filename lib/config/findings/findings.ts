/**
 * The findings of `check` for a configuration that loads: contradictions, exposure, gaps of the engine, permissions of
 * handlers, nodes that are cut off, limits of the system, and the admitted maximum.
 */
import { UNKNOWN_LIMITS } from "../../base/system_limits.ts";
import { admitsAtMost } from "../admits.ts";
import { admitsFinding } from "./admits.ts";
import { clusterFindings } from "./cluster.ts";
import { engineFindings } from "./engine.ts";
import { frontFindings } from "./fronts.ts";
import { exposureFindings } from "./exposure.ts";
import { handlerFindings } from "./handlers.ts";
import { identityFindings } from "./identity.ts";
import { limitFindings } from "./limits.ts";
import { systemFindings } from "./system.ts";
import { timeFindings } from "./times.ts";
import type { Finding, FindingContext } from "./finding.ts";
import type { Config } from "../schema.ts";

export { type Admits, admitsAtMost } from "../admits.ts";
export type { Finding, FindingContext, Severity } from "./finding.ts";
export { systemFindings } from "./system.ts";

/** All findings about a configuration, by severity. The last one is the admitted maximum. */
export function configFindings(config: Config, context: FindingContext): Finding[] {
  const findings = [
    ...limitFindings(config),
    ...timeFindings(config),
    ...identityFindings(config),
    ...exposureFindings(config, context),
    ...engineFindings(config),
    ...handlerFindings(config),
    ...frontFindings(config, context.cores),
    ...clusterFindings(config),
    ...systemFindings(config, context.system ?? UNKNOWN_LIMITS),
  ];
  return [...worstFirst(findings), admitsFinding(config, admitsAtMost(config, context.cores))];
}

/** Sorts findings: errors, warnings, notes, each in their original order. */
export function worstFirst(findings: readonly Finding[]): Finding[] {
  return (["error", "warning", "note"] as const).flatMap((severity) =>
    findings.filter((finding) => finding.severity === severity)
  );
}

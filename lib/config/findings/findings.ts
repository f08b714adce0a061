/**
 * What `check` has to say about a configuration that loads: nonsense, exposure, gaps of the chosen engine, what handlers
 * may reach, what the system does not grant, and what it all admits at most.
 */
import { UNKNOWN_LIMITS } from "../../base/system_limits.ts";
import { admitsAtMost } from "../admits.ts";
import { admitsFinding } from "./admits.ts";
import { engineFindings } from "./engine.ts";
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

/** Every finding about a configuration, worst first; the last one is what it admits at most. */
export function configFindings(config: Config, context: FindingContext): Finding[] {
  const findings = [
    ...limitFindings(config),
    ...timeFindings(config),
    ...identityFindings(config),
    ...exposureFindings(config, context),
    ...engineFindings(config),
    ...handlerFindings(config),
    ...systemFindings(config, context.system ?? UNKNOWN_LIMITS),
  ];
  return [...worstFirst(findings), admitsFinding(config, admitsAtMost(config, context.cores))];
}

/** Errors, then warnings, then notes, each in the order they came. */
export function worstFirst(findings: readonly Finding[]): Finding[] {
  return (["error", "warning", "note"] as const).flatMap((severity) =>
    findings.filter((finding) => finding.severity === severity)
  );
}

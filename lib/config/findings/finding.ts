import type { SystemLimits } from "../../base/system_limits.ts";

/** One thing `check` found. */
export interface Finding {
  /** `error`: it can't work or is dangerous. `warning`: probably not what is wanted. `note`: good to know. */
  readonly severity: Severity;
  /** What is so. */
  readonly what: string;
  /** The key it is about, or a file. */
  readonly where: string;
  /** Why that matters. */
  readonly why: string;
  /** What to do about it. */
  readonly remedy: string;
}

export type Severity = "error" | "warning" | "note";

/** What findings depend on besides the configuration. */
export interface FindingContext {
  /** Processors of the machine, for `cells = 0`. */
  readonly cores: number;
  /** The configuration file, whose mode is looked at. */
  readonly path?: string | undefined;
  /** What the system grants; nothing is said about what is unknown. */
  readonly system?: SystemLimits | undefined;
}

/** A finding in one call: severity, where, what, why, remedy. */
export function finding(severity: Severity, where: string, what: string, why: string, remedy: string): Finding {
  return { severity, what, where, why, remedy };
}

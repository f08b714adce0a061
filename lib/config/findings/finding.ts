/** The type of a finding of `check`. */
import type { SystemLimits } from "../../base/system_limits.ts";

/** One finding of `check`. */
export interface Finding {
  /** `error`: does not work, or is dangerous. `warning`: probably unintended. `note`: information. */
  readonly severity: Severity;
  /** The observation, in one sentence. */
  readonly what: string;
  /** The configuration key, or a file. */
  readonly where: string;
  /** Why the observation matters. */
  readonly why: string;
  /** How to fix it. */
  readonly remedy: string;
}

export type Severity = "error" | "warning" | "note";

/** Inputs of findings besides the configuration. */
export interface FindingContext {
  /** Processors of the machine, for `cells = 0`. */
  readonly cores: number;
  /** The configuration file; its mode is checked. */
  readonly path?: string | undefined;
  /** Limits of the system. Unknown limits cause no findings. */
  readonly system?: SystemLimits | undefined;
}

/** Creates a finding. */
export function finding(severity: Severity, where: string, what: string, why: string, remedy: string): Finding {
  return { severity, what, where, why, remedy };
}

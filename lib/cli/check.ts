/** `check`: reads the configuration and its files as `serve` does, starts nothing, and prints findings. */
import type { SystemLimits } from "../base/system_limits.ts";
import { type Config, ConfigError, findConfig, formatProblem, loadConfig, type Problem } from "../config/config.ts";
import { admitsAtMost, configFindings, type Finding, worstFirst } from "../config/findings/findings.ts";
import { probeSystemLimits } from "../sandbox/supervisor/supervisor.ts";
import { knownLimits } from "../server/system.ts";
import type { Io, ParsedArgs } from "./args.ts";

/** Checks something that the configuration names: keys, certificates, handlers. An exception becomes a finding. */
export type Checker = (config: Config) => Promise<Finding[]>;

export interface CheckDeps {
  readonly checkers?: readonly Checker[];
  /** Processors, for `cells = 0`. Default: those of the machine. */
  readonly cores?: number;
  /** Limits of the system. Default: those of this process. */
  readonly system?: SystemLimits;
}

/**
 * Prints all findings by severity, then a summary. With `--json` prints one object: `findings`, and `admits` if the
 * configuration loads.
 *
 * @returns 2 if the file is not a valid configuration, 1 if there are errors (with `--strict` warnings), else 0
 */
export async function check(args: ParsedArgs, io: Io, deps: CheckDeps = {}): Promise<number> {
  let config: Config;
  try {
    config = loadConfig({ ...(args.config === undefined ? {} : { path: args.config }), env: io.env });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const problem of error.problems) io.stderr(formatProblem(problem));
    if (args.json) io.stdout(JSON.stringify({ findings: error.problems.map(asFinding) }));
    return 2;
  }
  const cores = deps.cores ?? navigator.hardwareConcurrency;
  const found = await Promise.all((deps.checkers ?? []).map((checker) => run(checker, config)));
  const own = configFindings(config, {
    cores,
    path: findConfig(args.config),
    system: deps.system ?? knownLimits(config, await probeSystemLimits()),
  });
  const admitted = own.slice(-1);
  const findings = [...worstFirst([...own.slice(0, -1), ...found.flat()]), ...admitted];
  if (args.json) io.stdout(JSON.stringify({ findings, admits: admitsAtMost(config, cores) }));
  else print(findings, io);
  const fatal = args.strict ? ["error", "warning"] : ["error"];
  return findings.some((finding) => fatal.includes(finding.severity)) ? 1 : 0;
}

async function run(checker: Checker, config: Config): Promise<Finding[]> {
  try {
    return await checker(config);
  } catch (error) {
    return [{
      severity: "error",
      what: `A check failed: ${error instanceof Error ? error.message : String(error)}`,
      where: "check",
      why: "The checked part of the configuration may be wrong",
      remedy: "Correct the file or setting that the message names",
    }];
  }
}

function asFinding(problem: Problem): Finding {
  return {
    severity: "error",
    what: problem.message,
    where: problem.key === "" ? problem.file : `${problem.file}: ${problem.key}`,
    why: "The server would not start",
    remedy: "Correct the value as the message says",
  };
}

function print(findings: readonly Finding[], io: Io): void {
  for (const { severity, what, where, why, remedy } of findings) {
    io.stdout(`${severity}: ${where}: ${what}`);
    io.stdout(`  why: ${why}`);
    io.stdout(`  remedy: ${remedy}`);
  }
  const counts = (["error", "warning", "note"] as const).map((severity) => {
    const count = findings.filter((finding) => finding.severity === severity).length;
    return `${count} ${severity}${count === 1 ? "" : "s"}`;
  });
  io.stdout(counts.join(", "));
}

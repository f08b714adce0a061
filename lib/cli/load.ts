import { type Config, ConfigError, formatProblem, loadConfig } from "../config/config.ts";
import type { Io, ParsedArgs } from "./args.ts";

/** Reads the configuration a command was given. Where it is wrong, each problem is a line on stderr, and there is none. */
export function loadOrReport(args: ParsedArgs, io: Io): Config | null {
  try {
    return load(args, io);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const problem of error.problems) io.stderr(formatProblem(problem));
    return null;
  }
}

/** @throws {ConfigError} With every problem. */
export function load(args: ParsedArgs, io: Io): Config {
  return loadConfig({ ...(args.config === undefined ? {} : { path: args.config }), env: io.env });
}

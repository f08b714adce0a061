/** Loads the configuration for commands. */
import { type Config, ConfigError, formatProblem, loadConfig } from "../config/config.ts";
import type { Io, ParsedArgs } from "./args.ts";

/** Loads the configuration of a command. If it is invalid, prints each problem as a line on stderr and returns null. */
export function loadOrReport(args: ParsedArgs, io: Io): Config | null {
  try {
    return load(args, io);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const problem of error.problems) io.stderr(formatProblem(problem));
    return null;
  }
}

/**
 * Loads the configuration of a command.
 *
 * @throws {ConfigError} with all problems
 */
export function load(args: ParsedArgs, io: Io): Config {
  return loadConfig({ ...(args.config === undefined ? {} : { path: args.config }), env: io.env });
}

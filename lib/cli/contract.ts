/** `contract`: prints the handlers' contract as an OpenRPC document. */
import { type Config, ConfigError, formatProblem, loadConfig } from "../config/config.ts";
import { createLog } from "../ops/log.ts";
import { Telemetry } from "../ops/telemetry.ts";
import { openRpcOfAll, SandboxError, startSandbox } from "../sandbox/sandbox.ts";
import type { Io, ParsedArgs } from "./args.ts";

/**
 * Loads every configured module in one cell, prints the document, and ends the cells.
 *
 * @returns 2 if the file can't be read as configuration, 1 if a module does not load, else 0.
 */
export async function contract(args: ParsedArgs, io: Io): Promise<number> {
  let config: Config;
  try {
    config = loadConfig({ ...(args.config === undefined ? {} : { path: args.config }), env: io.env });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const problem of error.problems) io.stderr(formatProblem(problem));
    return 2;
  }
  const log = createLog({ level: "error", format: "pretty", write: (line) => io.stderr(line) });
  try {
    const handlers = config.handlers.map((settings) => ({ ...settings, cells: 1 }));
    const sandbox = await startSandbox(handlers, { log, telemetry: new Telemetry(), now: () => performance.now() });
    const document = openRpcOfAll([...sandbox.modules.values()], { title: "Handlers of this server" });
    await sandbox.close();
    io.stdout(JSON.stringify(document, null, 2));
    return 0;
  } catch (error) {
    const failed = error instanceof AggregateError ? error.errors as unknown[] : [error];
    if (!failed.every((one) => one instanceof SandboxError)) throw error;
    for (const one of failed) for (const problem of one.problems) io.stderr(`${one.module}: ${problem}`);
    return 1;
  }
}

/** Every command but `serve`. */
import { authFindings } from "../admission/admission.ts";
import { clusterFileFindings } from "../cluster/redis/file_findings.ts";
import type { Config } from "../config/config.ts";
import type { Finding } from "../config/findings/findings.ts";
import { adminTokenFindings } from "../ops/admin_token.ts";
import { certificateFindings } from "../tls/certificate_findings.ts";
import { moduleFindings } from "../sandbox/module_findings.ts";
import { withCellStarter } from "../sandbox/supervisor/supervisor.ts";
import type { Io, ParsedArgs } from "./args.ts";
import { check, type Checker } from "./check.ts";
import type { CommandName } from "./commands.ts";
import { connect } from "./connect.ts";
import { contract } from "./contract.ts";
import { help } from "./help.ts";
import { keys } from "./keys.ts";
import { run } from "./run.ts";
import { token } from "./token.ts";
import { version } from "./version.ts";

const CHECKERS: readonly Checker[] = [
  authFindings,
  certificateFindings,
  (config) => Promise.resolve(adminTokenFindings(config)),
  (config) => Promise.resolve(clusterFileFindings(config)),
  findDatabase,
  findModules,
];

const COMMANDS: Record<Exclude<CommandName, "serve">, (args: ParsedArgs, io: Io) => Promise<number>> = {
  check: (args, io) => check(args, io, { checkers: CHECKERS }),
  token,
  keys,
  contract,
  connect,
  version,
  help,
};

/** Findings about the database of the cluster. Its client is loaded for them only. */
async function findDatabase(config: Config): Promise<Finding[]> {
  if (config.cluster === undefined) return [];
  const { databaseFindings } = await import("../cluster/redis/database_findings.ts");
  return await databaseFindings(config);
}

/** Findings about the modules, loaded in temporary cells. */
function findModules(config: Config): Promise<Finding[]> {
  return withCellStarter(config.handlers, (cells) => moduleFindings(config, cells));
}

/** Runs one command line and returns the exit status. */
export function main(words: readonly string[]): Promise<number> {
  // `serve` has a module of its own and gets here only for its help.
  return run(words, (args, io) => COMMANDS[args.command === "serve" ? "help" : args.command](args, io));
}

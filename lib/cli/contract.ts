/** `contract`: prints the handlers' contract as an OpenRPC document. */
import { openRpcOfAll } from "../contract/openrpc.ts";
import { loadModules } from "../sandbox/load_modules.ts";
import { withCellStarter } from "../sandbox/supervisor/supervisor.ts";
import type { Io, ParsedArgs } from "./args.ts";
import { loadOrReport } from "./load.ts";

/**
 * Loads every configured module in one cell, prints the document, and ends the cells.
 *
 * @returns 2 if the file is not a valid configuration, 1 if a module does not load, else 0
 */
export async function contract(args: ParsedArgs, io: Io): Promise<number> {
  const config = loadOrReport(args, io);
  if (config === null) return 2;
  const loaded = await withCellStarter(
    config.handlers,
    (cells) => loadModules(config.handlers, cells, (line) => io.stderr(line)),
  );
  const modules = loaded.filter((module) => "contract" in module);
  for (const module of loaded) {
    if ("problems" in module) { for (const problem of module.problems) io.stderr(`${module.file}: ${problem}`); }
  }
  if (modules.length < loaded.length) return 1;
  const document = openRpcOfAll(modules, { title: "Handlers of this server" });
  for (const line of JSON.stringify(document, null, 2).split("\n")) io.stdout(line);
  return 0;
}

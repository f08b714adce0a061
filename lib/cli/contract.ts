/** `contract`: prints the contract of the handlers, or compares it with an earlier document. */
import { plainText } from "../base/plain_text.ts";
import type { Config } from "../config/config.ts";
import { asyncApiOfAll } from "../contract/asyncapi.ts";
import { compareContracts } from "../contract/compare.ts";
import { openRpcOfAll } from "../contract/openrpc.ts";
import { type ReadContract, readOpenRpc } from "../contract/read_openrpc.ts";
import { typesOfAll } from "../contract/typescript.ts";
import { loadModules } from "../sandbox/load_modules.ts";
import type { Contract } from "../sandbox/sandbox.ts";
import { withCellStarter } from "../sandbox/supervisor/supervisor.ts";
import type { ContractFormat } from "./commands.ts";
import type { Io, ParsedArgs } from "./args.ts";
import { loadOrReport } from "./load.ts";

type Served = readonly { readonly subprotocol: string; readonly contract: Contract }[];

const TITLE = "Handlers of this server";

/**
 * Loads every configured module in one cell, prints the document or the breaking changes, and ends the cells.
 *
 * @returns 2 if the configuration or the old document is invalid, 1 if a module does not load or a change breaks
 * clients, else 0
 */
export async function contract(args: ParsedArgs, io: Io): Promise<number> {
  const config = loadOrReport(args, io);
  if (config === null) return 2;
  const old = args.check === undefined ? undefined : await readOld(args.check, io);
  if (old === null) return 2;
  const loaded = await withCellStarter(
    config.handlers,
    (cells) => loadModules(config.handlers, cells, (line) => io.stderr(line)),
  );
  const modules = loaded.filter((module) => "contract" in module);
  for (const module of loaded) {
    if ("problems" in module) { for (const problem of module.problems) io.stderr(`${module.file}: ${problem}`); }
  }
  if (modules.length < loaded.length) return 1;
  if (old !== undefined) return compare(old, modules, io);
  for (const line of documentOf(args.format, modules, config).split("\n")) io.stdout(line);
  return 0;
}

function documentOf(format: ContractFormat, modules: Served, config: Config): string {
  if (format === "types") return typesOfAll(modules).trimEnd();
  const document = format === "openrpc" ? openRpcOfAll(modules, { title: TITLE }) : asyncApiOfAll(modules, {
    title: TITLE,
    server: {
      host: `${
        config.server.host.includes(":") ? `[${config.server.host}]` : config.server.host
      }:${config.server.port}`,
      path: config.server.path,
      tls: config.tls !== undefined,
    },
  });
  return JSON.stringify(document, null, 2);
}

/** Reads the contract of an earlier document; if it is invalid, prints a line for each problem and returns null. */
async function readOld(path: string, io: Io): Promise<ReadContract | null> {
  let document: unknown;
  try {
    document = JSON.parse(await Deno.readTextFile(path));
  } catch (error) {
    io.stderr(`${plainText(path)}: ${plainText(error instanceof Error ? error.message : String(error))}`);
    return null;
  }
  const read = readOpenRpc(document);
  if (!("problems" in read)) return read;
  for (const problem of read.problems) {
    io.stderr(`${plainText(path)}: ${plainText(problem)} (must be what sallyport contract has printed)`);
  }
  return null;
}

/** Prints each breaking change on a line. */
function compare(old: ReadContract, modules: Served, io: Io): number {
  const current = readOpenRpc(JSON.parse(JSON.stringify(openRpcOfAll(modules))));
  if ("problems" in current) throw new Error(`The new document can't be read: ${current.problems.join("; ")}`);
  const changes = compareContracts(old, current);
  for (const { text, undecided } of changes) io.stdout(plainText(`${undecided ? "undecided" : "breaking"}: ${text}`));
  if (changes.length > 0) return 1;
  io.stdout("no breaking change");
  return 0;
}

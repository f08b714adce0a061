/** Loads modules only to read their contracts. */
import { createLog } from "../log/log.ts";
import { Telemetry } from "../telemetry/telemetry.ts";
import { type CellStarter, type Contract, type HandlerSettings, SandboxError, startSandbox } from "./sandbox.ts";

/** The result of loading a module. */
export type LoadedModule =
  | { readonly subprotocol: string; readonly contract: Contract }
  | { readonly subprotocol: string; readonly file: string; readonly problems: readonly string[] };

/** Loads each module in one cell, which then ends. Log lines of the modules go to `log`. */
export async function loadModules(
  handlers: readonly HandlerSettings[],
  cells: CellStarter,
  log: (line: string) => void,
): Promise<LoadedModule[]> {
  const results: LoadedModule[] = [];
  const sandbox = await startSandbox(handlers.map((settings) => ({ ...settings, cells: 1 })), {
    cells,
    log: createLog({ level: "error", format: "pretty", write: log }),
    telemetry: new Telemetry(),
    now: () => performance.now(),
    maxBytes: 0,
    publish: () => 0,
    failed: (index, error) => {
      if (!(error instanceof SandboxError)) throw error;
      const { subprotocol, module } = handlers[index]!;
      results[index] = { subprotocol, file: module, problems: error.problems };
    },
  });
  handlers.forEach(({ subprotocol }, index) => {
    const loaded = sandbox.modules.get(subprotocol);
    if (loaded !== undefined) results[index] = { subprotocol, contract: loaded.contract };
  });
  await sandbox.close();
  return results;
}

/** Loading modules only to see what they offer. */
import { createLog } from "../ops/log.ts";
import { Telemetry } from "../ops/telemetry.ts";
import { type Contract, type HandlerSettings, SandboxError, startSandbox } from "./sandbox.ts";

/** What came of loading one module. */
export type LoadedModule =
  | { readonly subprotocol: string; readonly contract: Contract }
  | { readonly subprotocol: string; readonly problems: readonly string[] };

/** Loads each module in one cell, which ends again. What the modules log on the way goes to `log`, a line at a time. */
export async function loadModules(
  handlers: readonly HandlerSettings[],
  log: (line: string) => void,
): Promise<LoadedModule[]> {
  const deps = {
    log: createLog({ level: "error", format: "pretty", write: log }),
    telemetry: new Telemetry(),
    now: () => performance.now(),
  };
  return await Promise.all(handlers.map(async (settings): Promise<LoadedModule> => {
    const { subprotocol } = settings;
    try {
      const sandbox = await startSandbox([{ ...settings, cells: 1 }], deps);
      const { contract } = sandbox.modules.get(subprotocol)!;
      await sandbox.close();
      return { subprotocol, contract };
    } catch (error) {
      if (!(error instanceof SandboxError)) throw error;
      return { subprotocol, problems: error.problems };
    }
  }));
}

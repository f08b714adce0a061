/** Cells for a command that is its own supervisor and host, such as `check`. */
import type { HandlerSettings } from "../settings.ts";
import type { CellStarter } from "../wire/processes.ts";
import { CellProcesses } from "./cell_processes.ts";
import { PrivateFolder } from "./private_folder.ts";
import { thisProgram } from "./program.ts";

/** Exit status of a command that a signal ends: what a shell says of SIGINT. */
const INTERRUPTED = 130;

/**
 * Calls `use` with a starter for these handlers' cells. Afterwards, and when SIGINT or SIGTERM ends the process, no cell runs and
 * no file is left. Needs the permissions to run `Deno.execPath()`, to read the environment, and to write temporary files.
 */
export async function withCellStarter<Result>(
  handlers: readonly HandlerSettings[],
  use: (cells: CellStarter) => Promise<Result>,
): Promise<Result> {
  const environment = Deno.env.toObject();
  const env = (name: string) => environment[name];
  const folder = new PrivateFolder(env);
  const cells = new CellProcesses({
    handlers,
    socketPath: folder.nextSocket(),
    program: thisProgram(env),
    environment,
    cores: navigator.hardwareConcurrency,
    now: () => performance.now(),
  });
  const interrupted = () => {
    void cells.close();
    folder.remove();
    Deno.exit(INTERRUPTED);
  };
  const signals = ["SIGINT", "SIGTERM"] as const;
  for (const signal of signals) Deno.addSignalListener(signal, interrupted);
  try {
    return await use(cells);
  } finally {
    for (const signal of signals) Deno.removeSignalListener(signal, interrupted);
    await cells.close();
    folder.remove();
  }
}

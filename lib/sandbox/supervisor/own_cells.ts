/** Cells for commands that are their own supervisor and host, such as `check`. */
import type { HandlerSettings } from "../wire/handler_settings.ts";
import type { CellStarter } from "../wire/processes.ts";
import { CellProcesses } from "./cell_processes.ts";
import { PrivateFolder } from "./private_folder.ts";
import { thisProgram } from "./program.ts";

/** Signals that end a command, with the exit statuses of a shell. */
const SIGNALS = [["SIGHUP", 129], ["SIGINT", 130], ["SIGTERM", 143]] as const;

/**
 * Calls `use` with a starter for these handlers' cells. Afterwards, and after SIGHUP, SIGINT or SIGTERM, no cell runs
 * and no file is left. Needs the permissions to run `Deno.execPath()`, to read the environment, and to write temporary
 * files.
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
  const ends = SIGNALS.map(([signal, status]) => {
    const end = () => {
      void cells.close();
      folder.remove();
      Deno.exit(status);
    };
    Deno.addSignalListener(signal, end);
    return () => Deno.removeSignalListener(signal, end);
  });
  try {
    return await use(cells);
  } finally {
    for (const forget of ends) forget();
    await cells.close();
    folder.remove();
  }
}

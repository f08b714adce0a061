/**
 * The outer half of a cell: a web worker that holds the permissions and runs no user code. It starts the inner worker with its
 * heap limit, hands it the port to the main isolate, and says how it ended.
 */
import { Worker as Thread } from "node:worker_threads";

/** What the main isolate asks for, with the port in the transfer list. */
export interface ShellRequest {
  /** URL of the inner worker's first module. */
  entry: string;
  /** MiB of heap. */
  memory: number;
  granted: readonly string[];
}

/** What the shell reports. */
export type ShellReport = { exit: number; error?: string; code?: string };

/**
 * MiB for objects that have just been made, out of the heap's. Left to itself V8 sizes them by the limit, so small that whatever
 * an asynchronous handler holds is moved to the old ones, and a cell of 64 MiB collects garbage most of the time.
 */
const youngMiB = (memory: number) => Math.max(1, Math.min(8, Math.floor(memory / 8)));

const shell = globalThis as unknown as {
  onmessage: (event: MessageEvent<ShellRequest>) => void;
  postMessage(report: ShellReport): void;
};

shell.onmessage = ({ data, ports }) => {
  const port = ports[0]!;
  const report: ShellReport = { exit: 0 };
  const thread = new Thread(new URL(data.entry), {
    env: {},
    workerData: { port, granted: data.granted },
    // deno-lint-ignore no-explicit-any -- Deno's MessagePort is taken where Node's type is named
    transferList: [port as any],
    resourceLimits: { maxOldGenerationSizeMb: data.memory, maxYoungGenerationSizeMb: youngMiB(data.memory) },
  });
  thread.on("error", (error: Error & { code?: string }) => {
    report.error = String(error.message).slice(0, 1000);
    if (error.code !== undefined) report.code = error.code;
  });
  thread.on("exit", (code: number) => shell.postMessage({ ...report, exit: code }));
};

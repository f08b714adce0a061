/**
 * The main isolate of a cell's process: starts the worker that loads the handler module, and watches it.
 *
 * No code of the module runs in this isolate, so a module that never returns can't block it. The isolate ends the
 * process when the module exceeds its memory, when the worker fails, and when the supervisor closes standard input,
 * which also happens when the supervisor is killed.
 */
import { writeSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { type CellOrders, encodeVitals, VITALS_INTERVAL_MS, VitalsKind } from "../wire/processes.ts";
import { importablePaths } from "./importable.ts";
import type { WorkerOrders, WorkerReport } from "./worker.ts";

const WORKER = new URL("./worker.ts", import.meta.url);
/** File descriptor of the pipe to the supervisor. */
const SUPERVISOR_FD = 3;
/** Milliseconds between two checks of the memory. */
const LOOK_MS = 20;
/**
 * Memory that is not charged to the module: code of the platform that becomes resident, and reserves of the allocator.
 */
const SLACK_BYTES = 24 * 1024 * 1024;
const MAX_ORDERS_BYTES = 1024 * 1024;
const KINDS = ["net", "read", "write", "env", "sys", "import"] as const;

/** Runs a cell until the end of the process. */
export async function main(): Promise<never> {
  // A terminal sends these to the whole process group; only the supervisor ends a cell.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) Deno.addSignalListener(signal, () => {});
  // A compiled executable has the supervisor's permissions in every role.
  for (const name of ["run", "ffi"] as const) Deno.permissions.revokeSync({ name });
  const orders = await readOrders();
  const own = ownPaths(orders);
  const worker = new Worker(WORKER, { type: "module", deno: { permissions: workerPermissions(orders, own) } });
  worker.onerror = (event) => {
    event.preventDefault();
    end(event.message);
  };
  worker.onmessage = ({ data }: MessageEvent<WorkerReport>) => {
    if (data.failed !== undefined) return end(data.failed);
    for (const name of ["read", "write", "net", "env", "sys", "import", "run", "ffi"] as const) {
      Deno.permissions.revokeSync({ name });
    }
    watch(orders.memory);
    worker.postMessage(null);
  };
  const { secret, socketPath, url, folder, permissions } = orders;
  const granted = KINDS.filter((kind) => (permissions[kind]?.length ?? 0) > 0);
  const within = (path: string, folders: readonly string[] = []) =>
    folders.some((one) => path === one || path.startsWith(one.endsWith("/") ? one : `${one}/`));
  const passing = own.filter((path) => !within(path, permissions.read));
  const keepSocket = within(socketPath, permissions.write);
  worker.postMessage({ secret, socketPath, url, folder, granted, passing, keepSocket } satisfies WorkerOrders);
  for (const rest = new Uint8Array(64);;) if (await Deno.stdin.read(rest) === null) Deno.exit(0);
}

/** Reads the first line of standard input. */
async function readOrders(): Promise<CellOrders> {
  let text = "";
  const decoder = new TextDecoder();
  for (const chunk = new Uint8Array(16 * 1024); !text.includes("\n");) {
    const count = await Deno.stdin.read(chunk);
    if (count === null || text.length > MAX_ORDERS_BYTES) throw new Error("A cell is started by its supervisor only");
    text += decoder.decode(chunk.subarray(0, count), { stream: true });
  }
  return JSON.parse(text) as CellOrders;
}

/** The readable paths for the module's imports. Ends the process if they can't be determined. */
function ownPaths({ folder, url }: CellOrders): string[] {
  try {
    return importablePaths(folder, fileURLToPath(url));
  } catch (error) {
    return end(error instanceof Error ? error.message : String(error));
  }
}

/** The module's own permissions, the paths of its imports, and the socket to the front. */
function workerPermissions(
  { socketPath, permissions }: CellOrders,
  own: readonly string[],
): Deno.PermissionOptionsObject {
  const list = (kind: typeof KINDS[number], ...own: string[]) => {
    const all = [...own, ...(permissions[kind] ?? [])];
    return all.length === 0 ? false : all;
  };
  return {
    net: list("net", `unix:${socketPath}`),
    read: list("read", socketPath, ...own),
    write: list("write", socketPath),
    env: list("env"),
    sys: list("sys"),
    import: list("import"),
    run: false,
    ffi: false,
  };
}

/** Ends the process when it uses `memory` bytes more than now, and sends regular signs of life to the supervisor. */
function watch(memory: number): void {
  const before = Deno.memoryUsage().rss;
  const report = (kind: VitalsKind, used: number) => {
    const { user, system } = process.cpuUsage();
    writeSync(SUPERVISOR_FD, encodeVitals(kind, { memory: Math.max(0, used), cpuMs: (user + system) / 1000 }));
  };
  let told = -Infinity;
  setInterval(() => {
    const used = Deno.memoryUsage().rss - before;
    if (used > memory + SLACK_BYTES) {
      report(VitalsKind.OutOfMemory, used);
      Deno.kill(Deno.pid, "SIGKILL");
    }
    if (performance.now() - told < VITALS_INTERVAL_MS) return;
    told = performance.now();
    report(VitalsKind.Alive, used);
  }, LOOK_MS);
}

/** The supervisor reports the last line of standard error as the reason. */
function end(reason: string): never {
  writeSync(2, new TextEncoder().encode(`${reason.replaceAll(/\p{Cc}+/gu, " ").slice(0, 1000)}\n`));
  Deno.exit(1);
}

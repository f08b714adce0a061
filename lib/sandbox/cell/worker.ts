/**
 * The isolate of a handler module: removes capabilities, loads the module, then serves.
 *
 * The boundary is the process: the module can end this process and no other. The removals here make that rare, and
 * protect the sessions of a cell from changes by a message of one of them.
 *
 * The order matters. Functions that are needed later are read first; the rest is removed before the module is read; the
 * permission to read is revoked after it has loaded.
 *
 * Limits of capabilities that can't be removed:
 * - Memory, in the heap and outside: the process's main isolate checks it every 20 ms; V8's own limit ends the process.
 * - CPU: `timeout` for a call; the host ends a cell that works without calls; the process has a lower priority than the
 *   front.
 * - A module sees all sessions of its own cell. By time and memory use it can notice other cells.
 * - A module with `net`, `read`, `write`, `env` or `sys` can use them as far as Deno's permissions allow.
 *
 * Way of a message: chunks of the host come in and go to the {@linkcode Runtime}.
 */
import { z } from "zod";
import { TO_CELL, ToCell, ToHost } from "../wire/operations.ts";
import { type Operation, OperationReader } from "../wire/operation_reader.ts";
import { OperationStream } from "../wire/operation_stream.ts";
import { cellConsole } from "./console.ts";
import { boundCrypto } from "./crypto_queue.ts";
import { describeError } from "./describe_error.ts";
import { fix, forbidDynamicCode, reduceGlobals } from "./globals.ts";
import { guardImports, type ImportRules } from "./import_guard.ts";
import { remedyIn } from "./import_remedy.ts";
import { freezeIntrinsics } from "./intrinsics.ts";
import { KitEffects, makeKit } from "./kit.ts";
import { describeHandlers, makeHandlers } from "./module_shape.ts";
import { Outbox } from "./outbox.ts";
import { Runtime } from "./runtime.ts";

/** The first message of the main isolate. */
export interface WorkerOrders {
  readonly secret: string;
  readonly socketPath: string;
  /** `file:` URL of the handler module. */
  readonly url: string;
  /** Real path of the folder of the module's imports. */
  readonly folder: string;
  /** The kinds among net, read, write, env, sys, import that are granted to the module. */
  readonly granted: readonly string[];
  /** Paths that are readable until the module has loaded. */
  readonly passing: readonly string[];
  /** Whether the module may write to the socket's folder. */
  readonly keepSocket: boolean;
}

/** A message to the main isolate: the module can be loaded now, or the process must end, with the reason. */
export interface WorkerReport {
  readonly failed?: string;
}

const scope = globalThis as unknown as {
  onmessage: ((event: MessageEvent<WorkerOrders | null>) => void) | null;
  postMessage(report: WorkerReport): void;
};
const post = scope.postMessage.bind(scope);
const now = performance.now.bind(performance);
const random = crypto.randomUUID.bind(crypto);
const later = setImmediate;
const revoke = Deno.permissions.revokeSync.bind(Deno.permissions);
const connect = Deno.connect;

/** Resolves to the main isolate's next message. */
function message(): Promise<WorkerOrders | null> {
  return new Promise((resolve) => scope.onmessage = ({ data }) => resolve(data));
}

const { secret, socketPath, url, folder, granted, passing, keepSocket } = (await message())!;
const connection = await connect({ transport: "unix", path: socketPath });
// Revoking a path revokes each granted folder that contains it.
if (!keepSocket) revoke({ name: "write", path: socketPath });
revoke({ name: "net", host: `unix:${socketPath}` });
if (!granted.includes("net")) revoke({ name: "net" });
const go = message();
post({});
await go;
scope.onmessage = null;

let runtime: Runtime | undefined;
const reader = new OperationReader({ table: TO_CELL, output: 0 });
const stream = new OperationStream(connection);
const out = new Outbox({ stream, now, schedule: (flush) => void later(flush) });

const crash = (error: unknown) => out.crash(describeError(error));
addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  crash(event.reason);
});
addEventListener("error", (event) => {
  event.preventDefault();
  crash(event.error ?? event.message);
});

const rules: ImportRules = {
  folder,
  network: granted.includes("import"),
  loading: true,
  abandon(reason) {
    post({ failed: reason });
    // The main isolate ends the process; until then nothing more may run here.
    for (;;);
  },
};

/** Processes the chunks of the host until the front closes the connection. */
async function serve(): Promise<void> {
  for (let chunk = await stream.read(); chunk !== null; chunk = await stream.read()) {
    reader.push(chunk);
    // Before the module has loaded, the host sends one operation.
    if (runtime === undefined) configure(reader.next());
    // Answers so far are sent before the rest is started.
    else while (runtime.receive(reader)) await new Promise<void>((resolve) => later(resolve));
  }
  post({ failed: "The front has closed the connection" });
}

function configure(operation: Operation | null): void {
  if (operation?.code === ToCell.Configure) void load(operation.id);
}

async function load(maxOutputBytes: number): Promise<void> {
  out.maxBytes = maxOutputBytes;
  try {
    const exported = ((await import(url)) as { default?: unknown }).default;
    rules.loading = false;
    const effects = new KitEffects(out, random);
    const handlers = await makeHandlers(exported, makeKit(effects));
    const contract = describeHandlers(handlers);
    if (!granted.includes("read")) revoke({ name: "read" });
    else for (const path of passing) revoke({ name: "read", path });
    const { kind } = contract as { kind?: unknown };
    // Invalid declarations, which the host describes best, may make the runtime throw.
    out.loaded(contract);
    if (kind !== "rpc" && kind !== "raw") return;
    runtime = new Runtime(handlers, { out, now, random });
    effects.topics = runtime.topics;
  } catch (error) {
    const remedy = rules.loading && error instanceof Error ? remedyIn(error.message) : undefined;
    const rule = remedy === undefined ? "" : `Handlers may import files of their own folder and zod: ${remedy}. `;
    out.notLoaded(rule + describeError(error));
  }
}

// zod would create functions from text for speed. Without them it is a tenth slower and needs no eval.
z.config({ jitless: true });
guardImports(rules);
forbidDynamicCode();
boundCrypto();
reduceGlobals(granted);
fix("console", cellConsole((level, text) => out.log(runtime?.current ?? 0, level, text, "")));
freezeIntrinsics();

stream.out.write(ToHost.Hello, 0, 0, 0, secret);
stream.flush();
serve().catch((error) => post({ failed: describeError(error) }));

/**
 * The isolate of a handler module: takes away what the module must not have, loads it, then serves.
 *
 * The boundary is the process: what the module does here can end this process and no other. What is taken away here makes that
 * rare, and keeps the sessions of one cell apart from what a message of one of them could change.
 *
 * The order matters. What is needed later is taken while it is still there; the rest goes before the module is even read; the
 * permission to read goes when it is loaded.
 *
 * What can't be taken away, and what bounds it:
 * - Memory, in the heap and outside: the process' main isolate looks every 20 ms; V8's own limit ends the process.
 * - CPU: `timeout` for a call; the host ends a cell that works without being asked; the process has a lower priority than the front.
 * - A module sees all sessions of its own cell, and in time and memory use, faintly, that other cells run.
 * - A module that is granted `net`, `read`, `write`, `env` or `sys` can do with them what Deno's permissions allow.
 */
import { z } from "zod";
import { TO_CELL, ToCell, ToHost } from "../wire/operations.ts";
import { OperationReader } from "../wire/operation_reader.ts";
import { OperationStream } from "../wire/operation_stream.ts";
import { cellConsole } from "./console.ts";
import { boundCrypto } from "./crypto_queue.ts";
import { describeError } from "./describe_error.ts";
import { fix, forbidDynamicCode, reduceGlobals } from "./globals.ts";
import { guardImports, type ImportRules } from "./import_guard.ts";
import { freezeIntrinsics } from "./intrinsics.ts";
import { KitEffects, makeKit } from "./kit.ts";
import { describeHandlers, makeHandlers } from "./module_shape.ts";
import { Outbox } from "./outbox.ts";
import { Runtime } from "./runtime.ts";

/** What the main isolate sends first. */
export interface WorkerOrders {
  readonly secret: string;
  readonly socketPath: string;
  /** `file:` URL of the handler module. */
  readonly url: string;
  /** Real path of the folder that imports may come from. */
  readonly folder: string;
  /** Which of net, read, write, env, sys, import are granted to the module. */
  readonly granted: readonly string[];
  /** Paths that may be read only until the module has loaded. */
  readonly passing: readonly string[];
  /** Whether the module itself may write to the socket's folder. */
  readonly keepSocket: boolean;
}

/** What the worker sends to the main isolate: that the module can be loaded now, or that the process is to end, and why. */
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

/** Resolves with the main isolate's next message. */
function message(): Promise<WorkerOrders | null> {
  return new Promise((resolve) => scope.onmessage = ({ data }) => resolve(data));
}

const { secret, socketPath, url, folder, granted, passing, keepSocket } = (await message())!;
const connection = await connect({ transport: "unix", path: socketPath });
// Revoking a path takes away each granted folder that contains it.
if (!keepSocket) revoke({ name: "write", path: socketPath });
revoke({ name: "net", host: `unix:${socketPath}` });
if (!granted.includes("net")) revoke({ name: "net" });
const go = message();
post({});
await go;
scope.onmessage = null;

let runtime: Runtime | undefined;
const reader = new OperationReader({
  table: TO_CELL,
  output: 0,
  take: (operation) => {
    if (runtime !== undefined) runtime.take(operation, reader);
    else if (operation.code === ToCell.Configure) void load(operation.id);
  },
});
const stream = new OperationStream(connection, {
  received: (chunk) => runtime === undefined ? reader.push(chunk) : runtime.receive(reader, chunk),
  // What the module answered so far leaves before the rest is begun.
  pause: () => runtime?.busy === true ? new Promise((resolve) => later(() => resolve())) : null,
  ended: (error) =>
    post({ failed: error === undefined ? "The front has closed the connection" : describeError(error) }),
});
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
    // Wrong declarations, which the host names best, may be more than the runtime bears.
    out.loaded(contract);
    if (kind !== "rpc" && kind !== "raw") return;
    runtime = new Runtime(handlers, { out, now, random });
    effects.topics = runtime.topics;
  } catch (error) {
    out.notLoaded(describeError(error));
  }
}

// zod would make functions from text for speed; without them it is a tenth slower and needs no eval.
z.config({ jitless: true });
guardImports(rules);
forbidDynamicCode();
boundCrypto();
reduceGlobals(granted);
fix("console", cellConsole((level, text) => out.log(runtime?.current ?? 0, level, text, "")));
freezeIntrinsics();

stream.out.write(ToHost.Hello, 0, 0, 0, secret);
stream.flush();

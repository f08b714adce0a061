/**
 * First module of a cell: takes away what user code must not have, then loads it, then serves.
 *
 * Order matters. What is needed later is taken while it is still there; the rest goes before the handler's module is even
 * read; read permission goes when it is loaded.
 *
 * What can't be taken away, and what bounds it:
 * - CPU while a call lasts, `crypto.subtle` on the platform's own threads included: `timeout`, then the cell is ended; work that
 *   such a thread has begun (a key derivation of many rounds) runs to its end.
 * - Memory outside the heap (`ArrayBuffer`): the watchdog's look every 50 ms, so for that long as much as a core can fill.
 * - The heap may be exceeded up to its double for a tenth of a second, until the timer below sees it.
 * - A module sees all sessions of its own cell, and in time and memory use, faintly, that other cells run.
 * - A module that is granted `net`, `read`, `write`, `env` or `sys` can do with them what Deno's permissions allow.
 * - While a module loads it may read its own folder and this one (the cell's own code, which is public).
 */
import { getHeapStatistics } from "node:v8";
import { workerData } from "node:worker_threads";
import { z } from "zod";
import { cellConsole } from "./cell_console.ts";
import { fix, forbidDynamicCode, reduceGlobals } from "./globals.ts";
import { guardImports, type ImportRules } from "./import_guard.ts";
import { freezeIntrinsics } from "./intrinsics.ts";
import { describeHandlers, makeHandlers } from "./module_shape.ts";
import { Outbox } from "./outbox.ts";
import { describeError, Runtime } from "./runtime.ts";
import { type LoadRequest, MAX_LOG, ToMain } from "./wire.ts";

const { port, granted } = workerData as { port: MessagePort; granted: readonly string[] };
const post = port.postMessage.bind(port) as (message: unknown) => void;

// A worker in an endless loop is only stopped when it holds a Web Lock: `terminate()` otherwise waits for its event loop,
// and a loop that never comes back keeps a core for good.
interface Locks {
  request(name: string, held: () => Promise<never>): Promise<never>;
}
const { locks } = navigator as unknown as { locks: Locks };
await new Promise<void>((held) => {
  void locks.request(`cell ${crypto.randomUUID()}`, () => {
    held();
    return new Promise<never>(() => {});
  });
});

const crash = (error: unknown) => post([ToMain.Crash, 0, describeError(error)]);
addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  crash(event.reason);
});
addEventListener("error", (event) => {
  event.preventDefault();
  crash(event.error ?? event.message);
});

const now = performance.now.bind(performance);
const later = setImmediate;
const random = crypto.randomUUID.bind(crypto);
const memory = Deno.memoryUsage; // that of node:process looks for the global, which goes
const revoke = Deno.permissions.revokeSync.bind(Deno.permissions);
const CODE = new URL(".", import.meta.url).href;
const toPath = (url: string) => decodeURIComponent(new URL(url).pathname);

/** Milliseconds between two looks for a heap limit that was reached. */
const HEAP_LOOK_MS = 100;
const heapLimit = getHeapStatistics().heap_size_limit;

const out = new Outbox({ post, now, schedule: (flush) => void later(flush) });
let runtime: Runtime | undefined;
const rules: ImportRules = {
  folder: "",
  network: granted.includes("import"),
  loading: true,
  abandon(reason) {
    post(rules.loading ? { loaded: false, error: reason } : [ToMain.Crash, 0, reason]);
    // The main isolate ends this thread; until then nothing more may run in it.
    for (;;);
  },
};

// zod would make functions from text for speed; without them it is a tenth slower and needs no eval.
z.config({ jitless: true });
guardImports(rules);
forbidDynamicCode();
reduceGlobals(granted);
const lines = cellConsole((level, message) => out.log(runtime?.current ?? 0, level, message, ""));
fix("console", lines);
freezeIntrinsics();

async function load({ url, folder }: LoadRequest): Promise<void> {
  rules.folder = folder;
  try {
    const exported = ((await import(url)) as { default?: unknown }).default;
    rules.loading = false;
    const handlers = await makeHandlers(exported);
    const contract = describeHandlers(handlers);
    if (!granted.includes("read")) revoke({ name: "read" });
    else for (const own of [folder, CODE]) revoke({ name: "read", path: toPath(own) });
    if ((contract as { kind?: unknown }).kind === "rpc" || (contract as { kind?: unknown }).kind === "raw") {
      const external = () => memory().external;
      const made = new Runtime(handlers, { out, now, random, external });
      runtime = made;
      port.onmessage = (event) => made.receive(event.data as unknown[]);
    }
    post({ loaded: true, contract });
  } catch (error) {
    post({ loaded: false, error: describeError(error).slice(0, MAX_LOG) });
  }
}

// At the heap limit V8 cuts the running code off and doubles the limit, and nothing else happens. A timer never runs in the
// middle of a batch, so one that seems to be under way was cut off.
setInterval(() => {
  if (!out.working && getHeapStatistics().heap_size_limit <= heapLimit) return;
  post([ToMain.Crash, 1, "the heap limit was reached"]);
}, HEAP_LOOK_MS);

port.onmessage = (event) => void load(event.data as LoadRequest);
post({ up: true });

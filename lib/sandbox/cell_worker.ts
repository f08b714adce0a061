/** Starts and ends the two workers of a cell, and passes batches. */
import type { ShellReport, ShellRequest } from "./cell_shell.ts";
import type { Grants } from "./settings.ts";
import type { LoadReply, LoadRequest } from "./wire.ts";

/** How a cell came to its end, when it was not told to. */
export interface CellEnd {
  cause: "crash" | "out_of_memory";
  detail: string;
}

export interface CellWorkerEvents {
  batch(batch: unknown): void;
  ended(end: CellEnd): void;
}

export interface CellWorkerOptions {
  /** Bytes of heap. */
  memory: number;
  permissions: Grants;
  /** Absolute path of the handler module's folder. */
  folder: string;
  /** URL of the inner worker's first module; tests put a cell there that does not keep to the rules. */
  entry?: string;
}

const ENTRY = new URL("./cell_entry.ts", import.meta.url);
const SHELL = new URL("./cell_shell.ts", import.meta.url);
const KINDS = ["net", "read", "write", "env", "sys", "import"] as const;

/** Kinds of permission that `permissions` grants anything of. */
export function grantedKinds(permissions: Grants): string[] {
  return KINDS.filter((kind) => (permissions[kind]?.length ?? 0) > 0);
}

/** The worker's permissions: what is granted exactly as it is given, and reading the cell's own code and the module's folder. */
export function workerPermissions({ permissions, folder, entry }: CellWorkerOptions): Deno.PermissionOptionsObject {
  const given = (kind: typeof KINDS[number]) => {
    const list = permissions[kind];
    return list === undefined || list.length === 0 ? false : [...list];
  };
  const own = [...new Set([ENTRY.href, entry ?? ENTRY.href])].map((url) =>
    decodeURIComponent(new URL(".", url).pathname)
  );
  return {
    net: given("net"),
    read: [...own, folder, ...(permissions.read ?? [])],
    write: given("write"),
    env: given("env"),
    sys: given("sys"),
    import: given("import"),
    run: false,
    ffi: false,
  };
}

/** One cell's workers. `start` before anything else. */
export class CellWorker {
  readonly #events: CellWorkerEvents;
  readonly #port: MessagePort;
  readonly #shell: Worker;
  #over = false;
  /** Resolves when the cell has shed what it must not have and can load a module; rejects when it dies before. */
  readonly up: Promise<void>;
  #loading: { resolve(contract: unknown): void; reject(error: Error): void } | undefined;
  #upSettle!: { resolve(): void; reject(error: Error): void };

  constructor(options: CellWorkerOptions, events: CellWorkerEvents) {
    this.#events = events;
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.up = new Promise((resolve, reject) => this.#upSettle = { resolve, reject });
    this.up.catch(() => {});
    this.#shell = new Worker(SHELL, { type: "module", deno: { permissions: workerPermissions(options) } });
    this.#shell.onmessage = ({ data }: MessageEvent<ShellReport>) => this.#exited(data);
    this.#shell.onerror = (event) => {
      event.preventDefault();
      this.#exited({ exit: 1, error: event.message });
    };
    port1.onmessage = ({ data }) => this.#message(data as unknown);
    const request: ShellRequest = {
      entry: options.entry ?? ENTRY.href,
      memory: Math.max(1, Math.floor(options.memory / (1024 * 1024))),
      granted: grantedKinds(options.permissions),
    };
    this.#shell.postMessage(request, [port2]);
  }

  get over(): boolean {
    return this.#over;
  }

  /** Loads the module; resolves to the contract as the cell reports it. Rejects with the reason it could not. */
  load(request: LoadRequest): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#over) return reject(new Error("The cell has ended"));
      this.#loading = { resolve, reject };
      this.#port.postMessage(request);
    });
  }

  /** Hands a batch over. Bytes in it are copied. */
  post(batch: unknown[]): void {
    if (!this.#over) this.#port.postMessage(batch);
  }

  /** Ends both workers at once, whatever they are doing. */
  end(): void {
    if (this.#over) return;
    this.#over = true;
    const error = new Error("The cell was ended");
    this.#upSettle.reject(error);
    this.#loading?.reject(error);
    this.#port.onmessage = null;
    this.#port.close();
    this.#shell.terminate();
  }

  #message(data: unknown): void {
    if (this.#over) return;
    if (Array.isArray(data)) return this.#events.batch(data);
    const reply = data as LoadReply | null;
    if (reply !== null && typeof reply === "object") {
      if ("up" in reply) return this.#upSettle.resolve();
      if ("loaded" in reply && this.#loading !== undefined) {
        const loading = this.#loading;
        this.#loading = undefined;
        if (reply.loaded) return loading.resolve(reply.contract);
        return loading.reject(new Error(String(reply.error).slice(0, 4096)));
      }
    }
    this.#events.batch(data);
  }

  #exited({ exit, error, code }: ShellReport): void {
    if (this.#over) return;
    // A worker at its heap limit is stopped without an error and with status 0; nothing else ends like that, since a cell
    // has no way to exit.
    const memory = code === "ERR_WORKER_OUT_OF_MEMORY" || (exit === 0 && error === undefined);
    const detail = memory ? "the heap limit was reached" : error ?? `exit status ${exit}`;
    this.#upSettle.reject(new Error(detail));
    this.#loading?.reject(new Error(detail));
    this.end();
    this.#events.ended({ cause: memory ? "out_of_memory" : "crash", detail });
  }
}

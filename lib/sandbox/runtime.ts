/**
 * The cell's side: takes operations from the main isolate, runs the module's code, says what came of it.
 *
 * Operations of one session are started in the order they came; a handler that awaits does not hold up the next. An
 * asynchronous `open` does: what follows it waits. Every error of a handler stays here, but for a reference to its log line.
 */
import { Callable, Misfit } from "./callable.ts";
import { CellSession, HandlerContext } from "./context.ts";
import type { HandlerObject, RpcHandlers } from "./handlers.ts";
import { isRaw } from "./module_shape.ts";
import type { Outbox } from "./outbox.ts";
import { MAX_LOG, type SessionInfo, ToCell } from "./wire.ts";

export interface RuntimeDeps {
  readonly out: Outbox;
  readonly now: () => number;
  readonly random: () => string;
  /** Bytes outside the heap. */
  readonly external: () => number;
}

/** Posts what is ready after that many milliseconds of synchronous work, so that a long batch shows it is alive. */
const SHOW_LIFE_MS = 10;
/** After an operation that took less, the clock is not looked at for the next few. */
const QUICK_MS = 0.25;
const MOST_SKIPPED = 3;

export class Runtime {
  readonly #deps: RuntimeDeps;
  readonly #out: Outbox;
  readonly #methods = new Map<string, Callable>();
  /** What takes raw frames. */
  readonly #raw: Callable | undefined;
  readonly #opens: Callable | undefined;
  readonly #closes: Callable | undefined;
  readonly #sessions = new Map<number, CellSession>();
  /** Calls that wait for a promise. */
  readonly #calls = new Map<number, HandlerContext>();
  /** How often a call was left to a promise. */
  #waits = 0;
  #queries = 0;
  /** Session whose handler is running, for `console`. 0: none. */
  current = 0;

  constructor(handlers: HandlerObject, deps: RuntimeDeps) {
    this.#deps = deps;
    this.#out = deps.out;
    this.#opens = hook(handlers, "open");
    this.#closes = hook(handlers, "close");
    if (isRaw(handlers)) {
      const { raw } = handlers;
      const handle = (data: never, ctx: never) => raw.message(data, ctx);
      this.#raw = new Callable({ name: "message", params: raw.schema, silent: true, handle });
    } else {
      for (const [name, method] of Object.entries((handlers as RpcHandlers).methods)) {
        const { params, result } = method;
        const handle = (input: never, ctx: never) => method.handle(input, ctx);
        this.#methods.set(name, new Callable({ name, params, result, handle }));
      }
    }
  }

  /** Works through one batch and posts the answers: together, with those that only wait for promises that have settled. */
  receive(batch: unknown[]): void {
    const out = this.#out;
    out.working = true;
    const waited = this.#waits;
    const end = batch.length;
    let at = 0;
    let shown = this.#deps.now();
    let looked = shown;
    let skip = 0;
    out.received(end >> 2);
    while (at < end) {
      at = this.#operation(batch, at);
      out.done();
      // Reading the clock takes a tenth of what a small call does, so it is left out while they are quick.
      if (skip-- > 0) continue;
      const now = this.#deps.now();
      skip = now - looked < QUICK_MS ? MOST_SKIPPED : 0;
      looked = now;
      if (now - shown > SHOW_LIFE_MS) {
        out.flush();
        shown = now;
      }
    }
    out.working = false;
    if (this.#waits === waited) out.flush();
    else out.flushLater();
  }

  #operation(batch: unknown[], at: number): number {
    switch (batch[at] as ToCell) {
      case ToCell.Call: {
        const session = this.#sessions.get(batch[at + 1] as number);
        const call = batch[at + 2] as number;
        const method = batch[at + 3] as string;
        const text = batch[at + 4] as string;
        if (session === undefined) return at + 5;
        if (session.opening) session.waiting.push(() => this.#call(session, call, method, text));
        else this.#call(session, call, method, text);
        return at + 5;
      }
      case ToCell.Message: {
        const call = batch[at + 2] as number;
        const data = batch[at + 3] as string | Uint8Array;
        this.#inOrder(batch[at + 1] as number, (session) => this.#message(session, call, data));
        return at + 4;
      }
      case ToCell.Open:
        this.#open(batch[at + 1] as number, batch[at + 2] === 1, batch[at + 3] as number, batch[at + 4] as string);
        return at + 5;
      case ToCell.Identity: {
        const user = batch[at + 2] as string;
        this.#inOrder(batch[at + 1] as number, (session) => {
          session.user = JSON.parse(user) as CellSession["user"];
        });
        return at + 3;
      }
      case ToCell.Close:
        this.#close(batch[at + 1] as number, batch[at + 2] as number, batch[at + 3] as number);
        return at + 4;
      case ToCell.Cancel:
        this.#cancel(batch[at + 1] as number, batch[at + 2] as number);
        return at + 3;
      case ToCell.Presence: {
        const text = batch[at + 3] as string;
        const session = this.#sessions.get(batch[at + 1] as number);
        const query = session?.queries.get(batch[at + 2] as number);
        session?.queries.delete(batch[at + 2] as number);
        if (text === "") query?.reject(new Error("Presence is not available"));
        else query?.resolve(JSON.parse(text));
        return at + 4;
      }
      case ToCell.Ping:
        this.#out.external = this.#deps.external();
        return at + 1;
    }
    throw new Error("The main isolate sent an operation that does not exist");
  }

  #nextQuery = (): number => ++this.#queries;

  #inOrder(handle: number, work: (session: CellSession) => void): void {
    const session = this.#sessions.get(handle);
    if (session === undefined) return;
    if (session.opening) session.waiting.push(() => work(session));
    else work(session);
  }

  #open(handle: number, resumed: boolean, call: number, text: string): void {
    const { user, connection } = JSON.parse(text) as SessionInfo;
    const session = new CellSession(handle, user, connection);
    this.#sessions.set(handle, session);
    if (this.#opens === undefined) {
      if (call !== 0) this.#out.result(call, "null");
      return;
    }
    const opened = this.#run(session, call, this.#opens, { resumed });
    session.opening = opened !== undefined;
    void opened?.then(() => {
      session.opening = false;
      for (const work of session.waiting.splice(0)) work();
    });
  }

  #call(session: CellSession, call: number, name: string, text: string): void {
    const callable = this.#methods.get(name);
    if (callable === undefined) return this.#out.error(call, -32601, "");
    const params = (JSON.parse(text) as { params?: unknown }).params ?? callable.absent;
    void this.#run(session, call, callable, params);
  }

  #message(session: CellSession, call: number, data: string | Uint8Array): void {
    if (this.#raw === undefined) return this.#out.error(call, -32601, "");
    void this.#run(session, call, this.#raw, data);
  }

  /** Runs the `close` hook after what still waits for `open`; then the session is forgotten. */
  #close(handle: number, call: number, code: number): void {
    const session = this.#sessions.get(handle);
    if (session === undefined) return this.#out.result(call, "null");
    session.leave();
    const forget = () => this.#sessions.delete(handle);
    const work = () => {
      const closed = this.#closes === undefined
        ? this.#out.result(call, "null")
        : this.#run(session, call, this.#closes, code);
      if (closed === undefined) forget();
      else void closed.then(forget);
    };
    if (session.opening) session.waiting.push(work);
    else work();
  }

  /** Time is up. The only call of a session that has left is its `close`. */
  #cancel(handle: number, call: number): void {
    this.#calls.get(call)?.abort();
    this.#calls.delete(call);
    if (this.#sessions.get(handle)?.left === true) this.#sessions.delete(handle);
  }

  /** Runs the module's code and answers the call: at once, or when the promise that is returned resolves. */
  #run(session: CellSession, call: number, callable: Callable, input: unknown): Promise<void> | undefined {
    const context = new HandlerContext(session, this.#out, this.#nextQuery);
    this.current = session.handle;
    try {
      const made = callable.run(input, context);
      if (typeof made !== "string") {
        this.#waits++;
        this.#calls.set(call, context);
        return made.then(
          (text) => {
            this.#calls.delete(call);
            this.#answer(call, context, text);
          },
          (error) => this.#fail(session, call, context, callable.name, error),
        );
      }
      this.#answer(call, context, made);
    } catch (error) {
      this.#fail(session, call, context, callable.name, error);
    } finally {
      this.current = 0;
    }
  }

  #answer(call: number, context: HandlerContext, text: string): void {
    context.settle();
    this.#out.result(call, text);
  }

  #fail(session: CellSession, call: number, context: HandlerContext, what: string, error: unknown): void {
    this.#calls.delete(call);
    context.settle();
    if (error instanceof Misfit) return this.#out.error(call, -32602, error.data);
    const ref = this.#deps.random();
    this.#out.failed(session.handle, ref, what, describeError(error));
    this.#out.error(call, -32603, JSON.stringify({ ref }));
  }
}

function hook(handlers: HandlerObject, name: "open" | "close"): Callable | undefined {
  const run = handlers[name] as ((ctx: never, input: never) => unknown) | undefined;
  if (run === undefined) return undefined;
  return new Callable({ name, silent: true, handle: (input, ctx) => run.call(handlers, ctx, input) });
}

/** Name, message and stack for the log. Never throws, whatever was thrown. */
export function describeError(error: unknown): string {
  try {
    const text = error instanceof Error ? (error.stack ?? `${error.name}: ${error.message}`) : String(error);
    return text.slice(0, MAX_LOG);
  } catch {
    return "an error that can't be described";
  }
}

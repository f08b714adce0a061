/**
 * The cell's side: takes operations from the main isolate, runs the module's code, says what came of it.
 *
 * Operations of one session are started in the order they came; a handler that awaits does not hold up the next. An
 * asynchronous `open` does: what follows it waits. Every error of a handler stays here, but for a reference to its log line.
 */
import type { z } from "zod";
import { CellSession, HandlerContext } from "./context.ts";
import type { HandlerObject, Method, RawHandlers, RpcHandlers } from "./handlers.ts";
import { visibleIssues } from "./issues.ts";
import { isRaw } from "./module_shape.ts";
import type { Outbox } from "./outbox.ts";
import { MAX_LOG, MAX_TEXT, type SessionInfo, ToCell, ToMain } from "./wire.ts";

type Hook = (ctx: HandlerContext, info: unknown) => unknown;
/** A method with its parts at hand, and whether its schemas turned out to be asynchronous. */
interface Callable {
  readonly name: string;
  readonly method: Method;
  readonly params: z.ZodType;
  readonly result: z.ZodType | undefined;
  /** Stands for parameters that were left out: an empty object, unless the schema takes nothing at all. */
  readonly absent: unknown;
  asynchronous: boolean;
}

export interface RuntimeDeps {
  readonly out: Outbox;
  readonly now: () => number;
  readonly random: () => string;
  /** Bytes outside the heap. */
  readonly external: () => number;
  /** Milliseconds a raw message, a notification or `close` may take. */
  readonly timeout: number;
}

/** Posts what is ready after that many milliseconds of synchronous work, so that a long batch shows it is alive. */
const SHOW_LIFE_MS = 10;

export class Runtime {
  readonly #deps: RuntimeDeps;
  readonly #out: Outbox;
  readonly #methods = new Map<string, Callable>();
  readonly #raw: RawHandlers["raw"] | undefined;
  readonly #handlers: HandlerObject;
  readonly #sessions = new Map<number, CellSession>();
  readonly #calls = new Map<number, HandlerContext>();
  /** Work without a call: oldest first, since all have the same timeout. */
  readonly #unanswered = new Map<HandlerContext, { session: number; what: string; until: number }>();
  #queries = 0;
  /** Session whose handler is running, for `console`. 0: none. */
  current = 0;

  constructor(handlers: HandlerObject, deps: RuntimeDeps) {
    this.#deps = deps;
    this.#out = deps.out;
    this.#handlers = handlers;
    if (isRaw(handlers)) {
      this.#raw = handlers.raw;
    } else {
      for (const [name, method] of Object.entries((handlers as RpcHandlers).methods)) {
        const { params, result } = method;
        this.#methods.set(name, { name, method, params, result, absent: absent(params), asynchronous: false });
      }
    }
  }

  /** Works through one batch and posts the answers. */
  receive(batch: unknown[]): void {
    const out = this.#out;
    out.working = true;
    let shown = this.#deps.now();
    const end = batch.length;
    let at = 0;
    out.received(end >> 2);
    while (at < end) {
      at = this.#operation(batch, at);
      out.done();
      if (this.#deps.now() - shown > SHOW_LIFE_MS) {
        out.flush();
        shown = this.#deps.now();
      }
    }
    out.working = false;
    out.flush();
  }

  #operation(batch: unknown[], at: number): number {
    switch (batch[at] as ToCell) {
      case ToCell.Call: {
        const session = this.#sessions.get(batch[at + 1] as number);
        const call = batch[at + 2] as number;
        const method = batch[at + 3] as string;
        const text = batch[at + 4] as string;
        if (session !== undefined) {
          if (session.opening) session.waiting.push(() => this.#call(session, call, method, text));
          else this.#call(session, call, method, text);
        }
        return at + 5;
      }
      case ToCell.Message: {
        const data = batch[at + 2] as string | Uint8Array;
        this.#inOrder(batch[at + 1] as number, (session) => this.#message(session, data));
        return at + 3;
      }
      case ToCell.Notification: {
        const method = batch[at + 2] as string;
        const text = batch[at + 3] as string;
        this.#inOrder(batch[at + 1] as number, (session) => this.#notification(session, method, text));
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
        this.#close(batch[at + 1] as number, batch[at + 2] as number);
        return at + 3;
      case ToCell.Cancel: {
        const call = batch[at + 1] as number;
        this.#calls.get(call)?.abort();
        this.#calls.delete(call);
        return at + 2;
      }
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
        this.#expire();
        return at + 1;
    }
    throw new Error("The main isolate sent an operation that does not exist");
  }

  #context(session: CellSession): HandlerContext {
    return new HandlerContext(session, this.#out, this.#nextQuery);
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
    const open = this.#handlers.open as Hook | undefined;
    if (open === undefined) {
      if (call !== 0) this.#out.result(call, "null");
      return;
    }
    const context = this.#context(session);
    this.#calls.set(call, context);
    const settle = (error?: unknown) => {
      this.#calls.delete(call);
      context.settle();
      if (error === undefined) this.#out.result(call, "null");
      else this.#fail(session, call, "open", error);
    };
    const pending = this.#enter(session, () => open.call(this.#handlers, context, { resumed }), settle);
    if (pending === undefined) return;
    session.opening = true;
    const go = () => {
      session.opening = false;
      for (const work of session.waiting.splice(0)) work();
    };
    pending.then(() => (settle(), go()), (error) => (settle(error ?? new Error("rejected without a reason")), go()));
  }

  /** Runs handler code; gives its promise, or settles at once and gives nothing. */
  #enter(session: CellSession, run: () => unknown, settle: (error?: unknown) => void): Promise<unknown> | undefined {
    this.current = session.handle;
    try {
      const made = run();
      if (isThenable(made)) return Promise.resolve(made);
      settle();
    } catch (error) {
      settle(error ?? new Error("thrown without a reason"));
    } finally {
      this.current = 0;
    }
    return undefined;
  }

  #close(handle: number, code: number): void {
    const session = this.#sessions.get(handle);
    if (session === undefined) return this.#out.report(ToMain.Closed, handle);
    const work = () => {
      session.leave();
      const close = this.#handlers.close as Hook | undefined;
      if (close === undefined) return this.#forget(session);
      this.#unasked(
        session,
        "close",
        (context) => close.call(this.#handlers, context, code),
        () => this.#forget(session),
      );
    };
    if (!session.opening) return work();
    session.leave();
    session.waiting.push(work);
  }

  #forget(session: CellSession): void {
    this.#sessions.delete(session.handle);
    this.#out.report(ToMain.Closed, session.handle);
  }

  #call(session: CellSession, call: number, name: string, text: string): void {
    const callable = this.#methods.get(name);
    if (callable === undefined) return this.#out.error(call, -32601, "");
    const params = (JSON.parse(text) as { params?: unknown }).params ?? callable.absent;
    const context = this.#context(session);
    this.current = session.handle;
    try {
      if (callable.asynchronous) {
        this.#calls.set(call, context);
        this.#callSlowly(session, call, callable, params, context);
        return;
      }
      const parsed = callable.params.safeParse(params);
      if (!parsed.success) {
        return this.#out.error(call, -32602, JSON.stringify({ issues: visibleIssues(parsed.error) }));
      }
      const made: unknown = callable.method.handle(parsed.data as never, context as never);
      if (!isThenable(made)) return this.#answer(session, call, callable, made, context);
      this.#calls.set(call, context);
      Promise.resolve(made).then(
        (value) => this.#answer(session, call, callable, value, context),
        (error) => this.#failCall(session, call, callable, error, context),
      );
    } catch (error) {
      if (isAsyncSchema(error) && !callable.asynchronous) {
        callable.asynchronous = true;
        return this.#call(session, call, name, text);
      }
      this.#failCall(session, call, callable, error, context);
    } finally {
      this.current = 0;
    }
  }

  async #callSlowly(session: CellSession, call: number, callable: Callable, params: unknown, context: HandlerContext) {
    try {
      const parsed = await callable.params.safeParseAsync(params);
      if (!parsed.success) {
        this.#calls.delete(call);
        return this.#out.error(call, -32602, JSON.stringify({ issues: visibleIssues(parsed.error) }));
      }
      const value = await callable.method.handle(parsed.data as never, context as never);
      this.#answer(session, call, callable, value, context);
    } catch (error) {
      this.#failCall(session, call, callable, error, context);
    }
  }

  #answer(session: CellSession, call: number, callable: Callable, value: unknown, context: HandlerContext): void {
    try {
      let result = value;
      if (callable.result !== undefined) {
        if (callable.asynchronous) {
          callable.result.parseAsync(value).then(
            (checked) => this.#finish(session, call, callable, checked, context),
            (error) => this.#failCall(session, call, callable, error, context),
          );
          return;
        }
        result = callable.result.parse(value);
      }
      this.#finish(session, call, callable, result, context);
    } catch (error) {
      if (isAsyncSchema(error) && !callable.asynchronous) {
        callable.asynchronous = true;
        return this.#answer(session, call, callable, value, context);
      }
      this.#failCall(session, call, callable, error, context);
    }
  }

  #finish(session: CellSession, call: number, callable: Callable, value: unknown, context: HandlerContext): void {
    let text: string;
    try {
      text = JSON.stringify(value) ?? "null";
      if (text.length > MAX_TEXT) throw new RangeError("The result is longer than 1 MiB");
    } catch (error) {
      return this.#failCall(session, call, callable, error, context);
    }
    this.#calls.delete(call);
    context.settle();
    this.#out.result(call, text);
  }

  #failCall(session: CellSession, call: number, callable: Callable, error: unknown, context: HandlerContext): void {
    this.#calls.delete(call);
    context.settle();
    this.#fail(session, call, callable.name, error);
  }

  #fail(session: CellSession, call: number, what: string, error: unknown): void {
    const ref = this.#deps.random();
    this.#out.report(ToMain.Failed, session.handle, ref, what, describeError(error));
    if (call !== 0) this.#out.error(call, -32603, JSON.stringify({ ref }));
  }

  #notification(session: CellSession, name: string, text: string): void {
    const callable = this.#methods.get(name);
    if (callable === undefined) return;
    this.#unasked(session, name, (context) => {
      const params = (JSON.parse(text) as { params?: unknown }).params ?? callable.absent;
      const run = (parsed: z.ZodSafeParseResult<unknown>) =>
        parsed.success ? callable.method.handle(parsed.data as never, context as never) : undefined;
      if (callable.asynchronous) return callable.params.safeParseAsync(params).then(run);
      let parsed;
      try {
        parsed = callable.params.safeParse(params);
      } catch (error) {
        if (!isAsyncSchema(error)) throw error;
        callable.asynchronous = true;
        return callable.params.safeParseAsync(params).then(run);
      }
      return run(parsed);
    });
  }

  #message(session: CellSession, data: string | Uint8Array): void {
    const raw = this.#raw;
    if (raw === undefined) return;
    if (raw.schema === undefined) {
      return this.#unasked(session, "message", (context) => raw.message(data, context as never));
    }
    const schema = raw.schema;
    this.#unasked(session, "message", (context) => {
      const run = (parsed: z.ZodSafeParseResult<unknown>) => {
        if (parsed.success) return raw.message(parsed.data as never, context as never);
        this.#out.report(ToMain.Invalid, session.handle);
      };
      try {
        return run(schema.safeParse(data));
      } catch (error) {
        if (!isAsyncSchema(error)) throw error;
        return schema.safeParseAsync(data).then(run);
      }
    });
  }

  /** Runs code nobody waits for: errors are logged, time is watched here. */
  #unasked(session: CellSession, what: string, run: (context: HandlerContext) => unknown, after?: () => void): void {
    const context = this.#context(session);
    const settle = (error?: unknown) => {
      this.#unanswered.delete(context);
      context.settle();
      if (error !== undefined) this.#fail(session, 0, what, error);
      after?.();
    };
    const pending = this.#enter(session, () => run(context), settle);
    if (pending === undefined) return;
    this.#unanswered.set(context, { session: session.handle, what, until: this.#deps.now() + this.#deps.timeout });
    pending.then(() => settle(), (error) => settle(error ?? new Error("rejected without a reason")));
  }

  #expire(): void {
    const now = this.#deps.now();
    for (const [context, { session, what, until }] of this.#unanswered) {
      if (until > now) break;
      this.#unanswered.delete(context);
      context.abort();
      this.#out.report(ToMain.Late, session, what);
    }
  }
}

function absent(params: z.ZodType): unknown {
  try {
    return params.safeParse(undefined).success ? undefined : {};
  } catch {
    return {};
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return value !== null && typeof value === "object" && typeof (value as { then?: unknown }).then === "function";
}

function isAsyncSchema(error: unknown): boolean {
  return error instanceof Error && error.constructor.name === "$ZodAsyncError";
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

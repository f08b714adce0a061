/**
 * The cell's side: takes operations of the host, runs the module's code, reports the outcome.
 *
 * Operations of one session are started in the order they came; a handler that awaits does not hold up the next. An
 * asynchronous `open` does: what follows it waits. Every error of a handler stays here, but for a reference to its log line.
 */
import type { Present } from "../author/context.ts";
import type { HandlerObject, RpcHandlers } from "../author/handlers.ts";
import type { Operation, OperationReader } from "../wire/operation_reader.ts";
import { type SessionInfo, ToCell } from "../wire/operations.ts";
import { Callable, Misfit } from "./callable.ts";
import { CellSession, ClientLeft, type ContextServices, HandlerContext } from "./context.ts";
import { Failure } from "./declared_errors.ts";
import { describeError } from "./describe_error.ts";
import { jsonText, parseJson } from "./json.ts";
import { isRaw } from "./module_shape.ts";
import { ModuleTopics } from "./module_topics.ts";
import type { Outbox } from "./outbox.ts";
import { utf8Text } from "./utf8.ts";

export interface RuntimeDeps {
  readonly out: Outbox;
  /** Monotonic clock, in milliseconds. */
  readonly now: () => number;
  readonly random: () => string;
}

/** After this much synchronous work (ms) what is ready is sent, which shows that the cell lives. */
const SHOW_LIFE_MS = 10;
/** After an operation that took less (ms), the clock is not read for the next few. */
const QUICK_MS = 0.25;
const MOST_SKIPPED = 3;

/** Longest method or hook in a report of a failure, in UTF-16 units. */
const MAX_WHAT_LENGTH = 128;

export class Runtime {
  readonly #deps: RuntimeDeps;
  readonly #out: Outbox;
  readonly topics: ModuleTopics;
  /** In the order of the contract. */
  readonly #methods: Callable[] = [];
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
  readonly #services: ContextServices;
  #busy = false;
  /** Milliseconds: when the chunk was begun, when the clock was last read. */
  #began = 0;
  #looked = 0;
  #skip = 0;
  /** Session whose handler is running, for `console`. 0: none. */
  current = 0;

  /** Throws a `TypeError` where the module's declarations are no such thing, which `checkContract` finds too. */
  constructor(handlers: HandlerObject, deps: RuntimeDeps) {
    this.#deps = deps;
    const out = this.#out = deps.out;
    const maxBytes = () => out.maxBytes;
    this.topics = new ModuleTopics(handlers.topics);
    this.#services = { out, topics: this.topics, nextQuery: () => ++this.#queries, raw: isRaw(handlers) };
    this.#opens = hook(handlers, "open");
    this.#closes = hook(handlers, "close");
    if (isRaw(handlers)) {
      const { raw } = handlers;
      const handle = (data: never, ctx: never) => raw.message(data, ctx);
      this.#raw = new Callable({ name: "message", params: raw.schema, silent: true, maxBytes, handle });
    } else {
      for (const [name, method] of Object.entries((handlers as RpcHandlers).methods)) {
        const { params, result, errors } = method;
        const handle = (input: never, ctx: never) => method.handle(input, ctx);
        this.#methods.push(new Callable({ name, params, result, errors, maxBytes, handle }));
      }
    }
  }

  /** True when `receive` left a part of its chunk because the part before took long. */
  get busy(): boolean {
    return this.#busy;
  }

  /**
   * Works through a chunk and sends the answers: together, with those of promises that have settled. Returns how much of the chunk was
   * taken.
   */
  receive(reader: OperationReader, chunk: Uint8Array): number {
    const out = this.#out;
    const waited = this.#waits;
    this.#busy = false;
    this.#skip = 0;
    this.#began = this.#looked = this.#deps.now();
    out.working = true;
    const taken = reader.push(chunk);
    out.working = false;
    if (this.#waits === waited || this.#busy) out.flush();
    else out.flushLater();
    return taken;
  }

  /** Begins one operation that `reader` has read. */
  take(operation: Operation, reader: OperationReader): void {
    this.#begin(operation);
    this.#out.done();
    // Reading the clock takes a tenth of what a small call does, so it is left out while calls are quick.
    if (this.#skip-- > 0) return;
    const now = this.#deps.now();
    this.#skip = now - this.#looked < QUICK_MS ? MOST_SKIPPED : 0;
    this.#looked = now;
    if (now - this.#began <= SHOW_LIFE_MS) return;
    this.#busy = true;
    reader.halt();
  }

  #begin({ code, session: handle, id, extra, first }: Operation): void {
    switch (code) {
      case ToCell.Call: {
        this.#out.earn();
        const text = utf8Text(first);
        return this.#inOrder(handle, (session) => this.#call(session, id, extra, text));
      }
      case ToCell.Message: {
        this.#out.earn();
        const data = extra === 1 ? utf8Text(first) : first.slice();
        return this.#inOrder(handle, (session) => this.#message(session, id, data));
      }
      case ToCell.Open:
        return this.#open(handle, extra === 1, id, utf8Text(first));
      case ToCell.Identity: {
        const user = parseJson(utf8Text(first)) as CellSession["user"];
        return this.#inOrder(handle, (session) => {
          session.user = user;
        });
      }
      case ToCell.Close:
        return this.#close(handle, id, extra);
      case ToCell.Cancel:
        return this.#cancel(handle, id);
      case ToCell.Presence: {
        const session = this.#sessions.get(handle);
        const query = session?.queries.get(id);
        session?.queries.delete(id);
        if (extra === 0) query?.reject(new Error("Presence is not available"));
        else query?.resolve(parseJson(utf8Text(first)) as Present[]);
        return;
      }
      case ToCell.Ping:
        return;
    }
    throw new Error("The host sent an operation that is not for a loaded module");
  }

  #inOrder(handle: number, work: (session: CellSession) => void): void {
    const session = this.#sessions.get(handle);
    if (session === undefined) return;
    if (session.opening) session.waiting.push(() => work(session));
    else work(session);
  }

  #open(handle: number, resumed: boolean, call: number, text: string): void {
    const { user, connection } = parseJson(text) as SessionInfo;
    const session = new CellSession(handle, user, connection);
    this.#sessions.set(handle, session);
    if (this.#opens === undefined) return this.#out.result(call, "null");
    const opened = this.#run(session, call, this.#opens, { resumed });
    session.opening = opened !== undefined;
    void opened?.then(() => {
      session.opening = false;
      for (const work of session.waiting.splice(0)) work();
    });
  }

  #call(session: CellSession, call: number, method: number, text: string): void {
    const callable = this.#methods[method];
    if (callable === undefined) return this.#out.error(call, -32601, "");
    const params = (parseJson(text) as { params?: unknown }).params ?? callable.absent;
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
    const context = new HandlerContext(session, this.#services, callable.errors);
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
          (error) => this.#fail(session, call, context, callable, error),
        );
      }
      this.#answer(call, context, made);
    } catch (error) {
      this.#fail(session, call, context, callable, error);
    } finally {
      this.current = 0;
    }
  }

  #answer(call: number, context: HandlerContext, text: string): void {
    context.settle();
    this.#out.result(call, text);
  }

  #fail(session: CellSession, call: number, context: HandlerContext, callable: Callable, error: unknown): void {
    this.#calls.delete(call);
    context.settle();
    if (error instanceof Misfit) return this.#out.error(call, -32602, error.data);
    if (error instanceof Failure && error.of === callable.errors) {
      return this.#out.declaredError(call, error.index, error.data);
    }
    // The call was answered when its client left or its time was up.
    if (session.left && error instanceof ClientLeft || context.abortedBy(error)) {
      return this.#out.error(call, -32603, "");
    }
    const ref = this.#deps.random();
    this.#out.failed(session.handle, ref, callable.name.slice(0, MAX_WHAT_LENGTH), describeError(error));
    this.#out.error(call, -32603, jsonText({ ref })!);
  }
}

function hook(handlers: HandlerObject, name: "open" | "close"): Callable | undefined {
  const run = handlers[name] as ((ctx: never, input: never) => unknown) | undefined;
  if (run === undefined) return undefined;
  return new Callable({
    name,
    silent: true,
    maxBytes: () => 0,
    handle: (input, ctx) => run.call(handlers, ctx, input),
  });
}

/**
 * The runtime of a cell: executes operations of the host with the module's code, and reports the results.
 *
 * Operations of a session start in the order of their arrival. A handler that awaits does not delay the next one; an
 * asynchronous `open` does. Errors of handlers stay in the cell, except for a reference to the log line.
 */
import { ErrorCode } from "../../rpc/errors.ts";
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

/** After this much synchronous work (ms), results are sent and progress is reported. */
const REPORT_AFTER_MS = 2;
/** After an operation faster than this (ms), the clock is not read for the next few. */
const QUICK_MS = 0.25;
const MOST_SKIPPED = 3;

/** Maximum length of a method or hook in a report, in UTF-16 units. */
const MAX_WHAT_LENGTH = 128;

export class Runtime {
  readonly #deps: RuntimeDeps;
  readonly #out: Outbox;
  readonly topics: ModuleTopics;
  /** In the order of the contract. */
  readonly #methods: Callable[] = [];
  /** The handler of raw frames. */
  readonly #raw: Callable | undefined;
  readonly #opens: Callable | undefined;
  readonly #closes: Callable | undefined;
  readonly #sessions = new Map<number, CellSession>();
  /** Calls with a pending promise. */
  readonly #calls = new Map<number, HandlerContext>();
  /** Number of calls left to a promise. */
  #waits = 0;
  #queries = 0;
  readonly #services: ContextServices;
  #busy = false;
  /** Monotonic times (ms): start of the chunk, last reading of the clock. */
  #began = 0;
  #looked = 0;
  #skip = 0;
  /** Session of the running handler, for `console`. 0: none. */
  current = 0;

  /** @throws {TypeError} if the module's declarations are invalid, which `checkContract` detects too */
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

  /** Whether `receive` stopped within its chunk because processing took long. */
  get busy(): boolean {
    return this.#busy;
  }

  /**
   * Processes a chunk, and sends the answers together with those of settled promises. Returns the number of consumed
   * bytes.
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

  /** Starts an operation that `reader` has read. */
  take(operation: Operation, reader: OperationReader): void {
    this.#begin(operation);
    this.#out.done();
    // Reading the clock takes a tenth of a small call, so it is skipped while calls are fast.
    if (this.#skip-- > 0) return;
    const now = this.#deps.now();
    this.#skip = now - this.#looked < QUICK_MS ? MOST_SKIPPED : 0;
    this.#looked = now;
    if (now - this.#began <= REPORT_AFTER_MS) return;
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
    if (callable === undefined) return this.#out.error(call, ErrorCode.METHOD_NOT_FOUND, "");
    const params = (parseJson(text) as { params?: unknown }).params ?? callable.absent;
    void this.#run(session, call, callable, params);
  }

  #message(session: CellSession, call: number, data: string | Uint8Array): void {
    if (this.#raw === undefined) return this.#out.error(call, ErrorCode.METHOD_NOT_FOUND, "");
    void this.#run(session, call, this.#raw, data);
  }

  /** Runs the `close` hook after operations that wait for `open`, and removes the session. */
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

  /** The time is up. The only call of a disconnected session is its `close`. */
  #cancel(handle: number, call: number): void {
    this.#calls.get(call)?.abort();
    this.#calls.delete(call);
    if (this.#sessions.get(handle)?.left === true) this.#sessions.delete(handle);
  }

  /** Runs the module's code and answers the call, at once or when the returned promise resolves. */
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
    if (error instanceof Misfit) return this.#out.error(call, ErrorCode.INVALID_PARAMS, error.data);
    if (error instanceof Failure && error.of === callable.errors) {
      return this.#out.declaredError(call, error.index, error.data);
    }
    // The call was answered when its client disconnected or its time was up.
    if (session.left && error instanceof ClientLeft || context.abortedBy(error)) {
      return this.#out.error(call, ErrorCode.INTERNAL_ERROR, "");
    }
    const ref = this.#deps.random();
    this.#out.failed(session.handle, ref, callable.name.slice(0, MAX_WHAT_LENGTH), describeError(error));
    this.#out.error(call, ErrorCode.INTERNAL_ERROR, jsonText({ ref })!);
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

/**
 * The runtime of a cell: executes operations of the host with the module's code, and reports the results.
 *
 * Operations of a session start in the order of their arrival. A handler that awaits does not delay the next one; an
 * asynchronous `open` does. Errors of handlers stay in the cell, except for a reference to the log line.
 *
 * Way of a message: operations come in, calls go to their {@linkcode Callable}, results to the {@linkcode Outbox}.
 * Answers -32603 for what the handler throws.
 */
import { ErrorCode } from "../../rpc/errors.ts";
import type { Present } from "../author/context.ts";
import type { HandlerObject } from "../author/handlers.ts";
import type { Operation, OperationReader } from "../wire/operation_reader.ts";
import { type SessionInfo, ToCell } from "../wire/operations.ts";
import { type Callable, Misfit } from "./callable.ts";
import { CellSession, ClientLeft, NotSubscribed } from "./cell_session.ts";
import { type ContextServices, HandlerContext } from "./context.ts";
import { DeclaredFailure } from "./declared_errors.ts";
import { describeError } from "./describe_error.ts";
import { jsonText, parseJson } from "./json.ts";
import { JudgeContext } from "./judge_context.ts";
import { ModuleCalls } from "./module_calls.ts";
import { isRaw } from "./module_shape.ts";
import { ModuleTopics, type Published } from "./module_topics.ts";
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
  readonly #calls: ModuleCalls;
  readonly #sessions = new Map<number, CellSession>();
  /** Calls that wait for a promise. */
  readonly #waiting = new Map<number, JudgeContext>();
  /** How often a call was left to a promise. */
  #waits = 0;
  #queries = 0;
  readonly #services: ContextServices;
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
    this.topics = new ModuleTopics(handlers.topics, maxBytes);
    this.#services = { out, topics: this.topics, nextQuery: () => ++this.#queries, raw: isRaw(handlers) };
    this.#calls = new ModuleCalls(handlers, maxBytes);
  }

  /**
   * Starts the operations that `reader` has, and sends the answers together with those of settled promises. Returns true
   * if it stopped because processing took long: the caller calls again after the answers are sent.
   */
  receive(reader: OperationReader): boolean {
    const out = this.#out;
    const waited = this.#waits;
    let busy = false;
    this.#skip = 0;
    this.#began = this.#looked = this.#deps.now();
    out.working = true;
    for (let operation = reader.next(); operation !== null; operation = reader.next()) {
      this.#begin(operation);
      out.done();
      busy = this.#tookLong();
      if (busy) break;
    }
    out.working = false;
    if (this.#waits === waited || busy) out.flush();
    else out.flushLater();
    return busy;
  }

  /** Reading the clock takes a tenth of a small call, so it is skipped while calls are fast. */
  #tookLong(): boolean {
    if (this.#skip-- > 0) return false;
    const now = this.#deps.now();
    this.#skip = now - this.#looked < QUICK_MS ? MOST_SKIPPED : 0;
    this.#looked = now;
    return now - this.#began > REPORT_AFTER_MS;
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
        const present = extra === 0 ? undefined : parseJson(utf8Text(first)) as Present[];
        return this.#sessions.get(handle)?.present(id, present);
      }
      case ToCell.Subscribed:
        return this.#sessions.get(handle)?.subscribed(id, -extra);
      case ToCell.Allow: {
        const topic = utf8Text(first);
        if (extra === 0) return this.#inOrder(handle, (session) => this.#allow(session, id, topic));
        const session = this.#sessions.get(handle);
        return session && this.#allow(session, id, topic);
      }
      case ToCell.Publish: {
        const text = utf8Text(first);
        if (handle === 0) return this.#publish(0, id, text);
        return this.#inOrder(handle, () => this.#publish(handle, id, text));
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
    if (this.#calls.opens === undefined) return this.#out.result(call, "null");
    const opened = this.#run(session, call, this.#calls.opens, { resumed });
    session.opening = opened !== undefined;
    void opened?.then(() => {
      session.opening = false;
      for (const work of session.waiting.splice(0)) work();
    });
  }

  #call(session: CellSession, call: number, method: number, text: string): void {
    const callable = this.#calls.methods[method];
    if (callable === undefined) return this.#out.error(call, ErrorCode.METHOD_NOT_FOUND, "");
    const params = (parseJson(text) as { params?: unknown }).params ?? callable.absent;
    void this.#run(session, call, callable, params);
  }

  #allow(session: CellSession, call: number, topic: string): void {
    const judge = this.topics.judge(topic);
    if (judge === undefined) return this.#out.error(call, ErrorCode.METHOD_NOT_FOUND, "");
    void this.#run(session, call, judge.callable, judge.params, new JudgeContext(session, this.#out));
  }

  /** Answers with the notification that tells of an event which a client or a backend publishes. */
  #publish(handle: number, call: number, text: string): void {
    const { params } = parseJson(text) as { params: Published };
    try {
      this.#out.result(call, this.topics.published(params, this.#out.maxBytes));
    } catch (error) {
      if (error instanceof Misfit) return this.#out.error(call, ErrorCode.INVALID_PARAMS, error.data);
      this.#failed(handle, call, "topic.publish", error);
    }
  }

  #message(session: CellSession, call: number, data: string | Uint8Array): void {
    if (this.#calls.raw === undefined) return this.#out.error(call, ErrorCode.METHOD_NOT_FOUND, "");
    void this.#run(session, call, this.#calls.raw, data);
  }

  /** Runs the `close` hook after operations that wait for `open`, and removes the session. */
  #close(handle: number, call: number, code: number): void {
    const session = this.#sessions.get(handle);
    if (session === undefined) return this.#out.result(call, "null");
    session.leave();
    const forget = () => this.#sessions.delete(handle);
    const work = () => {
      const closed = this.#calls.closes === undefined
        ? this.#out.result(call, "null")
        : this.#run(session, call, this.#calls.closes, code);
      if (closed === undefined) forget();
      else void closed.then(forget);
    };
    if (session.opening) session.waiting.push(work);
    else work();
  }

  /** The time is up. The only call of a disconnected session is its `close`. */
  #cancel(handle: number, call: number): void {
    this.#waiting.get(call)?.abort();
    this.#waiting.delete(call);
    if (this.#sessions.get(handle)?.left === true) this.#sessions.delete(handle);
  }

  /** Runs the module's code and answers the call, at once or when the returned promise resolves. */
  #run(
    session: CellSession,
    call: number,
    callable: Callable,
    input: unknown,
    context: JudgeContext = new HandlerContext(session, this.#services, callable.errors),
  ): Promise<void> | undefined {
    this.current = session.handle;
    try {
      const made = callable.run(input, context);
      if (typeof made !== "string") {
        this.#waits++;
        this.#waiting.set(call, context);
        return made.then(
          (text) => {
            this.#waiting.delete(call);
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

  #answer(call: number, context: JudgeContext, text: string): void {
    context.settle();
    this.#out.result(call, text);
  }

  #fail(session: CellSession, call: number, context: JudgeContext, callable: Callable, error: unknown): void {
    this.#waiting.delete(call);
    context.settle();
    if (error instanceof Misfit) return this.#out.error(call, ErrorCode.INVALID_PARAMS, error.data);
    if (error instanceof DeclaredFailure && error.of === callable.errors) {
      return this.#out.declaredError(call, error.index, error.data);
    }
    // The call was answered when its client disconnected or its time was up.
    if (session.left && error instanceof ClientLeft || context.abortedBy(error)) {
      return this.#out.error(call, ErrorCode.INTERNAL_ERROR, "");
    }
    if (error instanceof NotSubscribed) return this.#out.error(call, error.code, "");
    this.#failed(session.handle, call, callable.name, error);
  }

  #failed(handle: number, call: number, what: string, error: unknown): void {
    const ref = this.#deps.random();
    this.#out.failed(handle, ref, what.slice(0, MAX_WHAT_LENGTH), describeError(error));
    this.#out.error(call, ErrorCode.INTERNAL_ERROR, jsonText({ ref })!);
  }
}

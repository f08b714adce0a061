/** The types a handler module is written against. */
import type { z } from "zod";
import type { Context, Errors, Fields, MethodContext, RawContext } from "./context.ts";
import type { AnyTopic, Events, Topic } from "./topics.ts";
import type { DeclaredTopics, EventData, EventName, Given, RolesOf, TopicName, Vocabulary } from "./vocabulary.ts";

/** One method. `params` and `result` are zod schemas; what `handle` gets has been parsed by `params`. */
export interface Method<
  P extends z.ZodType = z.ZodType,
  R extends z.ZodType = z.ZodType,
  V extends Vocabulary = Vocabulary,
  X extends Errors = Errors,
> {
  params: P;
  /** Checks what `handle` returns. A failure is the server's (-32603, logged), never the client's. */
  result?: R;
  /** What `ctx.fail` may answer in place of a result. */
  errors?: X;
  /** A caller needs one of these. Absent: any admitted session may call the method. */
  roles?: readonly RolesOf<V>[];
  /** True: any admitted session may call it, which is said explicitly; not together with `roles`. */
  public?: boolean;
  /** Tokens one call takes from the limits, from 1 (default) to 1000. */
  cost?: number;
  description?: string;
  /** Parameters that show how to call it, for the contract. */
  examples?: readonly z.input<P>[];
  handle(params: z.output<P>, ctx: MethodContext<V, X>): z.input<R> | Promise<z.input<R>>;
}

// deno-lint-ignore no-explicit-any -- stands for every schema: in a plain object the types of schema and handle can't be tied, `method` does
type AnyMethod<V extends Vocabulary> = Method<any, any, V, any>;

/** A module that answers JSON-RPC methods. */
export interface RpcHandlers<V extends Vocabulary = Vocabulary> {
  /** Topics by pattern. Once there are any, `ctx` and the kit know no others. */
  topics?: [DeclaredTopics<V>] extends [never] ? Record<string, AnyTopic<V>> : DeclaredTopics<V>;
  methods: Record<string, AnyMethod<V>>;
  raw?: undefined;
  /** Before the first message of a connection. `resumed`: the connection is older than this cell, its `state` is lost. */
  open?(ctx: Context<V>, info: { resumed: boolean }): void | Promise<void>;
  /** After the last one, with the close code. It may still publish; what it sends to the client goes nowhere. */
  close?(ctx: Context<V>, code: number): void | Promise<void>;
}

/** Takes frames as they come. */
export interface RawHandler<V extends Vocabulary = Vocabulary, S extends z.ZodType = z.ZodType> {
  /** Parses each frame; one that does not fit is dropped and counted as invalid. */
  schema?: S;
  /** False: binary frames close the connection (1003). Default true. */
  binary?: boolean;
  message(data: string | Uint8Array, ctx: RawContext<V>): void | Promise<void>;
}

/** A module without JSON-RPC. */
export interface RawHandlers<V extends Vocabulary = Vocabulary> {
  raw: RawHandler<V>;
  methods?: undefined;
  topics?: undefined;
  open?(ctx: RawContext<V>, info: { resumed: boolean }): void | Promise<void>;
  close?(ctx: RawContext<V>, code: number): void | Promise<void>;
}

/** What a module is made of. */
export type HandlerObject<V extends Vocabulary = Vocabulary> = RpcHandlers<V> | RawHandlers<V>;

/** What a module's function is given, so that it needs no import at run time. */
export interface Kit<V extends Vocabulary = Vocabulary> {
  readonly z: typeof z;
  /** Gives `handle` the types of `params`, `result` and `errors`; returns its argument. */
  method<P extends z.ZodType, R extends z.ZodType = z.ZodType, X extends Errors = Record<never, never>>(
    method: Method<P, R, V, X>,
  ): Method<P, R, V, NoInfer<X>>;
  /** Gives `allow` the types of `params`; returns its argument. */
  topic<P extends z.ZodType, E extends Events>(topic: Topic<P, E, V>): Topic<P, E, V>;
  /**
   * As `ctx.publish`, outside of calls too: in timers, and where a backend tells of something. Not before the module is loaded.
   * Throws what `ctx.publish` throws, but for data that does not fit its event: that is logged as `handler.failed` and not sent.
   */
  publish<T extends TopicName<V>, E extends EventName<V, T>>(
    topic: T,
    event: E,
    ...data: Given<EventData<V, T, E>>
  ): void;
  /** Writes a line to the server's log, without connection and user. */
  log(message: string, fields?: Fields): void;
  /** Makes text safe to put into HTML, as text or as a quoted attribute. */
  escape(text: string): string;
}

/** The default export of a handler module: the object, or a function that makes it from the kit. */
export type Handlers<V extends Vocabulary = Vocabulary> = HandlerObject<V> | ((kit: Kit<V>) => HandlerObject<V>);

/** Checks a module where `satisfies` can't be written; returns its argument. */
export function defineHandlers<V extends Vocabulary = Vocabulary>(handlers: Handlers<V>): Handlers<V> {
  return handlers;
}

/** The types of handler modules. */
import type { z } from "zod";
import type { Context, Errors, Fields, MethodContext, RawContext } from "./context.ts";
import type { AnyTopic, Events, Topic } from "./topics.ts";
import type {
  DataArgument,
  DeclaredTopics,
  EventData,
  EventName,
  RolesOf,
  TopicName,
  Vocabulary,
} from "./vocabulary.ts";

/** A method. `params` and `result` are zod schemas; `handle` gets parameters parsed by `params`. */
export interface Method<
  P extends z.ZodType = z.ZodType,
  R extends z.ZodType = z.ZodType,
  V extends Vocabulary = Vocabulary,
  X extends Errors = Errors,
> {
  /** Parses the parameters. A failure is answered -32602 with `data.issues`. */
  params: P;
  /** Parses the value that `handle` returns. A failure is a server error (-32603, logged). Absent: any JSON value. */
  result?: R;
  /** Declared errors, which `ctx.fail` creates. */
  errors?: X;
  /** Roles, one of which the caller needs. Absent: any admitted session may call the method. */
  roles?: readonly RolesOf<V>[];
  /** True states explicitly that any admitted session may call the method. Not together with `roles`. */
  public?: boolean;
  /** Tokens that a call takes from the limits, 1 (default) to 1000. */
  cost?: number;
  /** Description for the contract. */
  description?: string;
  /** Example parameters for the contract. */
  examples?: readonly z.input<P>[];
  /** Handles a call. A declared error is answered with its code, any other exception with -32603 and a `ref` to the log. */
  handle(params: z.output<P>, ctx: MethodContext<V, X>): z.input<R> | Promise<z.input<R>>;
}

/** A method with any schemas, for tables of methods. */
// deno-lint-ignore no-explicit-any -- stands for every schema: in a plain object the types of schema and handle can't be tied, `method` does
export type AnyMethod<V extends Vocabulary> = Method<any, any, V, any>;

/** A module with JSON-RPC methods. */
export interface RpcHandlers<V extends Vocabulary = Vocabulary> {
  /** Topics by pattern. If any is declared, `ctx` and the kit accept no others. */
  topics?: [DeclaredTopics<V>] extends [never] ? Record<string, AnyTopic<V>> : DeclaredTopics<V>;
  /** Methods by name. */
  methods: Record<string, AnyMethod<V>>;
  /** Not in a module with methods. */
  raw?: undefined;
  /**
   * Called before the first message of a connection. `resumed`: the connection is older than this cell, and its `state`
   * is lost.
   */
  open?(ctx: Context<V>, info: { resumed: boolean }): void | Promise<void>;
  /** Called after the last message, with the close code. It may publish; the client receives nothing. */
  close?(ctx: Context<V>, code: number): void | Promise<void>;
}

/** A handler of raw frames. */
export interface RawHandler<V extends Vocabulary = Vocabulary, S extends z.ZodType = z.ZodType> {
  /** Parses each frame. An invalid frame is dropped and counted. Absent: no check. */
  schema?: S;
  /** False: binary frames close the connection (1003). Default true. */
  binary?: boolean;
  /** Handles a frame: a string, or bytes. An exception closes the connection with 1011. */
  message(data: string | Uint8Array, ctx: RawContext<V>): void | Promise<void>;
}

/** A module without JSON-RPC. */
export interface RawHandlers<V extends Vocabulary = Vocabulary> {
  /** The handler of frames. */
  raw: RawHandler<V>;
  /** Not in a raw module. */
  methods?: undefined;
  /** Not in a raw module. */
  topics?: undefined;
  /** Called before the first frame, see `RpcHandlers`. */
  open?(ctx: RawContext<V>, info: { resumed: boolean }): void | Promise<void>;
  /** Called after the last frame, see `RpcHandlers`. */
  close?(ctx: RawContext<V>, code: number): void | Promise<void>;
}

/** The declaration of a module. */
export type HandlerObject<V extends Vocabulary = Vocabulary> = RpcHandlers<V> | RawHandlers<V>;

/** The argument of a module's function, so that the module needs no import at run time. */
export interface Kit<V extends Vocabulary = Vocabulary> {
  /** The schema library zod. */
  readonly z: typeof z;
  /** Returns its argument; infers the types of `handle` from `params`, `result` and `errors`. */
  method<P extends z.ZodType, R extends z.ZodType = z.ZodType, X extends Errors = Record<never, never>>(
    method: Method<P, R, V, X>,
  ): Method<P, R, V, NoInfer<X>>;
  /** Returns its argument; infers the types of `allow` from `params`. */
  topic<P extends z.ZodType, E extends Events>(topic: Topic<P, E, V>): Topic<P, E, V>;
  /**
   * Like `ctx.publish`, for use outside of calls, such as timers. Available once the module is loaded. Data that does
   * not fit its event is logged as `handler.failed` and not sent.
   *
   * @throws {TypeError} if the topic or event is not declared
   * @throws {RangeError} if the module exceeds its allowance
   */
  publish<T extends TopicName<V>, E extends EventName<V, T>>(
    topic: T,
    event: E,
    ...data: DataArgument<EventData<V, T, E>>
  ): void;
  /** Writes a line to the server's log, without connection and user. */
  log(message: string, fields?: Fields): void;
  /** Escapes text for HTML, as text or as a quoted attribute. */
  escape(text: string): string;
}

/** The default export of a handler module: the declaration, or a function that creates it from the kit. */
export type Handlers<V extends Vocabulary = Vocabulary> = HandlerObject<V> | ((kit: Kit<V>) => HandlerObject<V>);

/** Checks the types of a module in JavaScript or where `satisfies` can't be used. Returns its argument. */
export function defineHandlers<V extends Vocabulary = Vocabulary>(handlers: Handlers<V>): Handlers<V> {
  return handlers;
}

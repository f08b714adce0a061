/** The types a handler module is written against. */
import type { z } from "zod";

/**
 * The words of one application, to have `deno check` know them. All are optional:
 * `Handlers<{ roles: "user" | "admin"; topics: `room:${string}`; events: { "chat.message": { text: string } } }>`.
 */
export interface Vocabulary {
  /** Every role there is. */
  roles?: string;
  /** Every topic there is, usually a template literal type. */
  topics?: string;
  /** Notifications by method, with their parameters. */
  events?: object;
  /** Shape of `ctx.state`. */
  state?: object;
}

type RolesOf<V extends Vocabulary> = V["roles"] extends string ? V["roles"] : string;
type TopicsOf<V extends Vocabulary> = V["topics"] extends string ? V["topics"] : string;
type StateOf<V extends Vocabulary> = V["state"] extends object ? V["state"] : Record<string, unknown>;
type EventOf<V extends Vocabulary> = V["events"] extends object ? keyof V["events"] & string : string;
type ParamsOf<V extends Vocabulary, E extends string> = V["events"] extends object
  ? E extends keyof V["events"] ? V["events"][E] : never
  : unknown;

/** Parameters of a notification, to be left out where they may be undefined. */
type Given<P> = undefined extends P ? [params?: P] : [params: P];

/** The connected user. Only `id` (the token's `sub`) identifies; `claims` are all claims of the token. */
export interface User<V extends Vocabulary = Vocabulary> {
  readonly id: string;
  readonly roles: readonly RolesOf<V>[];
  readonly claims: Readonly<Record<string, unknown>>;
}

/** The connection a message came on. */
export interface Connection {
  readonly id: string;
  readonly ip: string;
  readonly subprotocol: string;
}

/** A user and how many of its connections listen to a topic. */
export interface Present {
  readonly user: string;
  readonly connections: number;
}

/** Further fields of a log line; anything JSON can carry. */
export type Fields = Record<string, unknown>;

/** What a handler is given with each message. Methods that send throw a `RangeError` when a handler sends without end. */
export interface Context<V extends Vocabulary = Vocabulary> {
  readonly user: User<V>;
  readonly connection: Connection;
  /** Lives as long as the connection, in this cell; empty again after the cell was replaced (`open` is told). */
  readonly state: Partial<StateOf<V>>;
  /** Aborted when the client leaves or the call's time is up. */
  readonly signal: AbortSignal;
  /** Sends a notification to this client. */
  notify<E extends EventOf<V>>(method: E, ...params: Given<ParamsOf<V, E>>): void;
  /** Sends a notification to every connection subscribed to `topic`, this one included if it is. */
  publish<E extends EventOf<V>>(topic: TopicsOf<V>, method: E, ...params: Given<ParamsOf<V, E>>): void;
  subscribe(topic: TopicsOf<V>): void;
  unsubscribe(topic: TopicsOf<V>): void;
  /** The subscribers of `topic`. */
  presence(topic: TopicsOf<V>): Promise<Present[]>;
  /** Closes the connection with 1000 and this reason (at most 123 bytes of UTF-8). */
  close(reason: string): void;
  /** Writes a line to the server's log, with connection and user. */
  log(message: string, fields?: Fields): void;
}

/** `Context` of a raw module. */
export interface RawContext<V extends Vocabulary = Vocabulary> extends Context<V> {
  /** Sends one frame to this client: text for a string, binary for bytes. */
  send(data: string | Uint8Array): void;
}

/** One method. `params` and `result` are zod schemas; what `handle` gets has been parsed by `params`. */
export interface Method<
  P extends z.ZodType = z.ZodType,
  R extends z.ZodType = z.ZodType,
  V extends Vocabulary = Vocabulary,
> {
  params: P;
  /** Checks what `handle` returns. A failure is the server's (-32603, logged), never the client's. */
  result?: R;
  /** A caller needs one of these. Absent: any admitted session may call the method. */
  roles?: readonly RolesOf<V>[];
  /** True: any admitted session may call it, which is said explicitly; not together with `roles`. */
  public?: boolean;
  /** Tokens one call takes from the limits, from 1 (default) to 1000. */
  cost?: number;
  description?: string;
  /** Parameters that show how to call it, for the contract. */
  examples?: readonly z.input<P>[];
  handle(params: z.output<P>, ctx: Context<V>): z.input<R> | Promise<z.input<R>>;
}

// deno-lint-ignore no-explicit-any -- stands for every schema: in a plain object the types of schema and handle can't be tied, `method` does
type AnyMethod<V extends Vocabulary> = Method<any, any, V>;

/** A module that answers JSON-RPC methods. */
export interface RpcHandlers<V extends Vocabulary = Vocabulary> {
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
  open?(ctx: RawContext<V>, info: { resumed: boolean }): void | Promise<void>;
  close?(ctx: RawContext<V>, code: number): void | Promise<void>;
}

/** What a module is made of. */
export type HandlerObject<V extends Vocabulary = Vocabulary> = RpcHandlers<V> | RawHandlers<V>;

/** What a module's function is given, so that it needs no import at run time. */
export interface Kit<V extends Vocabulary = Vocabulary> {
  readonly z: typeof z;
  /** Gives `handle` the types of `params` and `result`; returns its argument. */
  method<P extends z.ZodType, R extends z.ZodType = z.ZodType>(method: Method<P, R, V>): Method<P, R, V>;
  /** Makes text safe to put into HTML, as text or as a quoted attribute. */
  escape(text: string): string;
}

/** The default export of a handler module: the object, or a function that makes it from the kit. */
export type Handlers<V extends Vocabulary = Vocabulary> = HandlerObject<V> | ((kit: Kit<V>) => HandlerObject<V>);

/** Checks a module where `satisfies` can't be written; returns its argument. */
export function defineHandlers<V extends Vocabulary = Vocabulary>(handlers: Handlers<V>): Handlers<V> {
  return handlers;
}

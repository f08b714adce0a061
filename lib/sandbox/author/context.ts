/** The types of the handler context `ctx`. */
import type { z } from "zod";
import type {
  ClaimsOf,
  DataArgument,
  EventData,
  EventName,
  NotificationOf,
  ParamsOf,
  RolesOf,
  StateOf,
  TopicName,
  Vocabulary,
} from "./vocabulary.ts";

/** The connected user. */
export interface User<V extends Vocabulary = Vocabulary> {
  /** The user id: the token's `sub` (RFC 7519 section 4.1.2). */
  readonly id: string;
  /** The roles of the token's `auth.roles_claim`. */
  readonly roles: readonly RolesOf<V>[];
  /** All claims of the token. */
  readonly claims: Readonly<ClaimsOf<V>>;
}

/** The connection of a message. */
export interface Connection {
  /** A random id, as `conn` in the log. */
  readonly id: string;
  /** The client's address; behind a trusted proxy, the forwarded one. */
  readonly ip: string;
  /** The subprotocol of the module. */
  readonly subprotocol: string;
}

/** A user, and the number of the user's connections that subscribe to a topic. */
export interface Present {
  /** The user id. */
  readonly user: string;
  /** The number of the user's subscribed connections. */
  readonly connections: number;
  /** The other nodes of the cluster can't be reached: these are the connections to this node. */
  readonly partial?: true;
}

/** Additional fields of a log line; values must be serialisable as JSON. */
export type Fields = Record<string, unknown>;

/**
 * The context of a handler for one message. Methods that send throw a `RangeError` when a handler exceeds its
 * allowance.
 */
export interface Context<V extends Vocabulary = Vocabulary> {
  /** The connected user. */
  readonly user: User<V>;
  /** The connection of the message. */
  readonly connection: Connection;
  /**
   * State of the connection in this cell. It is empty again after a replacement of the cell (`open` is called with
   * `resumed`).
   */
  readonly state: Partial<StateOf<V>>;
  /** Aborted when the client disconnects or the call's time is up. */
  readonly signal: AbortSignal;
  /** Sends a notification to this client. Methods that begin with `rpc.`, `session.` and `topic.` are the server's own. */
  notify<N extends NotificationOf<V>>(method: N, ...params: DataArgument<ParamsOf<V, N>>): void;
  /**
   * Sends an event to every connection that subscribes to `topic`, this one included: as notification `topic.event`
   * with `topic`, `event` and `data`. In a module without declared topics it sends the notification `event` with `data`
   * as parameters.
   *
   * @throws {TypeError} if the topic or event is not declared
   * @throws {RangeError} if the module exceeds its allowance
   */
  publish<T extends TopicName<V>, E extends EventName<V, T>>(
    topic: T,
    event: E,
    ...data: DataArgument<EventData<V, T, E>>
  ): void;
  /**
   * Subscribes this connection to `topic`. Resolves once it is subscribed. A topic without `params` and `allow` is
   * subscribed at once; others not before the promise has resolved.
   *
   * Rejects if `roles` or `allow` deny it, if a bound on subscriptions is reached, and if the client disconnects. A
   * handler that does not catch the error answers the call with -32003 or -32004.
   *
   * @throws {TypeError} if the topic is not declared
   */
  subscribe(topic: TopicName<V>): Promise<void>;
  /** Ends the subscription of this connection to `topic`. If the client subscribed itself, it receives `topic.ended`. */
  unsubscribe(topic: TopicName<V>): void;
  /** The users that subscribe to `topic`. */
  presence(topic: TopicName<V>): Promise<Present[]>;
  /** Closes the connection with 1000 and this reason (at most 123 bytes of UTF-8, RFC 6455 section 5.5.1). */
  close(reason: string): void;
  /** Writes a line to the server's log, with connection and user. */
  log(message: string, fields?: Fields): void;
}

/** The context of a raw module. */
export interface RawContext<V extends Vocabulary = Vocabulary> extends Context<V> {
  /** Sends one frame to this client: text for a string, binary for bytes. */
  send(data: string | Uint8Array): void;
}

/** The context of a topic's `allow`, which decides and has no effects. */
export type AllowContext<V extends Vocabulary = Vocabulary> = Pick<
  Context<V>,
  "user" | "connection" | "state" | "signal" | "log"
>;

/** A declared error. `throw ctx.fail(name, data)` answers the call with it. */
export interface DeclaredError<D extends z.ZodType = z.ZodType> {
  /**
   * A 32-bit integer outside -32768 to -32000, the range that JSON-RPC 2.0 section 5.1 reserves. Unique in its method.
   */
  code: number;
  /** The message of the JSON-RPC error. */
  message: string;
  /** Schema of the error's `data`. Absent: the error has no data. */
  data?: D;
}

/** Declared errors of a method by name. */
export type Errors = Record<string, DeclaredError>;

/** Argument of `fail`: data as the schema accepts it, or none. */
export type ErrorData<E> = E extends { data: infer D extends z.ZodType } ? DataArgument<z.input<D>> : [];

/** The context of a method. */
export interface MethodContext<V extends Vocabulary = Vocabulary, X extends Errors = Errors> extends Context<V> {
  /**
   * Creates the declared error of that name, to be thrown. Its data is parsed by its schema before it is sent.
   *
   * @throws {TypeError} if the method declares no such error
   */
  fail<N extends keyof X & string>(name: N, ...data: ErrorData<X[N]>): Error;
}

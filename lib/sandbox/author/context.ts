/** The types of `ctx`. */
import type { z } from "zod";
import type {
  ClaimsOf,
  EventData,
  EventName,
  Given,
  NotificationOf,
  ParamsOf,
  RolesOf,
  StateOf,
  TopicName,
  Vocabulary,
} from "./vocabulary.ts";

/** The connected user. Only `id` (the token's `sub`) identifies; `claims` are all claims of the token. */
export interface User<V extends Vocabulary = Vocabulary> {
  readonly id: string;
  readonly roles: readonly RolesOf<V>[];
  readonly claims: Readonly<ClaimsOf<V>>;
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
  notify<N extends NotificationOf<V>>(method: N, ...params: Given<ParamsOf<V, N>>): void;
  /**
   * Sends an event to every connection subscribed to `topic`, this one included if it is: as notification `topic.event` with
   * `topic`, `event` and `data`. In a module that declares no topics, as the notification `event` with `data` as parameters.
   */
  publish<T extends TopicName<V>, E extends EventName<V, T>>(
    topic: T,
    event: E,
    ...data: Given<EventData<V, T, E>>
  ): void;
  subscribe(topic: TopicName<V>): void;
  unsubscribe(topic: TopicName<V>): void;
  /** The subscribers of `topic`. */
  presence(topic: TopicName<V>): Promise<Present[]>;
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

/** What a topic's `allow` is given: it decides, and does nothing. */
export type AllowContext<V extends Vocabulary = Vocabulary> = Pick<
  Context<V>,
  "user" | "connection" | "state" | "signal" | "log"
>;

/** A declared error: `throw ctx.fail(name, data)` answers the call with it. */
export interface DeclaredError<D extends z.ZodType = z.ZodType> {
  /** A 32-bit integer outside -32768 to -32000, which JSON-RPC 2.0 section 5.1 reserves. Unique in its method. */
  code: number;
  message: string;
  /** Schema of the error's `data`. Absent: the error has none. */
  data?: D;
}

/** Declared errors of a method by name. */
export type Errors = Record<string, DeclaredError>;

/** Data of a declared error, as its schema takes it; no argument where it has none. */
type ErrorData<E> = E extends { data: infer D extends z.ZodType } ? Given<z.input<D>> : [];

/** `Context` of a method. */
export interface MethodContext<V extends Vocabulary = Vocabulary, X extends Errors = Errors> extends Context<V> {
  /** Makes the declared error of that name, to be thrown. Its data is parsed by its schema before it leaves. */
  fail<N extends keyof X & string>(name: N, ...data: ErrorData<X[N]>): Error;
}

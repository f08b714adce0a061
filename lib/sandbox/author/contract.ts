/**
 * The contract of a handler module as the front stores it: names, schemas and roles.
 *
 * A cell reports it once, after its module has loaded, as one JSON document. `checkContract` turns that document into a
 * {@linkcode Contract} or a list of errors.
 */

/** A JSON Schema (draft 7, as OpenRPC and AsyncAPI take it) made by `z.toJSONSchema`. */
export type JsonSchema = { readonly [keyword: string]: unknown };

/** An error that a method declares. */
export interface ErrorContract {
  /** Name in the module. The client sees only code, message and data. */
  readonly name: string;
  /** A 32-bit integer outside -32768 to -32000. Unique in its method. */
  readonly code: number;
  readonly message: string;
  /** Schema of the error's `data` as a client receives it. Absent: the error has none. */
  readonly data?: JsonSchema;
}

/** One method of a module. */
export interface MethodContract {
  readonly name: string;
  /** Roles, one of which the caller needs. Absent: see `public`. */
  readonly roles?: readonly string[];
  /** True: any admitted session may call it, whatever its roles. */
  readonly public?: boolean;
  /** Tokens that a call takes from the limits; 1 by default. */
  readonly cost: number;
  /** Schema of the parameters as a client sends them. */
  readonly params: JsonSchema;
  /** Schema of the result as a client receives it. */
  readonly result?: JsonSchema;
  /** In the order of the declaration; a cell refers to them by index. Absent: none. */
  readonly errors?: readonly ErrorContract[];
  readonly description?: string;
  /** Example parameters. */
  readonly examples?: readonly unknown[];
}

/** True when a caller with `roles` may call the method. */
export function mayCall(method: MethodContract, roles: readonly string[]): boolean {
  return method.public === true || hasOne(method.roles, roles);
}

/** One event of a topic. */
export interface EventContract {
  readonly name: string;
  /** Schema of `data` as a client receives it, in the notification `topic.event { topic, event, data }`. */
  readonly data: JsonSchema;
  /** Schema of `data` as `topic.publish` and `POST /publish` accept it. Absent: the same as `data`. */
  readonly input?: JsonSchema;
}

/** The topics of one pattern. */
export interface TopicContract {
  /** Such as `room:{room}`; `TopicPattern` matches names. */
  readonly pattern: string;
  /** Schema of an object with a string for each `{…}` of the pattern. Absent: the pattern is a name. */
  readonly params?: JsonSchema;
  /** Roles, one of which a subscriber needs. Absent: any admitted session may subscribe. */
  readonly roles?: readonly string[];
  /** Whether the module decides about each connection, in addition to `roles`. */
  readonly allow: boolean;
  /** Milliseconds after which the module decides again. Absent: only when the token is replaced. */
  readonly recheckMs?: number;
  /** Roles, one of which a publishing client needs. Absent: no client may publish. */
  readonly publish?: readonly string[];
  /** Roles, one of which a client needs to read the users. Absent: no client may. */
  readonly presence?: readonly string[];
  /** Events by name. */
  readonly events: ReadonlyMap<string, EventContract>;
  readonly description?: string;
}

/** True when a subscriber with `roles` may ask for the topic; the module's `allow` may still deny it. */
export function mayFollow(topic: TopicContract, roles: readonly string[]): boolean {
  return hasOne(topic.roles, roles);
}

/** Whether the module has a say beyond the roles: by `allow`, or by a schema of the placeholders. */
export function isJudged({ allow, params }: TopicContract): boolean {
  return allow || params !== undefined;
}

function hasOne(needed: readonly string[] | undefined, roles: readonly string[]): boolean {
  return needed === undefined || needed.some((role) => roles.includes(role));
}

/** The contract of a module. A `raw` module has neither methods nor topics. */
export interface Contract {
  readonly kind: "rpc" | "raw";
  /** Whether binary frames are accepted; false for `rpc`. */
  readonly binary: boolean;
  readonly methods: ReadonlyMap<string, MethodContract>;
  /**
   * Topics by pattern, in the order of the declaration; a cell refers to them by index. Empty: the module's topics have
   * free names.
   */
  readonly topics: ReadonlyMap<string, TopicContract>;
}

/**
 * What a handler module offers, as the front keeps it: names, shapes and who may call.
 *
 * A cell reports it once, after its module has loaded, as one JSON document; `checkContract` reads that document and gives a
 * {@linkcode Contract}, or what is wrong.
 */

/** A JSON Schema (draft 7, as OpenRPC and AsyncAPI take it) made by `z.toJSONSchema`. */
export type JsonSchema = { readonly [keyword: string]: unknown };

/** An error that a method declares. */
export interface ErrorContract {
  /** How the module calls it; the client sees only code, message and data. */
  readonly name: string;
  /** A 32-bit integer outside -32768 to -32000. Unique in its method. */
  readonly code: number;
  readonly message: string;
  /** Of the error's `data`, as a client receives it. Absent: the error has none. */
  readonly data?: JsonSchema;
}

/** One method of a module. */
export interface MethodContract {
  readonly name: string;
  /** A caller needs one of these. Absent: see `public`. */
  readonly roles?: readonly string[];
  /** True: any admitted session may call it, whatever its roles. */
  readonly public?: boolean;
  /** Tokens one call takes from the limits; 1 unless the module says more. */
  readonly cost: number;
  /** As a client sends them. */
  readonly params: JsonSchema;
  /** As a client receives it. */
  readonly result?: JsonSchema;
  /** In the order of the declaration, which is how a cell names them. Absent: none. */
  readonly errors?: readonly ErrorContract[];
  readonly description?: string;
  /** Parameters that show how the method is called. */
  readonly examples?: readonly unknown[];
}

/** True when a caller with `roles` may call the method. */
export function mayCall(method: MethodContract, roles: readonly string[]): boolean {
  return method.public === true || hasOne(method.roles, roles);
}

/** One event of a topic. */
export interface EventContract {
  readonly name: string;
  /** Of `data` as a client receives it, in the notification `topic.event { topic, event, data }`. */
  readonly data: JsonSchema;
  /** Of `data` as `topic.publish` and `POST /publish` take it. Absent: the same as `data`. */
  readonly input?: JsonSchema;
}

/** The topics under one pattern. */
export interface TopicContract {
  /** Such as `room:{room}`; see `TopicPattern`, which matches names. */
  readonly pattern: string;
  /** Of an object with one text for each `{…}` of the pattern. Absent: the pattern is a name. */
  readonly params?: JsonSchema;
  /** A subscriber needs one of these. Absent: any admitted session may ask. */
  readonly roles?: readonly string[];
  /** The module decides of each connection, beside `roles`. */
  readonly allow: boolean;
  /** Milliseconds after which the module is asked again. Absent: only when the token is replaced. */
  readonly recheckMs?: number;
  /** A client that publishes needs one of these. Absent: no client may. */
  readonly publish?: readonly string[];
  /** A client that asks who is there needs one of these. Absent: no client may. */
  readonly presence?: readonly string[];
  /** By name. */
  readonly events: ReadonlyMap<string, EventContract>;
  readonly description?: string;
}

/** True when a subscriber with `roles` may ask for the topic; the module's `allow` may still deny it. */
export function mayFollow(topic: TopicContract, roles: readonly string[]): boolean {
  return hasOne(topic.roles, roles);
}

function hasOne(needed: readonly string[] | undefined, roles: readonly string[]): boolean {
  return needed === undefined || needed.some((role) => roles.includes(role));
}

/** What one module offers. A `raw` module has neither methods nor topics. */
export interface Contract {
  readonly kind: "rpc" | "raw";
  /** True when binary frames are taken; never for `rpc`. */
  readonly binary: boolean;
  readonly methods: ReadonlyMap<string, MethodContract>;
  /** By pattern, in the order of the declaration, which is how a cell names them. Empty: the module's topics have free names. */
  readonly topics: ReadonlyMap<string, TopicContract>;
}

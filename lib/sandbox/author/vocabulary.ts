/** Type parameters of an application: roles, topics, events, claims and state. */
import type { z } from "zod";

/**
 * The type parameters of an application, for checks at compile time. All are optional.
 *
 * ```ts
 * type Roles = "user" | "admin";
 *
 * const topics = ({ z, topic }: Kit<{ roles: Roles }>) => ({
 *   "lot:{lot}": topic({
 *     params: z.object({ lot: z.string() }),
 *     roles: ["user"],
 *     events: { bid: z.object({ cents: z.int() }) },
 *   }),
 * });
 *
 * export default ((kit) => ({
 *   topics: topics(kit),
 *   methods: {
 *     "lot.open": kit.method({
 *       params: kit.z.object({ lot: kit.z.string() }),
 *       handle({ lot }, ctx) {
 *         ctx.publish(`lot:${lot}`, "bid", { cents: 5 });
 *         return {};
 *       },
 *     }),
 *   },
 * })) satisfies Handlers<{ roles: Roles; topics: typeof topics }>;
 * ```
 */
export interface Vocabulary {
  /** All roles. */
  roles?: string;
  /**
   * The type of the topics' declaration, or of the function that creates it from the kit. For a module without declared
   * topics: all topic names, usually a template literal type.
   */
  topics?: string | object;
  /** Notifications by method, with their parameters. */
  events?: object;
  /** Claims of the token. */
  claims?: object;
  /** Shape of `ctx.state`. */
  state?: object;
}

/** Names of roles. */
export type RolesOf<V extends Vocabulary> = V["roles"] extends string ? V["roles"] : string;

/** The token's claims. */
export type ClaimsOf<V extends Vocabulary> = V["claims"] extends object ? V["claims"] : Record<string, unknown>;

/** The connection's state. */
export type StateOf<V extends Vocabulary> = V["state"] extends object ? V["state"] : Record<string, unknown>;

/** Names of notifications. */
export type NotificationOf<V extends Vocabulary> = V["events"] extends object ? keyof V["events"] & string : string;

/** Parameters of a notification. */
export type ParamsOf<V extends Vocabulary, N> = V["events"] extends object
  ? N extends keyof V["events"] ? V["events"][N] : never
  : unknown;

/** The last argument of a call that takes data: optional if the data may be undefined. */
export type DataArgument<D> = undefined extends D ? [data?: D] : [data: D];

/** The names that a pattern matches: `room:{room}` gives `` `room:${string}` ``. */
export type NameOf<Pattern> = Pattern extends `${infer Before}{${string}}${infer After}`
  ? `${Before}${string}${NameOf<After>}`
  : Pattern;

/** The declared topics by pattern; never if the vocabulary has none, or only names. */
export type DeclaredTopics<V extends Vocabulary> = V["topics"] extends (kit: never) => infer T ? T
  : V["topics"] extends object ? V["topics"]
  : never;

/** Schemas of the events of the topic called `Name`. */
export type EventsOf<T, Name> = {
  [Pattern in keyof T]: Name extends NameOf<Pattern> ? T[Pattern] extends { events: infer E } ? E : never : never;
}[keyof T];

/** Names of topics. */
export type TopicName<V extends Vocabulary> = [DeclaredTopics<V>] extends [never]
  ? V["topics"] extends string ? V["topics"] : string
  : NameOf<keyof DeclaredTopics<V> & string>;

/** Names of one topic's events; without declared topics, of notifications. */
export type EventName<V extends Vocabulary, Name> = [DeclaredTopics<V>] extends [never] ? NotificationOf<V>
  : keyof EventsOf<DeclaredTopics<V>, Name> & string;

/** Data of an event, as its schema accepts it; without declared topics, parameters of a notification. */
export type EventData<V extends Vocabulary, Name, Event> = [DeclaredTopics<V>] extends [never] ? ParamsOf<V, Event>
  : Event extends keyof EventsOf<DeclaredTopics<V>, Name>
    ? EventsOf<DeclaredTopics<V>, Name>[Event] extends infer S extends z.ZodType ? z.input<S> : never
  : never;

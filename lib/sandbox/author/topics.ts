/** The types of a topic's declaration. */
import type { z } from "zod";
import type { AllowContext } from "./context.ts";
import type { RolesOf, Vocabulary } from "./vocabulary.ts";

/** Events of a topic by name: a zod schema of each one's data. */
export type Events = Record<string, z.ZodType>;

/**
 * A topic of a module, declared by its pattern: `"room:{room}"`. A `{…}` matches the text of one segment; segments end
 * at `:` and `/`.
 *
 * Other modules can't use it. A client subscribes with `topic.subscribe`, a handler subscribes its client with
 * `ctx.subscribe`; both need `roles` and `allow`.
 */
export interface Topic<P extends z.ZodType = z.ZodType, E extends Events = Events, V extends Vocabulary = Vocabulary> {
  /** Schema of the `{…}` parts: an object with a string for each. Required if the pattern has any. */
  params?: P;
  /** Roles, one of which a subscriber needs. Absent: any admitted session may subscribe if `allow` permits. */
  roles?: readonly RolesOf<V>[];
  /**
   * Whether this connection may subscribe. Only `true` permits; another value, an error or a missed deadline denies.
   * Called again after `recheck`, and when the connection's token is replaced. Absent: `roles` alone decide.
   */
  allow?(params: z.output<P>, ctx: AllowContext<V>): boolean | Promise<boolean>;
  /**
   * Interval of further calls of `allow`: "30s", "5m", "1h"; from 1 s to 1 d. Absent: only when the token is replaced.
   */
  recheck?: string;
  /** Roles of clients that may publish by `topic.publish`, if they may subscribe. Absent: no client may. */
  publish?: readonly RolesOf<V>[];
  /** Roles of clients that may read the users by `topic.presence`, if they may subscribe. Absent: no client may. */
  presence?: readonly RolesOf<V>[];
  /**
   * Schemas of the data by event. Data is parsed before it is sent, so unknown keys are removed. Schemas must be
   * synchronous.
   */
  events: E;
  /** Description for the contract. */
  description?: string;
}

/** A topic with any schema of its parameters, for tables of topics. */
// deno-lint-ignore no-explicit-any -- stands for every schema of params
export type AnyTopic<V extends Vocabulary = Vocabulary> = Topic<any, Events, V>;

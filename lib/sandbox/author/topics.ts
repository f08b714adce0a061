/** The types of a topic's declaration. */
import type { z } from "zod";
import type { AllowContext } from "./context.ts";
import type { RolesOf, Vocabulary } from "./vocabulary.ts";

/** Events of a topic by name: a zod schema of each one's data. */
export type Events = Record<string, z.ZodType>;

/**
 * A topic of a module, under its pattern: `"room:{room}"`. A `{…}` stands for the text of one segment; segments end at `:` and `/`.
 *
 * No other module sees it. A client subscribes with `topic.subscribe`, a handler subscribes its client with `ctx.subscribe`; both
 * need `roles` and `allow`.
 */
export interface Topic<P extends z.ZodType = z.ZodType, E extends Events = Events, V extends Vocabulary = Vocabulary> {
  /** What the `{…}` parts may be: an object with one text for each. Needed when the pattern has any. */
  params?: P;
  /** A subscriber needs one of these. Absent: any admitted session may ask, and `allow` decides. */
  roles?: readonly RolesOf<V>[];
  /**
   * Whether this connection may follow the topic. Anything but `true`, an error and a missed deadline are a no. It is asked
   * again after `recheck`, and when the connection's token is replaced. Absent: `roles` decide alone.
   */
  allow?(params: z.output<P>, ctx: AllowContext<V>): boolean | Promise<boolean>;
  /** After how long `allow` is asked again: "30s", "5m", "1h"; from 1 s to 1 d. Absent: only when the token is replaced. */
  recheck?: string;
  /** Roles of clients that may publish by `topic.publish`, where they may subscribe. Absent: no client may. */
  publish?: readonly RolesOf<V>[];
  /** Roles of clients that may ask by `topic.presence` who is there, where they may subscribe. Absent: no client may. */
  presence?: readonly RolesOf<V>[];
  /** Each event's data is parsed before it is sent: what its schema does not name never leaves. Schemas are synchronous. */
  events: E;
  description?: string;
}

// deno-lint-ignore no-explicit-any -- stands for every schema of params
export type AnyTopic<V extends Vocabulary = Vocabulary> = Topic<any, Events, V>;

/** The declared topics of a module, and the events on them. */
import type { z } from "zod";
import type { AllowContext } from "../author/context.ts";
import { TopicTable } from "../author/topic_table.ts";
import type { AnyTopic } from "../author/topics.ts";
import { Callable, Misfit } from "./callable.ts";
import { visibleIssues } from "./issues.ts";
import { jsonText } from "./json.ts";
import { notificationText } from "./notification.ts";
import { checkLength } from "./utf8.ts";

interface Rule {
  readonly pattern: string;
  readonly events: ReadonlyMap<string, z.ZodType>;
  /** Takes what the placeholders stand for; its result is `true` or `false`. */
  readonly judge: Callable;
}

/** An event that a client or a backend publishes; not checked. */
export interface Published {
  readonly topic: string;
  readonly event: unknown;
  readonly data?: unknown;
}

/** The data of an event does not match its schema. */
export class EventMisfit extends Error {
  override readonly name = "EventMisfit";
  constructor(topic: string, event: string, override readonly cause: z.ZodError) {
    super(`The data of ${JSON.stringify(event)} on ${JSON.stringify(topic)} does not fit: ${String(cause)}`, { cause });
  }
}

export class ModuleTopics {
  readonly #rules: TopicTable<Rule>;

  /** @throws {TypeError} if a pattern is invalid */
  constructor(declared: Record<string, AnyTopic> = {}, maxBytes: () => number) {
    this.#rules = new TopicTable(
      Object.entries(declared).map(([pattern, topic]) => [pattern, ruleOf(pattern, topic, maxBytes)]),
    );
  }

  /** JSON text of the notification of an event. */
  eventText(topic: string, event: unknown, data: unknown, most: number): string {
    if (this.#rules.size === 0) return notificationText(event, data, most);
    return this.#eventText(this.#rule(topic), topic, event, data, most);
  }

  #eventText(rule: Rule, topic: string, event: unknown, data: unknown, most: number): string {
    const schema = rule.events.get(event as string);
    if (schema === undefined) {
      throw new TypeError(`The topic ${JSON.stringify(rule.pattern)} declares no event ${JSON.stringify(event)}`);
    }
    const parsed = schema.safeParse(data);
    if (!parsed.success) throw new EventMisfit(topic, event as string, parsed.error);
    const written = jsonText(parsed.data) ?? "null";
    const names = `"topic":${jsonText(topic)},"event":${jsonText(event)}`;
    const text = `{"jsonrpc":"2.0","method":"topic.event","params":{${names},"data":${written}}}`;
    checkLength("An event", text, most);
    return text;
  }

  /** As `eventText`, for what comes from outside: throws a `Misfit` where the event or its data is not one that is declared. */
  published({ topic, event, data }: Published, most: number): string {
    const rule = this.#rules.of(topic);
    if (!rule?.events.has(event as string)) {
      const issue = { path: ["event"], code: "unknown_event", message: "The topic declares no such event" };
      throw new Misfit(jsonText({ issues: [issue] })!);
    }
    try {
      return this.#eventText(rule, topic, event, data, most);
    } catch (error) {
      if (!(error instanceof EventMisfit)) throw error;
      const issues = visibleIssues(error.cause).map((issue) => ({ ...issue, path: ["data", ...issue.path] }));
      throw new Misfit(jsonText({ issues })!);
    }
  }

  /** The judge of subscriptions to the topic; undefined when none of that name is declared. */
  judge(topic: string): { readonly callable: Callable; readonly params: Record<string, string> } | undefined {
    const found = this.#rules.find(topic);
    return found && { callable: found.topic.judge, params: found.params };
  }

  /** Throws a `TypeError` when the module declares topics, and none of that name. */
  check(topic: string): void {
    if (this.#rules.size > 0) this.#rule(topic);
  }

  #rule(topic: string): Rule {
    const rule = this.#rules.of(topic);
    if (rule === undefined) throw new TypeError(`The module declares no topic that matches ${JSON.stringify(topic)}`);
    return rule;
  }
}

function ruleOf(pattern: string, topic: AnyTopic, maxBytes: () => number): Rule {
  return {
    pattern,
    events: new Map(Object.entries(topic.events)),
    judge: new Callable({
      name: `allow ${pattern}`,
      params: topic.params,
      maxBytes,
      handle: (params: unknown, ctx: AllowContext) => allows(topic, params, ctx),
    }),
  };
}

/** Anything but `true` is a no. */
function allows(topic: AnyTopic, params: unknown, ctx: AllowContext): boolean | Promise<boolean> {
  if (topic.allow === undefined) return true;
  const answer: unknown = topic.allow(params as never, ctx);
  return answer !== null && typeof answer === "object" ? isTrue(answer) : answer === true;
}

async function isTrue(answer: object): Promise<boolean> {
  return await answer as unknown === true;
}

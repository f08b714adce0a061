/** The declared topics of a module, and the events on them. */
import type { z } from "zod";
import type { AnyTopic } from "../author/topics.ts";
import { TopicPattern } from "../author/topic_pattern.ts";
import { notificationText } from "./notification.ts";
import { jsonText } from "./json.ts";
import { checkLength } from "./utf8.ts";

interface Rule {
  readonly pattern: TopicPattern;
  readonly events: ReadonlyMap<string, z.ZodType>;
}

/** The data of an event does not match its schema. */
export class EventMisfit extends Error {
  override readonly name = "EventMisfit";
  constructor(topic: string, event: string, cause: unknown) {
    super(`The data of ${JSON.stringify(event)} on ${JSON.stringify(topic)} does not fit: ${String(cause)}`, { cause });
  }
}

export class ModuleTopics {
  readonly #rules: readonly Rule[];

  /** @throws {TypeError} if a pattern is invalid */
  constructor(declared: Record<string, AnyTopic> = {}) {
    this.#rules = Object.entries(declared).map(([text, { events }]) => ({
      pattern: new TopicPattern(text),
      events: new Map(Object.entries(events)),
    }));
  }

  /** JSON text of the notification of an event. */
  eventText(topic: string, event: unknown, data: unknown, most: number): string {
    if (this.#rules.length === 0) return notificationText(event, data, most);
    const rule = this.#rule(topic);
    const schema = rule.events.get(event as string);
    if (schema === undefined) {
      throw new TypeError(`The topic ${JSON.stringify(rule.pattern.text)} declares no event ${JSON.stringify(event)}`);
    }
    const parsed = schema.safeParse(data);
    if (!parsed.success) throw new EventMisfit(topic, event as string, parsed.error);
    const written = jsonText(parsed.data) ?? "null";
    const names = `"topic":${jsonText(topic)},"event":${jsonText(event)}`;
    const text = `{"jsonrpc":"2.0","method":"topic.event","params":{${names},"data":${written}}}`;
    checkLength("An event", text, most);
    return text;
  }

  /**
   * Checks a name against the declared topics, if there are any.
   *
   * @throws {TypeError} if the name matches none
   */
  check(topic: string): void {
    if (this.#rules.length > 0) this.#rule(topic);
  }

  #rule(topic: string): Rule {
    const rule = this.#rules.find(({ pattern }) => pattern.match(topic) !== null);
    if (rule === undefined) throw new TypeError(`The module declares no topic that matches ${JSON.stringify(topic)}`);
    return rule;
  }
}

/** The kit given to a module's function. */
import { z } from "zod";
import type { Kit } from "../author/handlers.ts";
import { ToHost } from "../wire/operations.ts";
import { checkTopic } from "./context.ts";
import { describeError } from "./describe_error.ts";
import { escapeHtml } from "./escape.ts";
import { fieldsText } from "./judge_context.ts";
import { EventMisfit, type ModuleTopics } from "./module_topics.ts";
import type { Outbox } from "./outbox.ts";

/** The effects of a module outside of calls. */
export class KitEffects {
  readonly #out: Outbox;
  readonly #random: () => string;
  /** Undefined until the module has loaded. */
  topics: ModuleTopics | undefined;

  /** `random` creates references to errors. */
  constructor(out: Outbox, random: () => string) {
    this.#out = out;
    this.#random = random;
  }

  publish(topic: string, event: string, data: unknown): void {
    if (this.topics === undefined) throw new Error("The module publishes before it has loaded");
    checkTopic(topic);
    try {
      const text = this.topics.eventText(topic, event, data, this.#out.maxBytes);
      this.#out.unasked(ToHost.Publish, 0, 0, 0, topic, text);
    } catch (error) {
      // An exception in a timer would end the cell because of the data of one client.
      if (!(error instanceof EventMisfit)) throw error;
      this.#out.failedUnasked(this.#random(), "publish", describeError(error));
    }
  }

  log(message: string, fields: unknown): void {
    this.#out.log(0, "info", message, fieldsText(fields));
  }
}

/** Creates the kit of a module. */
export function makeKit(effects: Pick<KitEffects, "publish" | "log">): Kit {
  return Object.freeze({
    z,
    method: <T>(method: T) => method,
    topic: <T>(topic: T) => topic,
    publish: (topic: string, event: string, data?: unknown) => effects.publish(topic, event, data),
    log: (message: string, fields?: unknown) => effects.log(String(message), fields),
    escape: escapeHtml,
  }) as Kit;
}

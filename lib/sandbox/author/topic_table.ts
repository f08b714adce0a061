/** The topics of a module, found by name. */
import { isTopicName, TopicPattern } from "./topic_pattern.ts";

/** The declared topic that a name belongs to, and what its placeholders stand for. */
export interface FoundTopic<T> {
  readonly topic: T;
  readonly params: Record<string, string>;
}

/** Finds the declared topic that a name belongs to. A name matches one pattern at most: those of a module do not overlap. */
export class TopicTable<T> {
  readonly #topics: readonly { readonly pattern: TopicPattern; readonly topic: T }[];

  /**
   * `declared` has what is known of each topic by its pattern.
   *
   * @throws {TypeError} if a pattern is invalid
   */
  constructor(declared: Iterable<readonly [pattern: string, topic: T]>) {
    this.#topics = [...declared].map(([text, topic]) => ({ pattern: new TopicPattern(text), topic }));
  }

  /** Number of declared topics. */
  get size(): number {
    return this.#topics.length;
  }

  /** Undefined where no pattern matches. */
  find(name: string): FoundTopic<T> | undefined {
    if (!isTopicName(name)) return undefined;
    for (const { pattern, topic } of this.#topics) {
      const params = pattern.matchValid(name);
      if (params !== null) return { topic, params };
    }
    return undefined;
  }

  /** As `find`, without the placeholders. */
  of(name: string): T | undefined {
    return this.find(name)?.topic;
  }
}

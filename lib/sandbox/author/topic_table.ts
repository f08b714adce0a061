/** The topics of a contract, found by name. */
import type { Contract, TopicContract } from "./contract.ts";
import { TopicPattern } from "./topic_pattern.ts";

/** Finds the declared topic that a name belongs to. */
export class TopicTable {
  readonly #topics: readonly { readonly pattern: TopicPattern; readonly contract: TopicContract }[];

  constructor({ topics }: Contract) {
    this.#topics = [...topics].map(([text, contract]) => ({ pattern: new TopicPattern(text), contract }));
  }

  /** Undefined where no pattern matches. A name matches one pattern at most: those of a contract do not overlap. */
  of(name: string): TopicContract | undefined {
    return this.#topics.find(({ pattern }) => pattern.match(name) !== null)?.contract;
  }
}

/** Questions to the module whether one session may follow a topic, each for all that waits for its answer. */
import { ErrorCode } from "../rpc/rpc.ts";
import type { TopicRight } from "./topic_right.ts";
import type { Answer } from "./topics.ts";

interface Question {
  asked: "by_handler" | "in_order";
  /** Answers to earlier attempts don't count. */
  attempt: number;
  /** Token or cell was replaced since the module was asked: the answer does not count. */
  outdated: boolean;
  readonly answers: Answer[];
}

/**
 * At most one question a topic is under way, or two while a handler waits for the answer. Later requests wait for the
 * same answer, in order. Replaced tokens, as many as a client sends, cause one more question.
 */
export class TopicQuestions {
  readonly #right: TopicRight;
  readonly #settled: (topic: string, code: number) => number;
  readonly #questions = new Map<string, Question>();

  /** `settled` is called with the code of an answer before those that wait, and returns the code that they get. */
  constructor(right: TopicRight, settled: (topic: string, code: number) => number = (_, code) => code) {
    this.#right = right;
    this.#settled = settled;
  }

  /** Whether a question about the topic is under way. */
  has(topic: string): boolean {
    return this.#questions.has(topic);
  }

  /** `answer` is called once, with 0 or the code of the refusal. */
  ask(topic: string, asked: "by_handler" | "in_order", answer: Answer): void {
    const question = this.#questions.get(topic);
    if (question === undefined) {
      const begun = { asked, attempt: 0, outdated: false, answers: [answer] };
      this.#questions.set(topic, begun);
      return this.#ask(topic, begun);
    }
    question.answers.push(answer);
    if (asked === "in_order" || question.asked === "by_handler") return;
    // The question may wait for an `open` that waits for this answer.
    question.asked = "by_handler";
    this.#ask(topic, question);
  }

  /** Token or cell was replaced: answers that are under way don't count. Topics that the roles no longer allow are denied. */
  renew(): void {
    for (const [topic, question] of [...this.#questions]) {
      if (this.#right.of(topic) === undefined) this.#settle(topic, question, ErrorCode.FORBIDDEN);
      else question.outdated = true;
    }
  }

  #ask(topic: string, question: Question): void {
    const attempt = ++question.attempt;
    question.outdated = false;
    this.#right.ask(topic, question.asked, (code) => {
      if (question.attempt !== attempt) return;
      if (question.outdated) this.#ask(topic, question);
      else this.#settle(topic, question, code);
    });
  }

  #settle(topic: string, question: Question, code: number): void {
    question.attempt++;
    this.#questions.delete(topic);
    const settled = this.#settled(topic, code);
    for (const answer of question.answers) answer(settled);
  }
}

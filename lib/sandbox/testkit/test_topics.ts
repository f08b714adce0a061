/** The subscriptions of a module under test, by the rules of the server. */
import { ErrorCode } from "../../rpc/errors.ts";
import { CallError } from "../author/call_error.ts";
import { type Contract, isJudged, mayFollow, type TopicContract } from "../author/contract.ts";
import { TopicTable } from "../author/topic_table.ts";

/** A connection of a test. */
export interface TestConnection {
  id: string;
  readonly user: string;
  readonly roles: readonly string[];
  readonly topics: Set<string>;
}

/** The cell, as topics need it. */
export interface TopicCell {
  /** Asks `allow`; rejects with a `CallError`. */
  allow(session: number, topic: string, byHandler: boolean): Promise<unknown>;
  /** Has an event checked; resolves to the notification. */
  publish(session: number, params: TopicParams): Promise<unknown>;
  /** The subscribers of a topic. */
  presence(topic: string): unknown;
  /** Tells the test of what was done. */
  did(type: "subscribe" | "unsubscribe", session: number, topic: string): void;
  published(session: number, topic: string, notification: unknown): void;
}

/** Parameters of the methods; not checked. */
export interface TopicParams {
  readonly topic: string;
  readonly event?: string;
  readonly data?: unknown;
}

export class TestTopics {
  readonly #cell: TopicCell;
  readonly #table: TopicTable<TopicContract>;
  /** The module declares its topics. */
  readonly declared: boolean;

  constructor(contract: Contract, cell: TopicCell) {
    this.#cell = cell;
    this.#table = new TopicTable(contract.topics);
    this.declared = contract.topics.size > 0;
  }

  /** Calls a method of the server for topics; undefined for other methods. Rejects with a `CallError`. */
  call(method: string, session: number, from: TestConnection, params: TopicParams): Promise<unknown> | undefined {
    switch (method) {
      case "topic.subscribe":
        return this.#subscribeClient(session, from, params.topic);
      case "topic.unsubscribe":
        this.unsubscribe(session, from, params.topic);
        return Promise.resolve({});
      case "topic.publish":
        return this.#publish(session, from, params);
      case "topic.presence":
        return this.#needRole(session, from, params.topic, "presence").then(() => this.#cell.presence(params.topic));
    }
  }

  /** As `ctx.subscribe`; resolves to 0 or the code of the refusal. What needs no answer of the module is done at once. */
  subscribe(session: number, from: TestConnection, topic: string): number | Promise<number> {
    const known = this.#table.of(topic);
    if (this.declared && !hasRole(known, from)) return ErrorCode.FORBIDDEN;
    if (known === undefined || !isJudged(known)) return this.#follow(session, from, topic);
    return this.#allowed(session, topic, true).then((yes) =>
      yes ? this.#follow(session, from, topic) : ErrorCode.FORBIDDEN
    );
  }

  unsubscribe(session: number, from: TestConnection, topic: string): void {
    if (from.topics.delete(topic)) this.#cell.did("unsubscribe", session, topic);
  }

  async #subscribeClient(session: number, from: TestConnection, topic: string): Promise<unknown> {
    await this.#mayFollow(session, from, topic);
    this.#follow(session, from, topic);
    return {};
  }

  async #publish(session: number, from: TestConnection, params: TopicParams): Promise<unknown> {
    await this.#needRole(session, from, params.topic, "publish");
    this.#cell.published(session, params.topic, await this.#cell.publish(session, params));
    return {};
  }

  async #needRole(
    session: number,
    from: TestConnection,
    topic: string,
    kind: "publish" | "presence",
  ): Promise<void> {
    const known = this.#table.of(topic);
    if (!known?.[kind]?.some((role) => from.roles.includes(role))) throw new CallError(ErrorCode.FORBIDDEN, undefined);
    if (!from.topics.has(topic)) await this.#mayFollow(session, from, topic);
  }

  async #mayFollow(session: number, from: TestConnection, topic: string): Promise<void> {
    const known = this.#table.of(topic);
    const may = hasRole(known, from) &&
      (!isJudged(known!) || await this.#allowed(session, topic, false));
    if (!may) throw new CallError(ErrorCode.FORBIDDEN, undefined);
  }

  #allowed(session: number, topic: string, byHandler: boolean): Promise<boolean> {
    return this.#cell.allow(session, topic, byHandler).then((answer) => answer === true, () => false);
  }

  #follow(session: number, from: TestConnection, topic: string): number {
    from.topics.add(topic);
    this.#cell.did("subscribe", session, topic);
    return 0;
  }
}

function hasRole(known: TopicContract | undefined, { roles }: TestConnection): boolean {
  return known !== undefined && mayFollow(known, roles);
}

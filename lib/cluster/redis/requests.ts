/** Requests to all nodes, and their answers. */
import { ASK_MS, type NodeAnswers, type NodeDuties, type NodeRequest } from "../cluster.ts";
import { newNodeId } from "../node_id.ts";
import { within } from "./deadline.ts";
import type { Envelopes } from "./envelope.ts";
import type { Link } from "./link.ts";
import type { Liveness } from "./liveness.ts";
import { CONTROL, type Names } from "./partitions.ts";

export interface RequestsDeps {
  readonly link: () => Link;
  readonly names: Names;
  readonly envelopes: Envelopes;
  readonly liveness: Liveness;
  readonly duties: NodeDuties;
  readonly node: string;
  /** A message was not signed by a node of this cluster, was old, or came again. */
  readonly refused: () => void;
}

/** A request on its way. `at`: milliseconds since the epoch, of the sender's clock. */
interface SentRequest {
  readonly id: string;
  readonly from: string;
  readonly at: number;
  readonly request: NodeRequest;
}

/** An answer on its way: in the message itself, or under a key of its own where it is long. */
interface SentAnswer {
  readonly id: string;
  readonly node: string;
  readonly failed?: boolean;
  readonly result?: unknown;
  readonly key?: string;
}

interface Asked {
  /** Nodes that have not reacted yet. */
  readonly waiting: Set<string>;
  readonly answers: Map<string, unknown>;
  readonly done: () => void;
}

/** A request is refused when its sender's clock differs by more; a request that comes again within that time is known. */
const MAX_AGE_MS = 60_000;
const MAX_SEEN = 10_000;
/** Longer answers take a key, because Redis ends a subscriber that falls too far behind. */
const INLINE_LENGTH = 64 * 1024;
const MAX_LENGTH = 16 * 1024 * 1024;
const KEY_MS = 5_000;

export class Requests {
  readonly #deps: RequestsDeps;
  readonly #asked = new Map<string, Asked>();
  /** Requests of the last minute, oldest first. */
  readonly #seen = new Map<string, number>();
  readonly #channel: string;

  constructor(deps: RequestsDeps) {
    this.#deps = deps;
    this.#channel = deps.names.of(CONTROL, "asked");
  }

  /** The channel of requests. */
  get channel(): string {
    return this.#channel;
  }

  /** The channel of answers to this node. */
  get answerChannel(): string {
    return this.#answersOf(this.#deps.node);
  }

  async ask<T>(request: NodeRequest): Promise<NodeAnswers<T>> {
    const { node, liveness } = this.#deps;
    const id = newNodeId();
    const { promise, resolve } = Promise.withResolvers<void>();
    const nodes = liveness.nodes().map((info) => info.id);
    const asked: Asked = { waiting: new Set(nodes), answers: new Map(), done: resolve };
    this.#asked.set(id, asked);
    const reached = this.#send(id, request, nodes.length > 1);
    if (!reached) asked.waiting.clear();
    const own = this.#answer(request).then((result) => this.#take(asked, node, { result }), () => {
      this.#take(asked, node, null);
    });
    await within(ASK_MS, reached ? promise : own).catch(() => {});
    this.#asked.delete(id);
    const missing = nodes.filter((one) => !asked.answers.has(one));
    return { answers: asked.answers as Map<string, T>, complete: reached && missing.length === 0, missing };
  }

  /** A message of the channel of requests. */
  async asked(text: string): Promise<void> {
    const { envelopes, node } = this.#deps;
    const sent = envelopes.open("request", text) as SentRequest | undefined;
    if (sent?.from === node) return;
    if (sent === undefined || !this.#isNew(sent)) return this.#deps.refused();
    const { id, request, from } = sent;
    const answer = await this.#answer(request).then(
      (result): SentAnswer => ({ id, node, result }),
      (): SentAnswer => ({ id, node, failed: true }),
    );
    await this.#reply(from, answer).catch(() => {});
  }

  /** A message of the channel of answers. */
  async answered(text: string): Promise<void> {
    const sent = this.#deps.envelopes.open("answer", text) as SentAnswer | undefined;
    if (sent === undefined) return this.#deps.refused();
    const asked = this.#asked.get(sent.id);
    if (asked === undefined) return;
    if (sent.failed) return this.#take(asked, sent.node, null);
    if (sent.key === undefined) return this.#take(asked, sent.node, sent);
    const stored = await this.#deps.link().send(CONTROL, ["GETDEL", sent.key])?.catch(() => null);
    const long = typeof stored === "string" ? this.#deps.envelopes.open("answer", stored) as SentAnswer : undefined;
    this.#take(asked, sent.node, long?.id === sent.id && long.node === sent.node ? long : null);
  }

  /** Sends the request to the other nodes, if there are any; false when they can't be reached. */
  #send(id: string, request: NodeRequest, others: boolean): boolean {
    const { link, envelopes, node } = this.#deps;
    if (!others) return link().isUp(CONTROL);
    const text = envelopes.seal("request", { id, from: node, at: Date.now(), request } satisfies SentRequest);
    const sent = link().send(CONTROL, ["SPUBLISH", this.#channel, text]);
    sent?.catch(() => {});
    return sent !== undefined;
  }

  async #answer(request: NodeRequest): Promise<unknown> {
    return await this.#deps.duties.answer(request);
  }

  async #reply(to: string, answer: SentAnswer): Promise<void> {
    const { link, envelopes, names } = this.#deps;
    let text = envelopes.seal("answer", answer);
    if (text.length > MAX_LENGTH) {
      text = envelopes.seal("answer", { id: answer.id, node: answer.node, failed: true });
    } else if (text.length > INLINE_LENGTH) {
      const key = names.of(CONTROL, "answer", `${answer.id}.${answer.node}`);
      await link().send(CONTROL, ["SET", key, text, "PX", String(KEY_MS)]);
      text = envelopes.seal("answer", { id: answer.id, node: answer.node, key });
    }
    await link().send(CONTROL, ["SPUBLISH", this.#answersOf(to), text]);
  }

  /** Takes the answer of a node; null where it failed. */
  #take({ waiting, answers, done }: Asked, node: string, answer: { readonly result?: unknown } | null): void {
    if (answer !== null) answers.set(node, answer.result);
    waiting.delete(node);
    if (waiting.size === 0) done();
  }

  /** Whether the request is recent and was not seen before. */
  #isNew({ id, at }: SentRequest): boolean {
    const now = Date.now();
    for (const [seen, time] of this.#seen) {
      if (this.#seen.size < MAX_SEEN && now - time <= 2 * MAX_AGE_MS) break;
      this.#seen.delete(seen);
    }
    if (Math.abs(now - at) > MAX_AGE_MS || this.#seen.has(id)) return false;
    this.#seen.set(id, now);
    return true;
  }

  #answersOf(node: string): string {
    return this.#deps.names.of(CONTROL, "answers", node);
  }
}

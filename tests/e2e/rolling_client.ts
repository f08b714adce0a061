/** A client that never stops asking, comes back when it is told to, and keeps the books. */
import type { RawClient } from "../helpers/raw_client.ts";
import { type Answer, nextAnswer } from "../helpers/client.ts";

/** Requests a client has under way at once. */
const IN_FLIGHT = 4;
/** Between an answer and the next request, so that a test does not measure the machine. */
const PAUSE_MS = 5;
/** Servers spread reconnects over seconds; a test need not wait for the last of them. */
const LONGEST_WAIT_MS = 300;

export class RollingClient {
  /** How often each request was sent, and how often it was answered. */
  readonly sent = new Map<string, number>();
  readonly answered = new Map<string, number>();
  /** Answers that are not what was asked for. */
  readonly wrong: Answer[] = [];
  /** Requests that were unanswered when their connection closed. */
  unanswered = 0;
  connections = 0;
  readonly #name: string;
  readonly #connect: (user: string) => Promise<RawClient>;
  readonly #done: Promise<void>;
  #asked = 0;
  #stopping = false;

  /** `connect` opens a connection for a user; requests begin at once. */
  constructor(name: string, connect: (user: string) => Promise<RawClient>) {
    this.#name = name;
    this.#connect = connect;
    this.#done = this.#run();
    this.#done.catch(() => {}); // is thrown by stop()
  }

  get acknowledged(): number {
    return this.answered.size;
  }

  /** Asks nothing more, waits for what is under way, and closes. Throws what went wrong on the way. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#done;
  }

  async #run(): Promise<void> {
    let left: string[] = [];
    do {
      using client = await this.#connect(this.#name);
      this.connections++;
      const { pending, after } = await this.#serve(client, left);
      left = pending;
      this.unanswered += left.length;
      await pause(after);
    } while (!this.#stopping || left.length > 0);
  }

  /** One connection, to its end; gives what it left unanswered, and how long to stay away. */
  async #serve(client: RawClient, again: readonly string[]): Promise<{ pending: string[]; after: number }> {
    const pending = new Set<string>();
    for (const id of again) await this.#ask(client, id, pending);
    let after: number | null = null;
    for (;;) {
      while (after === null && !this.#stopping && pending.size < IN_FLIGHT) {
        await this.#ask(client, `${this.#name}-${this.#asked++}`, pending);
      }
      if (this.#stopping && pending.size === 0) return { pending: [], after: 0 };
      const answer = await nextAnswer(client).catch((error: Error) => error);
      if (answer instanceof Error) {
        if (after === null) throw answer;
        return { pending: [...pending], after };
      }
      if (answer.method === "session.reconnect") {
        after = Math.min(Number(answer.params?.after_ms), LONGEST_WAIT_MS);
        continue;
      }
      this.#book(answer, pending);
      await pause(PAUSE_MS);
    }
  }

  /** Every eighth takes its time, so that some are in flight at any moment. */
  async #ask(client: RawClient, id: string, pending: Set<string>): Promise<void> {
    pending.add(id);
    this.sent.set(id, (this.sent.get(id) ?? 0) + 1);
    const slow = Number(id.split("-")[1]) % 8 === 0;
    const request = slow
      ? { method: "trial.slow", params: { ms: 100 } }
      : { method: "trial.echo", params: { text: id } };
    // A server that has gone is noticed by reading, after what it said last.
    await client.text(JSON.stringify({ jsonrpc: "2.0", id, ...request })).catch(() => {});
  }

  #book(answer: Answer, pending: Set<string>): void {
    const id = String(answer.id);
    const { text = id } = (answer.result ?? {}) as { text?: string };
    if (answer.error !== undefined || text !== id || !pending.delete(id)) this.wrong.push(answer);
    this.answered.set(id, (this.answered.get(id) ?? 0) + 1);
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

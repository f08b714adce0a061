/** A client that tells the answers to its calls from what it is notified of. */
import { assertEquals } from "../assert.ts";
import { type Answer, join, type JoinOptions } from "../helpers/client.ts";
import type { TestServer, TokenOptions } from "../helpers/test_server.ts";
import type { RawClient } from "../helpers/raw_client.ts";

/** A notification. */
export interface Told {
  readonly method: string;
  readonly params: Record<string, unknown>;
}

export class Member implements Disposable {
  /** Whatever the server sent, as it came. */
  readonly texts: string[] = [];
  #told: Told[] = [];
  #answers: Answer[] = [];
  #id = 0;

  private constructor(readonly client: RawClient, readonly server: TestServer, readonly user: string) {}

  static async join(server: TestServer, user: string, options: JoinOptions & TokenOptions = {}): Promise<Member> {
    const token = server.token(user, options);
    return new Member(await join(server, { user, token, ...options }), server, user);
  }

  /** Sends a request and does not wait for its answer. Returns its id. */
  async send(method: string, params: unknown): Promise<number> {
    const id = ++this.#id;
    await this.client.text(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
    return id;
  }

  /** The answer to a request. */
  async answer(id: number): Promise<Answer> {
    for (;;) {
      const at = this.#answers.findIndex((answer) => answer.id === id);
      if (at >= 0) return this.#answers.splice(at, 1)[0]!;
      await this.#read();
    }
  }

  async call(method: string, params: unknown = {}): Promise<Answer> {
    return await this.answer(await this.send(method, params));
  }

  /** The code of the call's error, 0 for a result. */
  async code(method: string, params: unknown = {}): Promise<number> {
    return (await this.call(method, params)).error?.code ?? 0;
  }

  subscribe(topic: string): Promise<number> {
    return this.code("topic.subscribe", { topic });
  }

  /** Takes a token with other roles or claims. */
  async refresh(options: TokenOptions): Promise<void> {
    assertEquals(await this.code("session.refresh", { token: this.server.token(this.user, options) }), 0);
  }

  /** The next notification. */
  async next(): Promise<Told> {
    while (this.#told.length === 0) await this.#read();
    return this.#told.shift()!;
  }

  /** All notifications that the server has sent before it answers now. */
  async told(): Promise<Told[]> {
    await this.call("session.whoami");
    return this.#told.splice(0);
  }

  /** As `told`: the data of events of one topic. */
  async heard(topic: string): Promise<unknown[]> {
    return (await this.told()).filter(({ method, params }) => method === "topic.event" && params["topic"] === topic)
      .map(({ params }) => params["data"]);
  }

  [Symbol.dispose](): void {
    this.client[Symbol.dispose]();
  }

  async #read(): Promise<void> {
    const text = await this.client.nextText(60_000);
    this.texts.push(text);
    const answer = JSON.parse(text) as Answer;
    if (answer.method === undefined) this.#answers.push(answer);
    else this.#told.push({ method: answer.method, params: answer.params ?? {} });
  }
}

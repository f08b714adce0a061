/**
 * A small server on loopback that speaks the topics of the contract: `topic.subscribe`, `topic.unsubscribe`, `topic.presence`,
 * `topic.event` and `topic.ended`, and `session.whoami`.
 */

interface Request {
  readonly id: number;
  readonly method: string;
  readonly params?: { readonly topic?: string };
}

export class TopicServer implements AsyncDisposable {
  /** Subscribed topics of each open connection. */
  readonly connections = new Map<WebSocket, Set<string>>();
  /** Requests about topics, in order. */
  readonly requests: string[] = [];
  /** Topics that no client may subscribe to. */
  readonly denied = new Set(["secret"]);
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor() {
    this.#server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => this.#accept(request));
  }

  get url(): string {
    return `ws://127.0.0.1:${this.#server.addr.port}/ws`;
  }

  /** How many connections follow a topic. */
  followers(topic: string): number {
    return [...this.connections.values()].filter((topics) => topics.has(topic)).length;
  }

  publish(topic: string, event: string, data: unknown): void {
    this.#tell(topic, "topic.event", { topic, event, data });
  }

  /** Takes the right to a topic from all clients. */
  end(topic: string, reason: string): void {
    this.#tell(topic, "topic.ended", { topic, reason });
    for (const topics of this.connections.values()) topics.delete(topic);
  }

  /** Closes all connections. */
  drop(code: number): void {
    for (const socket of [...this.connections.keys()]) socket.close(code);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.drop(4000);
    await this.#server.shutdown();
  }

  #tell(topic: string, method: string, params: unknown): void {
    for (const [socket, topics] of this.connections) {
      if (topics.has(topic)) socket.send(JSON.stringify({ jsonrpc: "2.0", method, params }));
    }
  }

  #accept(request: globalThis.Request): Response {
    const { socket, response } = Deno.upgradeWebSocket(request, { protocol: "topics.v1" });
    const topics = new Set<string>();
    socket.onopen = () => this.connections.set(socket, topics);
    socket.onclose = () => this.connections.delete(socket);
    socket.onmessage = ({ data }) => {
      const { id, method, params } = JSON.parse(data) as Request;
      const answer = this.#answer(topics, method, params?.topic ?? "");
      socket.send(JSON.stringify({ jsonrpc: "2.0", id, ...answer }));
      // Right behind the answer, in the same packet if it can be.
      if (method === "topic.subscribe") this.publish(params?.topic ?? "", "welcome", topics.size);
    };
    return response;
  }

  #answer(topics: Set<string>, method: string, topic: string): Record<string, unknown> {
    if (method === "session.whoami") return { result: { user: "ann", roles: [], expires_at: 4_000_000_000 } };
    this.requests.push(`${method} ${topic}`);
    if (this.denied.has(topic)) return { error: { code: -32003, message: "Forbidden" } };
    if (method === "topic.subscribe") topics.add(topic);
    else if (method === "topic.unsubscribe") topics.delete(topic);
    else if (method === "topic.presence") return { result: [{ user: "ann", connections: this.followers(topic) }] };
    else return { error: { code: -32601, message: "Method not found" } };
    return { result: {} };
  }
}

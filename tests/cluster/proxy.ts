/** A TCP proxy before a server, whose connections can be cut, held or delayed. */

interface Link {
  readonly client: Deno.TcpConn;
  readonly server: Deno.TcpConn;
  /** The client has subscribed on it. */
  subscriber: boolean;
  held: boolean;
}

export class Proxy implements AsyncDisposable {
  /** New connections are refused, and those that exist are cut. */
  #cut = false;
  /** Delay of each direction, in milliseconds. */
  delayMs = 0;
  readonly #listener: Deno.TcpListener;
  readonly #target: number;
  readonly #links = new Set<Link>();
  #waiting: (() => void)[] = [];

  constructor(target: number) {
    this.#target = target;
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.#accept();
  }

  get url(): string {
    return `redis://127.0.0.1:${this.#listener.addr.port}`;
  }

  /** Ends all connections, and refuses new ones until `heal`. */
  cut(): void {
    this.#cut = true;
    for (const link of this.#links) this.#close(link);
  }

  /** Nothing passes any more, on existing and new connections, which stay open. */
  hold(only: (subscriber: boolean) => boolean = () => true): void {
    for (const link of this.#links) if (only(link.subscriber)) link.held = true;
  }

  /** Lets new connections through, and what is held. */
  heal(): void {
    this.#cut = false;
    for (const link of this.#links) link.held = false;
    for (const go of this.#waiting.splice(0)) go();
  }

  async #accept(): Promise<void> {
    for await (const client of this.#listener) {
      if (this.#cut) {
        client.close();
        continue;
      }
      const server = await Deno.connect({ hostname: "127.0.0.1", port: this.#target }).catch(() => null);
      if (server === null) {
        client.close();
        continue;
      }
      const link: Link = { client, server, subscriber: false, held: false };
      this.#links.add(link);
      this.#pass(link, client, server);
      this.#pass(link, server, client);
    }
  }

  async #pass(link: Link, from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
    const chunks: { readonly bytes: Uint8Array; readonly at: number }[] = [];
    let writing = false;
    const write = async () => {
      if (writing) return;
      writing = true;
      for (let chunk = chunks.shift(); chunk !== undefined; chunk = chunks.shift()) {
        const left = chunk.at - performance.now();
        if (left > 0) await new Promise((resolve) => setTimeout(resolve, left));
        while (link.held) await new Promise<void>((resolve) => this.#waiting.push(resolve));
        for (let sent = 0; sent < chunk.bytes.length;) sent += await to.write(chunk.bytes.subarray(sent));
      }
      writing = false;
    };
    try {
      for (;;) {
        const buffer = new Uint8Array(65_536);
        const length = await from.read(buffer);
        if (length === null) break;
        const bytes = buffer.subarray(0, length);
        if (from === link.client && new TextDecoder().decode(bytes).includes("ssubscribe")) link.subscriber = true;
        chunks.push({ bytes, at: performance.now() + this.delayMs });
        write().catch(() => this.#close(link));
      }
    } catch {
      // Closed.
    }
    this.#close(link);
  }

  #close(link: Link): void {
    if (!this.#links.delete(link)) return;
    link.held = false;
    for (const conn of [link.client, link.server]) {
      try {
        conn.close();
      } catch {
        // Closed already.
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    this.heal();
    this.#listener.close();
    await Promise.resolve();
  }
}

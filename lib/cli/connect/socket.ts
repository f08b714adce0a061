/** The WebSocket of `connect`: sends headers that browsers send themselves, and prints received messages. */

export interface SocketOptions {
  readonly headers: Readonly<Record<string, string>>;
  /** Client that trusts the certificates of `--ca`. */
  readonly http: Deno.HttpClient | undefined;
  /** The subprotocol is not JSON-RPC: `session.whoami` of the library must not reach the server. */
  readonly raw: boolean;
  /** Called for each message, except answers to requests of the library. */
  received(data: string | ArrayBuffer): void;
}

/** The newest socket, for texts that are not calls of the library. */
export interface Wire {
  /** The constructor for `Options.env` of the library. */
  readonly WebSocket: typeof WebSocket;
  /** Sends text unchanged; false without an open connection. */
  send(text: string): boolean;
}

/** The library passes headers to its constructor along with the subprotocols. */
interface ConstructorOptions {
  readonly protocols: string[];
}

/** Raw subprotocols have no users. */
const RAW_USER = { user: "", roles: [], expires_at: 0 };

class CommandSocket extends WebSocket {
  readonly #options: SocketOptions;
  /** Ids of unanswered requests of the library. */
  readonly #asked = new Set<unknown>();

  constructor(options: SocketOptions, url: string | URL, { protocols }: ConstructorOptions) {
    super(url, {
      protocols: protocols.filter((name) => name !== ""),
      headers: options.headers,
      ...(options.http ? { client: options.http } : {}),
    });
    this.#options = options;
    this.binaryType = "arraybuffer";
    this.addEventListener("message", ({ data }) => {
      if (!this.#isOwnAnswer(data)) options.received(data);
    });
  }

  override send(text: string): void {
    const { id } = JSON.parse(text);
    if (this.#options.raw) return queueMicrotask(() => this.#answerItself(id));
    this.#asked.add(id);
    super.send(text);
  }

  sendAsItIs(text: string): void {
    super.send(text);
  }

  #isOwnAnswer(data: unknown): boolean {
    if (this.#options.raw || typeof data !== "string") return false;
    try {
      const { id, method } = JSON.parse(data);
      return method === undefined && this.#asked.delete(id);
    } catch {
      return false;
    }
  }

  #answerItself(id: unknown): void {
    const data = JSON.stringify({ jsonrpc: "2.0", id, result: RAW_USER });
    this.onmessage?.call(this, new MessageEvent("message", { data }));
  }
}

/** Creates the constructor, and the function that sends over its last socket. */
export function createWire(options: SocketOptions): Wire {
  let newest: CommandSocket | undefined;

  class NewestSocket extends CommandSocket {
    constructor(url: string | URL, given: ConstructorOptions) {
      super(options, url, given);
      newest = this;
    }
  }

  return {
    WebSocket: NewestSocket as unknown as typeof WebSocket,
    send(text) {
      if (newest?.readyState !== WebSocket.OPEN) return false;
      newest.sendAsItIs(text);
      return true;
    },
  };
}

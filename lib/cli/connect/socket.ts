/** The WebSocket of `connect`: it sends headers that a browser would send by itself, and shows what arrives. */

export interface SocketOptions {
  readonly headers: Readonly<Record<string, string>>;
  /** Trusts the certificates of `--ca`. */
  readonly http: Deno.HttpClient | undefined;
  /** The subprotocol is not JSON-RPC: the library's question who the user is never reaches the server. */
  readonly raw: boolean;
  /** Told of each message, but for answers to what the library has sent. */
  received(data: string | ArrayBuffer): void;
}

/** The newest socket, to send what is no call of the library. */
export interface Wire {
  /** The constructor for `Options.env` of the library. */
  readonly WebSocket: typeof WebSocket;
  /** Sends text as it stands; false when there is no open connection. */
  send(text: string): boolean;
}

/** The library gives its constructor the headers along with the subprotocols. */
interface Given {
  readonly protocols: string[];
}

/** Raw subprotocols have no users. */
const RAW_USER = { user: "", roles: [], expires_at: 0 };

/** Makes the constructor and what sends over the socket that it made last. */
export function createWire(options: SocketOptions): Wire {
  let newest: CommandSocket | undefined;

  class CommandSocket extends WebSocket {
    /** Ids of the library's requests that are not answered yet. */
    readonly #asked = new Set<unknown>();

    constructor(url: string | URL, { protocols }: Given) {
      super(url, {
        protocols: protocols.filter((name) => name !== ""),
        headers: options.headers,
        ...(options.http ? { client: options.http } : {}),
      });
      newest = this;
      this.binaryType = "arraybuffer";
      this.addEventListener("message", ({ data }) => {
        if (!this.#isOwnAnswer(data)) options.received(data);
      });
    }

    override send(text: string): void {
      const { id } = JSON.parse(text);
      if (options.raw) return queueMicrotask(() => this.#answerItself(id));
      this.#asked.add(id);
      super.send(text);
    }

    sendAsItIs(text: string): void {
      super.send(text);
    }

    #isOwnAnswer(data: unknown): boolean {
      if (options.raw || typeof data !== "string") return false;
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

  return {
    WebSocket: CommandSocket as unknown as typeof WebSocket,
    send(text) {
      if (newest?.readyState !== WebSocket.OPEN) return false;
      newest.sendAsItIs(text);
      return true;
    },
  };
}

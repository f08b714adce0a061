/** What the library takes and gives. */

/** What a server's handlers offer, as `sallyport contract --format types` prints it. */
export interface Contract {
  methods: Record<string, { params: unknown; result: unknown }>;
  topics: Record<string, Record<string, unknown>>;
}

/**
 * `idle`: not asked to connect yet. `connecting`: an attempt is under way. `open`: admitted. `waiting`: comes back by itself.
 * `closed`: for good, until `connect()`.
 */
export type State = "idle" | "connecting" | "open" | "waiting" | "closed";

/**
 * Why a connection or an attempt ended. `code` is a close code (RFC 6455 section 7.4), an HTTP status of the ticket's refusal,
 * or 0 where the server did not say in time who we are. Of the library's own are 1006 with what the network or the token
 * callback threw, or `silent`; 1000 with `signed_out` or `suspended`. `retryInMs` is the time until the next attempt, where one
 * is due.
 */
export type Why = { code: number; reason: string; final: boolean; retryInMs?: number };

/** Why a token is asked for. `refused`: the server took the last one no longer, so it must be a fresh one. */
export type TokenAsk = { why: "connect" | "expiring" | "refused"; signal: AbortSignal };

export interface Options {
  subprotocol: string;
  /** Asked before each attempt, and before the token expires. `null`: signed out, the client closes for good. */
  token?(ask: TokenAsk): Promise<string | null> | string | null;
  /** How the token travels. Default: `ticket` in browsers, where its refusals can be read; `header` elsewhere. */
  via?: "ticket" | "subprotocol" | "header" | "cookie";
  /** Milliseconds; the n-th delay is random between 0 and `min(max, min × 2^n)`. Default: 500 and 30,000. */
  backoff?: { min?: number; max?: number };
  /** Milliseconds a call may take, its time in the queue included. Default: 10,000. */
  timeout?: number;
  /** Calls that wait for a connection. Default: 100 calls, 262,144 bytes. */
  queue?: { max?: number; bytes?: number } | false;
  /** Replacements for what the platform has. `target` gets the events of a page's life; `null`: there is no page. */
  env?: {
    WebSocket?: typeof WebSocket;
    fetch?: typeof fetch;
    target?: EventTarget | null;
    random?(): number;
  };
}

export interface CallOptions {
  /** Milliseconds. */
  timeout?: number;
  signal?: AbortSignal;
  /** `false`: fails at once while there is no connection. */
  queue?: boolean;
}

/** Who the server takes this connection for. `expires_at` is in seconds since the epoch. */
export type User = { user: string; roles: string[]; expires_at: number };

/**
 * `not_sent`: it did not leave. `unknown`: it was sent, and nothing tells whether it was executed. `refused`: the server
 * answered with an error.
 */
export type Outcome = "not_sent" | "unknown" | "refused";

/** Arguments of the listeners of `Client.on`. */
export type ClientEvents = {
  /** The new state, and what led to it where that was an end. */
  state: [state: State, why: Why | null];
  /** What a token callback, the network, a refresh, a listener or a malformed message threw. */
  error: [error: unknown];
  /** A notification that belongs to no subscription. */
  notification: [method: string, params: unknown];
};

/** `pending`: asked for, or waiting for a connection. `live`: events arrive. `denied`, `ended`: over. */
export type SubscriptionState = "pending" | "live" | "denied" | "ended";

/** Events of one topic, across reconnects. While it is `pending` events are missed. An iteration holds events from its first `next()`. */
export interface Subscription<E>
  extends AsyncIterable<{ [K in keyof E]: { event: K; data: E[K] } }[keyof E]>, AsyncDisposable {
  readonly topic: string;
  readonly state: SubscriptionState;
  /** Calls `listener` with the data of each such event; returns what removes it. */
  on<K extends keyof E & string>(event: K, listener: (data: E[K]) => void): () => void;
  /** `reason` is the server's where the subscription was denied or ended. */
  onState(listener: (state: SubscriptionState, reason?: string) => void): () => void;
  /** Who is on the topic. @throws {CallError} */
  presence(): Promise<{ user: string; connections: number }[]>;
  /** Ends it. Iterations over it end, too. */
  close(): Promise<void>;
}

export interface Client<C extends Contract = Contract> extends AsyncDisposable {
  readonly state: State;
  /** Of the current connection, or of the last one while there is none. */
  readonly user: User | null;
  /**
   * Resolves when the client is open, at once if it is. While it waits by its own delay, hurries.
   * @throws {CallError} When it is closed for good instead.
   */
  connect(): Promise<void>;
  /** Closes for good: nothing reconnects, calls and subscriptions end. Resolves when the sockets are closed. */
  close(reason?: string): Promise<void>;
  /**
   * Calls a method. It is sent at most once.
   * @throws {CallError} With the outcome. {@linkcode TypeError} when `params` is not JSON.
   */
  call<M extends keyof C["methods"] & string>(
    method: M,
    params: C["methods"][M]["params"],
    options?: CallOptions,
  ): Promise<C["methods"][M]["result"]>;
  /** Subscribes as soon as there is a connection, and again after each reconnect. */
  subscribe<T extends keyof C["topics"] & string>(
    // deno-lint-ignore ban-types -- `string & {}` lets editors go on proposing the names of the contract
    topic: T | (string & {}),
  ): Subscription<C["topics"][T]>;
  /** Returns what removes the listener. */
  on<K extends keyof ClientEvents>(event: K, listener: (...args: ClientEvents[K]) => void): () => void;
}

/** The public types of the client library. */

/** The contract of a server's handlers. `sallyport contract --format types` prints it. */
export interface Contract {
  /** Methods by name, with the types of their parameters and result. */
  methods: Record<string, { params: unknown; result: unknown }>;
  /** Topics by pattern; each has its events by name, with the type of their data. */
  topics: Record<string, Record<string, unknown>>;
}

/**
 * The state of a client.
 *
 * - `idle`: `connect()` has not been called yet.
 * - `connecting`: an attempt is pending.
 * - `open`: the server has admitted the connection.
 * - `waiting`: the client reconnects after a delay.
 * - `closed`: no further attempt until `connect()`.
 */
export type State = "idle" | "connecting" | "open" | "waiting" | "closed";

/**
 * Why a connection or an attempt ended.
 *
 * `code` is a close code (RFC 6455 section 7.4), the HTTP status of a refused ticket, or 0 when the server did not answer
 * in time. The library itself uses 1006 with the message of a network or token error, or with `silent`, and 1000 with
 * `signed_out` or `suspended`. `final` is true when the client does not reconnect. `retryInMs` is the time in milliseconds
 * until the next attempt, if there is one.
 */
export type Why = { code: number; reason: string; final: boolean; retryInMs?: number };

/**
 * The argument of {@linkcode Options.token}. `why` is `connect` before an attempt, `expiring` before the end of the current
 * token, and `refused` after the server refused the last one, so that a new one is required. `signal` is aborted when the
 * token is no longer needed.
 */
export type TokenAsk = { why: "connect" | "expiring" | "refused"; signal: AbortSignal };

/** Options of a client. Only `subprotocol` is required. */
export interface Options {
  /** The subprotocol of the handler module, such as `chat.v1`. */
  subprotocol: string;
  /**
   * Returns a token, before each attempt and before the current one expires. `null` means signed out: the client closes
   * and does not reconnect. Default: no token.
   */
  token?(ask: TokenAsk): Promise<string | null> | string | null;
  /** Where the token is sent. Default: `ticket` in browsers, where refusals of a ticket can be read; `header` elsewhere. */
  via?: "ticket" | "subprotocol" | "header" | "cookie";
  /** Milliseconds. The n-th delay is random between 0 and `min(max, min × 2^n)`. Default: 500 and 30,000. */
  backoff?: { min?: number; max?: number };
  /** Milliseconds that a call may take, including its time in the queue. Default: 10,000. */
  timeout?: number;
  /** Bounds of the queue of calls made without a connection. `false`: no queue. Default: 100 calls, 262,144 bytes. */
  queue?: { max?: number; bytes?: number } | false;
  /** Replacements of platform functions. `target` receives the page's life-cycle events; `null` means no page. */
  env?: {
    WebSocket?: typeof WebSocket;
    fetch?: typeof fetch;
    target?: EventTarget | null;
    random?(): number;
  };
}

/** Options of one call. */
export interface CallOptions {
  /** Milliseconds. Default: {@linkcode Options.timeout}. */
  timeout?: number;
  /** Aborts the call. Its outcome is then `not_sent` or `unknown`. */
  signal?: AbortSignal;
  /** `false`: the call fails at once while there is no connection. Default: `true`. */
  queue?: boolean;
}

/** The user of the connection, as `session.whoami` answers. `expires_at` is in seconds since the epoch. */
export type User = { user: string; roles: string[]; expires_at: number };

/**
 * The outcome of a failed call.
 *
 * - `not_sent`: the request was not sent.
 * - `unknown`: the request was sent, and the connection or the time ended before the answer. It may have been executed.
 * - `refused`: the server answered with an error.
 */
export type Outcome = "not_sent" | "unknown" | "refused";

/** Arguments of the listeners of `Client.on`. */
export type ClientEvents = {
  /** The new state, and the reason if a connection or an attempt ended. */
  state: [state: State, why: Why | null];
  /** An error of the token callback, the network, a refresh, a listener or a malformed message. */
  error: [error: unknown];
  /** A notification of the server that belongs to no subscription. */
  notification: [method: string, params: unknown];
};

/**
 * The state of a subscription. `pending`: requested, or waiting for a connection. `live`: events arrive. `denied`: the server
 * refused it. `ended`: closed by the client or the server.
 */
export type SubscriptionState = "pending" | "live" | "denied" | "ended";

/**
 * The events of one topic, across reconnections. Events are missed while the subscription is `pending`. An iteration
 * receives events from its first `next()` on.
 */
export interface Subscription<E>
  extends AsyncIterable<{ [K in keyof E]: { topic: string; event: K; data: E[K] } }[keyof E]>, AsyncDisposable {
  /** The name of the topic. */
  readonly topic: string;
  /** The current state. */
  readonly state: SubscriptionState;
  /** Calls `listener` with the data of each event of that name. Returns a function that removes the listener. */
  on<K extends keyof E & string>(event: K, listener: (data: E[K]) => void): () => void;
  /** Calls `listener` with each new state; `reason` is the server's. Returns a function that removes the listener. */
  onState(listener: (state: SubscriptionState, reason?: string) => void): () => void;
  /**
   * The users on the topic, with the number of their connections. `partial`: the server can't reach the other nodes of its
   * cluster, so these are the connections to one node.
   *
   * @throws {CallError} if the call fails
   */
  presence(): Promise<{ user: string; connections: number; partial?: true }[]>;
  /** Ends the subscription and its iterations. */
  close(): Promise<void>;
}

/** A client, created by `createClient`. `C` is the contract of the server's handlers. */
export interface Client<C extends Contract = Contract> extends AsyncDisposable {
  /** The current state. */
  readonly state: State;
  /** The user of the current connection, or of the last one; null before the first. */
  readonly user: User | null;
  /**
   * Connects. Resolves when the client is open. Cuts short a reconnection delay of the client's own.
   *
   * @throws {CallError} if the client closes instead
   */
  connect(): Promise<void>;
  /** Closes without reconnecting; calls and subscriptions end. Resolves when the sockets are closed. */
  close(reason?: string): Promise<void>;
  /**
   * Calls a method (JSON-RPC 2.0 section 4). The request is sent at most once. Resolves to the result.
   *
   * @throws {CallError} if the call has no result; `outcome` says whether it was sent
   * @throws {TypeError} if `params` can't be serialised as JSON
   */
  call<M extends keyof C["methods"] & string>(
    method: M,
    params: C["methods"][M]["params"],
    options?: CallOptions,
  ): Promise<C["methods"][M]["result"]>;
  /** Subscribes to a topic as soon as there is a connection, and again after each reconnection. */
  subscribe<T extends keyof C["topics"] & string>(
    // deno-lint-ignore ban-types -- `string & {}` lets editors go on proposing the names of the contract
    topic: T | (string & {}),
  ): Subscription<C["topics"][T]>;
  /** Calls `listener` on each event. Returns a function that removes the listener. */
  on<K extends keyof ClientEvents>(event: K, listener: (...args: ClientEvents[K]) => void): () => void;
}

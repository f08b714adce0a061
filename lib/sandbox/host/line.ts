/** The interfaces between a session and its cell. */

/** The user of a session, `ctx.user` in the handler. */
export interface CellUser {
  readonly id: string;
  readonly roles: readonly string[];
  readonly claims: Record<string, unknown>;
}

/** A user in the answer of `presence`, with the number of connections that subscribe to the topic. */
export interface Present {
  readonly user: string;
  readonly connections: number;
}

/**
 * The operations of a cell on a session, implemented by the session. Every call is synchronous and comes only from the
 * session's own cell. Texts are UTF-8 within the sandbox's size limits, and otherwise untrusted. Bytes are valid only
 * during the call.
 */
export interface CellClient {
  readonly id: string;
  readonly ip: string;
  readonly subprotocol: string;
  readonly user: CellUser;
  /** `message` is a whole JSON-RPC notification, made by the cell, in UTF-8. */
  notify(message: Uint8Array): void;
  /** A raw frame (raw modules only): text in UTF-8, or binary. */
  send(data: Uint8Array, text: boolean): void;
  /** Subscribes. False if a bound is reached; the session is then not subscribed. */
  subscribe(topic: string, answer: (code: number) => void): void;
  unsubscribe(topic: string): void;
  /** May be asynchronous, as presence over several nodes is. */
  presence(topic: string): readonly Present[] | Promise<readonly Present[]>;
  /** Normal closure (1000) with the handler's reason, at most 123 bytes of UTF-8. */
  closeByHandler(reason: string): void;
  /** The handler's own log line: `ctx.log` and `console.*` during one of this session's messages. */
  logged(level: "debug" | "info" | "warn" | "error", message: string, fields: Record<string, unknown>): void;
  /** Another cell serves the session from now on. */
  resumed(): void;
  /** `open()` threw or took longer than `timeout`: the session can't be served, close it with 1011 `internal`. */
  unserved(): void;
}

/** A pending request or raw frame. Exactly one of its methods is called, exactly once. */
export interface PendingCall {
  /** `resultJson` is the JSON text after `"result":`; "null" for a raw frame. Bytes are valid only during the call. */
  resolve(resultJson: string | Uint8Array): void;
  /**
   * `dataJson` is the JSON text after `"data":`. Codes: -32601, -32602, -32603, -32004, -32005, and those that the
   * method declares, with their `message`.
   */
  reject(code: number, dataJson?: string, message?: string): void;
}

/** What came of an event from outside of sessions. */
export type Publication =
  | { readonly delivered: number }
  /** The module declares no such topic, or no such event on it. */
  | { readonly refused: "unknown_topic" | "unknown_event" }
  /** JSON text `{"issues":[…]}`: `path`, `code`, `message`, never a value. */
  | { readonly refused: "invalid_data"; readonly dataJson: string }
  /** No cell can take it now; the module failed (the log says why); its cell took too long. */
  | { readonly refused: "overloaded" | "failed" | "timeout" };

/** A session's way into its cell. Messages of one line are handled in the order given. */
export interface Line {
  /** `request` is the client's JSON text of one request object; the cell takes `.params` of it. Bytes are copied. */
  call(method: string, request: string | Uint8Array, call: PendingCall): void;
  /** A raw frame; bytes are copied. */
  message(data: string | Uint8Array, call: PendingCall): void;
  /**
   * Asks the module whether the client may follow the topic: the result is `true` or `false`. What a handler asks (`ctx.subscribe`)
   * does not wait for the end of `open`, which may be what asks.
   */
  allow(topic: string, asked: "by_handler" | "in_order", call: PendingCall): void;
  /**
   * Has the module check an event: `request` is JSON text of a request with `topic`, `event` and `data` as parameters. The result is
   * the notification for the subscribers, who have it then.
   */
  publish(topic: string, request: string | Uint8Array, call: PendingCall): void;
  /** The session's user changed (`session.refresh`). */
  identity(user: CellUser): void;
  /**
   * The client has disconnected: aborts `ctx.signal` of its calls, runs `close(ctx, code)`, detaches. Pending calls of
   * this line are rejected with -32004.
   */
  close(code: number): void;
}

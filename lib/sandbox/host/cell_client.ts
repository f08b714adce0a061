/** The interfaces that a session gives to its cell. */

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
  /** The other nodes can't be reached: these are the connections to this node. */
  readonly partial?: true;
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
  /** Subscribes. `answer` gets 0 or the JSON-RPC code of the refusal; it is not called where the session ends before. */
  subscribe(topic: string, answer: (code: number) => void): void;
  unsubscribe(topic: string): void;
  /** The number of subscribers on this node: the work of {@linkcode CellClient.presence}. */
  followers(topic: string): number;
  presence(topic: string): Promise<readonly Present[]>;
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
  /**
   * `resultJson` is the JSON text after `"result":`; "null" for a raw frame. Bytes are valid only during the call. `now`
   * is the time on the monotonic clock, from a caller that has read it.
   */
  resolve(resultJson: string | Uint8Array, now?: number): void;
  /**
   * `dataJson` is the JSON text after `"data":`. Codes: -32601, -32602, -32603, -32004, -32005, and those that the
   * method declares, with their `message`.
   */
  reject(code: number, dataJson?: string, message?: string): void;
}

/** An event that the module is to check. Exactly one of its methods is called, exactly once. */
export interface PendingPublication extends Pick<PendingCall, "reject"> {
  /** The event was sent to so many subscribers. */
  delivered(subscribers: number): void;
}

/** The outcome of an event from outside of sessions. */
export type Publication =
  | { readonly delivered: number }
  /** The module declares no such topic, or no such event on it. */
  | { readonly refused: "unknown_topic" | "unknown_event" }
  /** JSON text `{"issues":[…]}`: `path`, `code`, `message`, never a value. */
  | { readonly refused: "invalid_data"; readonly dataJson: string }
  /** No cell can take it now; the module failed (the log says why); its cell took too long. */
  | { readonly refused: "overloaded" | "failed" | "timeout" };

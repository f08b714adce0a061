/** The two ends between a session and the cell that serves it. */

/** The user of a session, as the handler sees it in `ctx.user`. */
export interface CellUser {
  readonly id: string;
  readonly roles: readonly string[];
  readonly claims: Record<string, unknown>;
}

/** Answer of `presence`: a user and how many of its connections listen to the topic. */
export interface Present {
  readonly user: string;
  readonly connections: number;
}

/**
 * What a cell may do to a session. Implemented by the session; every call is synchronous and comes only from the cell that
 * serves it. Texts are UTF-8 within the sandbox's size limits, nothing else about them can be trusted. Bytes are valid only
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
  /** Returns false when a bound is reached: the session then does not follow the topic. */
  subscribe(topic: string): boolean;
  unsubscribe(topic: string): void;
  /** May be answered later: presence over several nodes is. */
  presence(topic: string): readonly Present[] | Promise<readonly Present[]>;
  /** Normal closure (1000) with the handler's reason, at most 123 bytes of UTF-8. */
  closeByHandler(reason: string): void;
  /** The handler's own log line: `ctx.log` and `console.*` during one of this session's messages. */
  logged(level: "debug" | "info" | "warn" | "error", message: string, fields: Record<string, unknown>): void;
  /** `open()` threw or took longer than `timeout`: the session can't be served, close it with 1011 `internal`. */
  unserved(): void;
}

/** A request or a raw frame waiting for its outcome: exactly one of the two is called, exactly once. */
export interface PendingCall {
  /** `resultJson` is JSON text to put behind `"result":`, bytes valid only during the call; "null" for a raw frame. */
  resolve(resultJson: string | Uint8Array): void;
  /**
   * `dataJson` is JSON text to put behind `"data":`. Codes: -32601, -32602, -32603, -32004, -32005, and those that the method
   * declares, with their `message`.
   */
  reject(code: number, dataJson?: string, message?: string): void;
}

/** A session's way into its cell. Messages of one line are handled in the order given. */
export interface Line {
  /** `request` is the client's JSON text of one request object; the cell takes `.params` of it. Bytes are copied. */
  call(method: string, request: string | Uint8Array, call: PendingCall): void;
  /** A raw frame; bytes are copied. */
  message(data: string | Uint8Array, call: PendingCall): void;
  /** The session's user changed (`session.refresh`). */
  identity(user: CellUser): void;
  /**
   * The client left: aborts `ctx.signal` of its calls, runs `close(ctx, code)`, detaches. Pending calls of this line are
   * rejected with -32004.
   */
  close(code: number): void;
}

/**
 * What crosses between the main isolate and a cell: one flat array a tick each way, operation after operation, each a code
 * followed by a fixed number of strings and numbers (bytes in `Message` and `Send`).
 *
 * Measured against one packed string: the array is 10 to 25 % faster from eight operations on, does not turn the whole batch
 * into two-byte text because of one character, and carries bytes as they are.
 */

/** Main isolate to cell. */
export enum ToCell {
  /** session, resumed (0 or 1), call (0: the module has no `open`), JSON of `SessionInfo` */
  Open,
  /** session, call, method, JSON text of the request */
  Call,
  /** session, call, text or bytes */
  Message,
  /** session, JSON of `CellUser` */
  Identity,
  /** session, call, close code */
  Close,
  /** session, call */
  Cancel,
  /** session, query, JSON of `Present[]`, or "" when it failed */
  Presence,
  /** no operands; its turn being done is the answer */
  Ping,
}

/** Cell to main isolate. */
export enum ToMain {
  /** call, JSON text */
  Result,
  /** call, code, JSON text of data or "" */
  Error,
  /** session, JSON text of the notification */
  Notify,
  /** session, text or bytes */
  Send,
  /** session, topic, JSON text of the notification */
  Publish,
  /** session, topic */
  Subscribe,
  /** session, topic */
  Unsubscribe,
  /** session, query, topic */
  Presence,
  /** session, reason */
  Close,
  /** session (0: the module), level, message, JSON text of fields or "" */
  Log,
  /** session, reference, method or hook, description of the error */
  Failed,
  /** operations done since the start, bytes held outside the heap */
  Done,
  /** 1 for the heap limit, else 0; description of an error nobody caught */
  Crash,
}

/** Log levels as they cross. */
export const LEVELS = ["debug", "info", "warn", "error"] as const;

/** What a cell is told about a session it serves. */
export interface SessionInfo {
  user: { id: string; roles: readonly string[]; claims: Record<string, unknown> };
  connection: { id: string; ip: string; subprotocol: string };
}

/** First message to a cell: what to load. */
export interface LoadRequest {
  /** `file:` URL of the handler module. */
  url: string;
  /** `file:` URL, ending in a slash, of the folder that imports may come from. */
  folder: string;
  /** Which of net, read, write, env, sys, import are granted. */
  granted: readonly string[];
}

/** A cell's answer to `LoadRequest`. The contract is checked again in the main isolate. */
export type LoadReply =
  | { up: true }
  | { loaded: true; contract: unknown }
  | { loaded: false; error: string };

/** Longest topic, in UTF-16 units. */
export const MAX_TOPIC = 512;
/** Longest JSON text a handler may return, notify or publish, in UTF-16 units; also the longest raw frame. */
export const MAX_TEXT = 1024 * 1024;
/** Longest log message and longest JSON of log fields; longer ones are cut or left out. */
export const MAX_LOG = 4096;

/**
 * How much a cell may say unasked: a base per second, and a share for each operation it was given. The cell throws at a
 * handler that goes beyond; the main isolate, with twice the allowance, ends a cell that does not.
 */
export const ALLOWANCE = {
  /** Operations a second, and the most that can be saved up. */
  ops: 20_000,
  /** Further operations for each one received. */
  ops_each: 64,
  /** Bytes (UTF-16 units of text) a second, and the most that can be saved up. */
  bytes: 32 * 1024 * 1024,
  /** Further bytes for each operation received. */
  bytes_each: 256 * 1024,
} as const;

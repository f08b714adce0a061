/**
 * The operations between front (host) and cell in both directions: one table, which both sides use for reading and
 * writing.
 *
 * Every operation has the same format, integers little-endian:
 *
 *     bytes 0–3    length of the whole operation
 *     byte  4      code, bytes 5–7 zero
 *     bytes 8–11   session: the cell's own handle of a session, 0 for none
 *     bytes 12–15  id: number of a call, a query or an amount
 *     bytes 16–19  extra
 *     bytes 20–23  length of the first text
 *     then         the first text, the second text
 *
 * The table gives the meaning and the bound of each operand. An unused operand is zero or empty.
 */

/** The operands of an operation. An absent entry means that the operand must be zero or empty. */
export interface OperationShape {
  readonly name: string;
  /** A session's handle, from 1 (`0` where the module itself may stand in its place). */
  readonly session?: "required" | "or_module";
  /** Meaning of the number, which must be at least 1. */
  readonly id?: string;
  /** Maximum of `extra`. */
  readonly extra?: number;
  /** Maximum size of the first text in bytes. `output`: the maximum for texts of a module, see `Configure`. */
  readonly first?: number | "output";
  readonly second?: number | "output";
}

/** Maximum length of a topic or method, in bytes of UTF-8. */
export const MAX_NAME_BYTES = 512;
/** Maximum size of a log message and of the JSON of its fields, in bytes; longer ones are cut or omitted. */
export const MAX_LOG_BYTES = 4096;
/** Maximum size of the JSON of a session's user with claims, of presence, of a contract, in bytes. */
export const MAX_INFO_BYTES = 1024 * 1024;
/** Maximum size of a close reason in bytes (RFC 6455 section 5.5.1). */
export const MAX_REASON_BYTES = 123;
/** Maximum size of a cell's secret in bytes. */
const MAX_SECRET_BYTES = 128;
/** Maximum size of a client's text in bytes, whatever `messages.max_bytes` is. */
export const MAX_MESSAGE_BYTES = 256 * 1024 * 1024;
/** Minimum of the bound on texts of a module, in bytes; the bound is `messages.max_bytes` if that is larger. */
export const MIN_OUTPUT_BYTES = 1024 * 1024;
/** Maximum value of an operand. */
const MAX_U32 = 0xffff_ffff;

/** Host to cell. */
export enum ToCell {
  Configure = 1,
  Open,
  Call,
  Message,
  Identity,
  Close,
  Cancel,
  Presence,
  Ping,
  Allow,
  Subscribed,
  Publish,
}

/** Cell to host. */
export enum ToHost {
  Hello = 32,
  Loaded,
  NotLoaded,
  Result,
  Error,
  Notify,
  Send,
  Publish,
  Subscribe,
  Unsubscribe,
  Presence,
  Close,
  Log,
  Failed,
  Done,
  Crash,
  DeclaredError,
}

/** Log levels by index, the `extra` of `Log`. */
export const LEVELS = ["debug", "info", "warn", "error"] as const;
export type Level = typeof LEVELS[number];

/** Operations from the host. */
export const TO_CELL: ReadonlyMap<number, OperationShape> = new Map<number, OperationShape>([
  // The answer to Hello, id: most bytes a module may send as one text. The cell loads its module then.
  [ToCell.Configure, { name: "Configure", id: "bytes" }],
  // extra: 1 when the session is older than the cell. id: the call of the module's `open`. first: JSON of `SessionInfo`.
  [ToCell.Open, { name: "Open", session: "required", id: "call", extra: 1, first: MAX_INFO_BYTES }],
  // extra: index of the method in the cell's contract. first: JSON text of the request.
  [ToCell.Call, { name: "Call", session: "required", id: "call", extra: MAX_U32, first: MAX_MESSAGE_BYTES }],
  // extra: 1 for text, 0 for binary.
  [ToCell.Message, { name: "Message", session: "required", id: "call", extra: 1, first: MAX_MESSAGE_BYTES }],
  // first: JSON of `CellUser`.
  [ToCell.Identity, { name: "Identity", session: "required", first: MAX_INFO_BYTES }],
  // extra: the close code.
  [ToCell.Close, { name: "Close", session: "required", id: "call", extra: 4999 }],
  // The call's time is up, or its client left.
  [ToCell.Cancel, { name: "Cancel", session: "required", id: "call" }],
  // extra: 1 with JSON of `Present[]`, 0 when it failed.
  [ToCell.Presence, { name: "Presence", session: "required", id: "query", extra: 1, first: MAX_INFO_BYTES }],
  // Whether the client may follow the topic: extra 1 when the module itself asks, which does not wait for `open`. first: topic.
  [ToCell.Allow, { name: "Allow", session: "required", id: "call", extra: 1, first: MAX_NAME_BYTES }],
  // extra: 0, or the JSON-RPC code of the refusal without its sign.
  [ToCell.Subscribed, { name: "Subscribed", session: "required", id: "query", extra: 32_768 }],
  // first: JSON text of a request with `topic`, `event` and `data` as parameters. The result is the notification to be sent.
  [ToCell.Publish, { name: "Publish", session: "or_module", id: "call", first: MAX_MESSAGE_BYTES }],
  // To be counted as done, which is the answer.
  [ToCell.Ping, { name: "Ping" }],
]);

/** Operations from the cell. */
export const TO_HOST: ReadonlyMap<number, OperationShape> = new Map<number, OperationShape>([
  [ToHost.Hello, { name: "Hello", first: MAX_SECRET_BYTES }],
  // first: JSON of what `describeHandlers` reports.
  [ToHost.Loaded, { name: "Loaded", first: MAX_INFO_BYTES }],
  [ToHost.NotLoaded, { name: "NotLoaded", first: MAX_LOG_BYTES }],
  // first: JSON text of the result.
  [ToHost.Result, { name: "Result", id: "call", first: "output" }],
  // extra: the JSON-RPC code without its sign. first: JSON text of `data`, or empty.
  [ToHost.Error, { name: "Error", id: "call", extra: 32_768, first: "output" }],
  // extra: index of the error in the contract of the call's method. first: JSON text of `data`, or empty.
  [ToHost.DeclaredError, { name: "DeclaredError", id: "call", extra: MAX_U32, first: "output" }],
  // first: JSON text of a notification.
  [ToHost.Notify, { name: "Notify", session: "required", first: "output" }],
  // extra: 1 for text, 0 for binary.
  [ToHost.Send, { name: "Send", session: "required", extra: 1, first: "output" }],
  // first: topic. second: JSON text of a notification.
  [ToHost.Publish, { name: "Publish", session: "or_module", first: MAX_NAME_BYTES, second: "output" }],
  [ToHost.Subscribe, { name: "Subscribe", session: "required", id: "query", first: MAX_NAME_BYTES }],
  [ToHost.Unsubscribe, { name: "Unsubscribe", session: "required", first: MAX_NAME_BYTES }],
  [ToHost.Presence, { name: "Presence", session: "required", id: "query", first: MAX_NAME_BYTES }],
  [ToHost.Close, { name: "Close", session: "required", first: MAX_REASON_BYTES }],
  // extra: index in `LEVELS`. first: message. second: JSON of the fields, or empty.
  [ToHost.Log, { name: "Log", session: "or_module", extra: 3, first: MAX_LOG_BYTES, second: MAX_LOG_BYTES }],
  // first: reference (36 bytes), a space, method or hook. second: description of the error.
  [ToHost.Failed, {
    name: "Failed",
    session: "or_module",
    first: MAX_NAME_BYTES + 37,
    second: MAX_LOG_BYTES,
  }],
  // id: the number of further operations of the host that have been started.
  [ToHost.Done, { name: "Done", id: "amount" }],
  // first: description of an uncaught error. The cell is no longer used.
  [ToHost.Crash, { name: "Crash", first: MAX_LOG_BYTES }],
]);

/** Data about a session for its cell. */
export interface SessionInfo {
  readonly user: {
    readonly id: string;
    readonly roles: readonly string[];
    readonly claims: Record<string, unknown>;
  };
  readonly connection: { readonly id: string; readonly ip: string; readonly subprotocol: string };
}

/** Length of an operation without its texts. */
export const HEADER_BYTES = 24;

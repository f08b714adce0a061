/**
 * JSON-RPC 2.0 without I/O: parses messages to checked requests, and formats responses and notifications.
 *
 * Way of a message: the text of a message comes in, checked requests go out; back, a result becomes a response. Finds
 * -32700 and -32600.
 *
 * @see https://www.jsonrpc.org/specification
 */
import { elementTexts, exceedsDepth } from "./json_scan.ts";
import { ErrorCode, errorMessage } from "./errors.ts";

export { ErrorCode, errorMeans, errorReason, isReserved } from "./errors.ts";

const utf8Decoder = new TextDecoder();

/** An id. `null` is a valid id; `undefined` marks a notification, which is never answered. */
export type RequestId = string | number | null;

/** A checked request object. `text` is JSON (as bytes: in UTF-8) whose `params` member the handler's cell parses. */
export interface RpcRequest {
  readonly id: RequestId | undefined;
  readonly method: string;
  readonly text: string | Uint8Array;
}

/** A response as it is sent: a text, or a text around a result in UTF-8, which is not converted to a string. */
export type RpcResponse = string | { readonly head: string; readonly body: Uint8Array; readonly tail: string };

/** An element that is not a request object. It is answered with `code` and the id if it could be read, else null. */
export interface RpcFault {
  readonly id: RequestId;
  readonly code: number;
}

export type RpcElement = RpcRequest | RpcFault;

/** A message is one element, or a batch of at least one. */
export type RpcMessage =
  | { readonly batch: false; readonly element: RpcElement }
  | { readonly batch: true; readonly elements: readonly RpcElement[] };

export interface RpcLimits {
  readonly max_depth: number;
  readonly max_batch: number;
}

/** Whether the element is a fault. */
export function isFault(element: RpcElement): element is RpcFault {
  return "code" in element;
}

/**
 * Parses a client's message. Never throws: errors are in the elements. A message over `max_depth` or `max_batch` is
 * -32600 as a whole. `utf8` is the text in UTF-8 if available; a request outside a batch then refers to it.
 */
export function parseMessage(text: string, limits: RpcLimits, utf8?: Uint8Array): RpcMessage {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { batch: false, element: { id: null, code: ErrorCode.PARSE_ERROR } };
  }
  if (!Array.isArray(value)) {
    const element = checkRequest(value, utf8 ?? text);
    if (exceedsDepth(text, limits.max_depth)) return invalid(element.id ?? null);
    return { batch: false, element };
  }
  if (value.length === 0 || value.length > limits.max_batch || exceedsDepth(text, limits.max_depth)) {
    return invalid(null);
  }
  const texts = elementTexts(text);
  return { batch: true, elements: value.map((item, index) => checkRequest(item, texts[index]!)) };
}

function invalid(id: RequestId): RpcMessage {
  return { batch: false, element: { id, code: ErrorCode.INVALID_REQUEST } };
}

/** `text` is the element's own JSON. */
function checkRequest(value: unknown, text: string | Uint8Array): RpcElement {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return { id: null, code: ErrorCode.INVALID_REQUEST };
  }
  // JSON.parse creates own properties only, "__proto__" included, and none of these names is inherited.
  const { jsonrpc, method, params, id: sentId } = value as Record<string, unknown>;
  const id = readId(sentId);
  if (
    jsonrpc !== "2.0" || typeof method !== "string" || (sentId !== undefined && id === undefined) ||
    (params !== undefined && (typeof params !== "object" || params === null))
  ) {
    return { id: id ?? null, code: ErrorCode.INVALID_REQUEST };
  }
  return { id, method, text };
}

/** A number that a double can't represent exactly would be answered with another value, so it is no valid id. */
function readId(id: unknown): RequestId | undefined {
  if (id === null || typeof id === "string") return id;
  if (typeof id !== "number" || !Number.isFinite(id)) return undefined;
  return Number.isInteger(id) && !Number.isSafeInteger(id) ? undefined : id;
}

/** A response object with a result; `resultJson` is JSON text (JSON-RPC 2.0 section 5). */
export function resultResponse(id: RequestId, resultJson: string | Uint8Array): RpcResponse {
  const head = `{"jsonrpc":"2.0","id":${idJson(id)},"result":`;
  return typeof resultJson === "string" ? `${head}${resultJson}}` : { head, body: resultJson, tail: "}" };
}

/** The `params` member of a request, `{}` when it has none. */
export function paramsOf({ text }: RpcRequest): unknown {
  const json = typeof text === "string" ? text : utf8Decoder.decode(text);
  return (JSON.parse(json) as { params?: unknown }).params ?? {};
}

/** A response object with an error; `dataJson` is JSON text (JSON-RPC 2.0 section 5.1). */
export function errorResponse(id: RequestId, code: number, dataJson?: string, message = errorMessage(code)): string {
  const data = dataJson === undefined ? "" : `,"data":${dataJson}`;
  const text = JSON.stringify(message);
  return `{"jsonrpc":"2.0","id":${idJson(id)},"error":{"code":${code},"message":${text}${data}}}`;
}

/** A notification to a client; `paramsJson` is JSON text. */
export function notification(method: string, paramsJson: string): string {
  return `{"jsonrpc":"2.0","method":${JSON.stringify(method)},"params":${paramsJson}}`;
}

function idJson(id: RequestId): string {
  return typeof id === "number" ? String(id) : JSON.stringify(id);
}

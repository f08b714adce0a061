/**
 * Parses the request head (RFC 9112 sections 2 to 5) strictly. Where a lenient and a strict parser differ, two programs
 * in a chain may disagree on the end of a request (request smuggling), so everything ambiguous is refused.
 */

import { TOKEN_REGEXP } from "../../base/http_token.ts";
import { Buffer } from "node:buffer";

/** Maximum size of the head in bytes, including the final empty line. */
export const MAX_HEAD_BYTES = 16 * 1024;
/** Maximum number of header lines, without the request line. */
export const MAX_HEADER_LINES = 64;

export interface RequestHead {
  readonly method: string;
  /** Origin-form (RFC 9112 3.2.1): starts with a slash, has no fragment. */
  readonly target: string;
  /** A syntactically valid authority. */
  readonly host: string;
  readonly headers: Headers;
}

/** The reason of a refused head. `detail` is for the log and never quotes the request. */
export interface HeadFailure {
  readonly reason: "bad_request" | "headers_too_large";
  readonly detail: string;
  /** True if a foreign page can make a browser send it. */
  readonly blameless?: boolean;
}

const CR = 0x0d;
const LF = 0x0a;
const TAB = 0x09;
const SPACE = 0x20;
const DELETE = 0x7f;

const FIRST_CAPACITY_BYTES = 1024;

/**
 * A push parser with one head or one failure as result. It looks at each byte once, for any chunking, fails at the
 * first wrong byte, never throws, and holds at most {@linkcode MAX_HEAD_BYTES}.
 */
export class HeadReader {
  #head: RequestHead | null = null;
  #failure: HeadFailure | null = null;
  /** Earlier chunks; null while the head is within one chunk. */
  #stored: Uint8Array | null = null;
  #size = 0;
  #lines = 0;
  #lineLength = 0;
  #afterReturn = false;

  get head(): RequestHead | null {
    return this.#head;
  }

  get failure(): HeadFailure | null {
    return this.#failure;
  }

  /** Whether any byte has been received. */
  get started(): boolean {
    return this.#size > 0;
  }

  /** @returns bytes consumed; fewer than given only after a head or a failure */
  push(chunk: Uint8Array): number {
    if (this.#head !== null || this.#failure !== null) return 0;
    const stored = this.#size;
    for (let at = 0; at < chunk.length; at++) {
      const ended = this.#next(chunk[at]!);
      if (this.#size > MAX_HEAD_BYTES) {
        const text = this.#whole(chunk.subarray(0, at), stored);
        this.#tooLarge(`Head is longer than ${MAX_HEAD_BYTES} bytes`, longByPage(text));
      }
      if (this.#failure !== null) return at + 1;
      if (ended) {
        const parsed = parseHead(this.#whole(chunk.subarray(0, at + 1), stored));
        if ("reason" in parsed) this.#failure = parsed;
        else this.#head = parsed;
        this.#stored = null;
        return at + 1;
      }
    }
    this.#store(chunk, stored);
    return chunk.length;
  }

  /** @returns whether this byte ended the head */
  #next(byte: number): boolean {
    if (++this.#size > MAX_HEAD_BYTES) return false;
    if (this.#afterReturn) {
      if (byte !== LF) return this.#bad("CR without LF");
      this.#afterReturn = false;
      if (this.#lineLength === 0) {
        // RFC 9112 2.2 allows a server to ignore an empty line before the request line. No WebSocket client needs that.
        if (this.#lines === 0) return this.#bad("Empty request line");
        return true;
      }
      this.#lineLength = 0;
      // The request line counts as one.
      if (this.#lines++ > MAX_HEADER_LINES) return this.#tooLarge(`More than ${MAX_HEADER_LINES} header lines`);
      return false;
    }
    if (byte === CR) {
      this.#afterReturn = true;
      return false;
    }
    if (byte === LF) return this.#bad("LF without CR");
    // RFC 9110 5.5: a recipient treats obs-text (0x80 and above) in a field value as opaque data. Elsewhere it is an
    // error that the parser finds. Control bytes are used for smuggling.
    if (byte === DELETE || (byte < SPACE && byte !== TAB)) return this.#bad("Control byte");
    if (byte > DELETE && this.#lines === 0) return this.#bad("Non-ASCII byte in the request line");
    if (this.#lineLength === 0 && (byte === SPACE || byte === TAB)) {
      // RFC 9112 5.2: "A server that receives an obs-fold in a request message ... MUST either reject the message ..."
      return this.#bad("Line starts with white space");
    }
    this.#lineLength++;
    return false;
  }

  #bad(detail: string): false {
    this.#failure = bad(detail);
    this.#stored = null;
    return false;
  }

  #tooLarge(detail: string, blameless = false): false {
    this.#failure = { reason: "headers_too_large", detail, blameless };
    this.#stored = null;
    return false;
  }

  #store(chunk: Uint8Array, at: number): void {
    if (this.#stored === null || this.#stored.length < this.#size) {
      const capacity = Math.min(MAX_HEAD_BYTES, Math.max(FIRST_CAPACITY_BYTES, 2 * this.#size));
      const grown = new Uint8Array(capacity);
      if (this.#stored !== null) grown.set(this.#stored.subarray(0, at));
      this.#stored = grown;
    }
    this.#stored.set(chunk, at);
  }

  /** The head as text with one character per byte, as `Headers` requires. */
  #whole(last: Uint8Array, stored: number): string {
    const end = latin1(last);
    return this.#stored === null ? end : latin1(this.#stored.subarray(0, stored)) + end;
  }
}

/** Whether the excess length of a head is in parts that a page controls: target, offered subprotocols, cookies. */
function longByPage(text: string): boolean {
  const [, ...fields] = text.split("\r\n");
  const others = fields.filter((field) => !/^(?:sec-websocket-protocol|cookie|referer):/i.test(field));
  return others.join("\r\n").length < MAX_HEAD_BYTES / 2;
}

/** `TextDecoder` is unsuitable: its "latin1" is windows-1252. */
function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

function bad(detail: string): HeadFailure {
  return { reason: "bad_request", detail };
}

/**
 * RFC 3986 path and query, and characters that browsers leave unescaped in a query; no fragment, backslash or space.
 */
const TARGET_REGEXP = /^\/[!$%&'()*+,\-./0-9:;=?@A-Z[\]_a-z~|{}^`]*$/;
/** RFC 3986 3.2.2 without userinfo: a name or IPv4 address, or an IPv6 address in brackets; then a port. */
const HOST_REGEXP = /^(?:[A-Za-z0-9._~\-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/;

/** Whether the text is a valid value of `Host`. */
export function isHost(text: string): boolean {
  return HOST_REGEXP.test(text);
}

/** Whether a request target is in origin-form, without a fragment or a character that must be escaped. */
export function isOriginForm(text: string): boolean {
  return TARGET_REGEXP.test(text);
}

const LENGTH_REGEXP = /^\d{1,15}$/;

/** Headers that must not repeat, because another program could use the other occurrence. */
const SINGLE: ReadonlySet<string> = new Set([
  "authorization",
  "content-length",
  "content-type",
  "cookie",
  "host",
  "origin",
  "sec-websocket-key",
  "sec-websocket-version",
  "transfer-encoding",
]);

/** @param text a whole head: lines without control characters but tabs, each ended by CRLF, the last one empty */
function parseHead(text: string): RequestHead | HeadFailure {
  const lines = text.split("\r\n");
  const [method, target, version, ...more] = lines[0]!.split(" ");
  if (more.length > 0 || version === undefined) return bad("Request line is not method, target and version");
  if (!TOKEN_REGEXP.test(method!)) return bad("Method is not a token");
  // The absolute-form of RFC 9112 3.2.2 is for proxies; a server that follows it can be made to fetch.
  if (!isOriginForm(target!)) return bad("Request target is not in origin-form");
  if (version !== "HTTP/1.1") return bad("Version is not HTTP/1.1");

  const headers = new Headers();
  const seen = new Set<string>();
  for (let index = 1; index < lines.length - 2; index++) {
    const line = lines[index]!;
    const colon = line.indexOf(":");
    // RFC 9112 5.1: "A server MUST reject ... any received request message that contains whitespace between a header
    // field name and colon"; a space is no token character.
    const name = line.slice(0, Math.max(colon, 0));
    if (!TOKEN_REGEXP.test(name)) return bad("Header name is not a token");
    const key = name.toLowerCase();
    if (SINGLE.has(key)) {
      if (seen.has(key)) return bad(`Header ${key} occurs twice`);
      seen.add(key);
    }
    // Trimmed here, because `Headers` of Deno 2.9 takes quadratic time for values with inner white space.
    headers.append(key, trimmed(line, colon + 1));
  }

  // RFC 9112 3.2: "A server MUST respond with a 400 ... to any HTTP/1.1 request message that lacks a Host header field
  // and ... contains more than one Host header field line or a Host header field with an invalid field value."
  const host = headers.get("host");
  if (host === null || !isHost(host)) return bad("Host is missing or invalid");
  const body = bodyFailure(method!, headers);
  return body ?? { method: method!, target: target!, host, headers };
}

/** A field value without surrounding white space (RFC 9110 5.6.3). `trim()` also removes 0xA0. */
function trimmed(line: string, start: number): string {
  let end = line.length;
  while (start < end && isBlank(line.charCodeAt(start))) start++;
  while (end > start && isBlank(line.charCodeAt(end - 1))) end--;
  return line.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB;
}

/** Bodies are never read, but their limits must be unambiguous. */
function bodyFailure(method: string, headers: Headers): HeadFailure | null {
  const length = headers.get("content-length");
  const coding = headers.get("transfer-encoding");
  // RFC 9112 6.3: a message with both "ought to be handled as an error".
  if (length !== null && coding !== null) return bad("Both Content-Length and Transfer-Encoding");
  if (length !== null && !LENGTH_REGEXP.test(length)) return bad("Content-Length is not a number");
  if (coding !== null && coding.toLowerCase() !== "chunked") return bad("Transfer-Encoding is not chunked");
  if ((method === "GET" || method === "HEAD") && (coding !== null || (length !== null && Number(length) > 0))) {
    return bad(`${method} with a body`);
  }
  return null;
}

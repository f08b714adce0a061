/** Serialises a `Response` as HTTP/1.1 (RFC 9112 sections 4 and 6). */

import { STATUS_CODES } from "node:http";

/** Headers of message framing, which only this file sets. */
const FRAMING: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "date",
  "keep-alive",
  "server",
  "transfer-encoding",
]);

const utf8Encoder = new TextEncoder();

/**
 * Serialises the whole response. The connection always ends after it: one connection carries one request, so a
 * pipelined request is never answered.
 *
 * @param withoutBody for `HEAD`: all headers as for `GET`, no body (RFC 9110 9.3.2)
 */
export async function serialiseResponse(response: Response, withoutBody: boolean): Promise<Uint8Array> {
  const body = new Uint8Array(await response.arrayBuffer());
  const head = [statusLine(response.status), `Date: ${new Date().toUTCString()}`, "Connection: close"];
  for (const [name, value] of response.headers) {
    if (!FRAMING.has(name)) head.push(`${fieldName(name)}: ${value}`);
  }
  // RFC 9110 8.6: no Content-Length in a 204.
  if (response.status !== 204 && response.status !== 304) head.push(`Content-Length: ${body.length}`);
  const start = utf8Encoder.encode(head.join("\r\n") + "\r\n\r\n");
  if (withoutBody || body.length === 0) return start;
  const whole = new Uint8Array(start.length + body.length);
  whole.set(start);
  whole.set(body, start.length);
  return whole;
}

/** Serialises the 101 (RFC 6455 4.2.2 step 5). `subprotocol` is one that the client offered, or null. */
export function serialiseUpgrade(
  accept: string,
  subprotocol: string | null,
  headers: Readonly<Record<string, string>>,
): Uint8Array {
  const head = [
    statusLine(101),
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${accept}`,
  ];
  if (subprotocol !== null) head.push(`Sec-WebSocket-Protocol: ${subprotocol}`);
  for (const [name, value] of Object.entries(headers)) head.push(`${name}: ${value}`);
  return utf8Encoder.encode(head.join("\r\n") + "\r\n\r\n");
}

function statusLine(status: number): string {
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "Unknown"}`;
}

/** Formats `www-authenticate` as `Www-Authenticate`, the customary form of the case-insensitive name. */
function fieldName(name: string): string {
  return name.replace(/(?:^|-)[a-z]/g, (initial) => initial.toUpperCase());
}

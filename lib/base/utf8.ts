/** Strict UTF-8. The decoder of WebSocket texts has its own, for speed (`lib/websocket/utf8.ts`). */
const keepingBom = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const strippingBom = new TextDecoder("utf-8", { fatal: true });

/**
 * Decodes strict UTF-8. A byte order mark is kept.
 *
 * @throws {TypeError} on malformed bytes
 */
export function decodeUtf8(bytes: Uint8Array): string {
  return keepingBom.decode(bytes);
}

/**
 * Decodes strict UTF-8 of a document, without its byte order mark.
 *
 * @throws {TypeError} on malformed bytes
 */
export function decodeDocument(bytes: Uint8Array): string {
  return strippingBom.decode(bytes);
}

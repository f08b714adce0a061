import { createHash } from "node:crypto";

/** RFC 6455 1.3: "258EAFA5-E914-47DA-95CA-C5AB0DC85B11", the same for everybody. */
const PROTOCOL_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/**
 * 16 bytes in base64 are 22 characters and two "="; of the 22nd only four values have clear spare bits.
 */
const KEY_REGEXP = /^[A-Za-z0-9+/]{21}[AQgw]==$/;

/** RFC 6455 4.1: the key is "a randomly selected 16-byte value that has been base64-encoded". */
export function isHandshakeKey(key: string): boolean {
  return KEY_REGEXP.test(key);
}

/**
 * The `Sec-WebSocket-Accept` value for a `Sec-WebSocket-Key`, RFC 6455 4.2.2 step 5.4: base64 of the SHA-1 of key and
 * GUID. SHA-1 guards nothing here: it only shows that the server speaks the protocol.
 */
export function acceptKey(key: string): string {
  return createHash("sha1").update(key + PROTOCOL_GUID).digest("base64");
}

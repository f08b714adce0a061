/** The handshake key and the accept value (RFC 6455 4.2.2). */
import { createHash } from "node:crypto";

/** RFC 6455 1.3: the fixed GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11". */
const PROTOCOL_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/**
 * 16 bytes in base64 are 22 characters and two "=". The unused bits of the 22nd character are zero for four characters
 * only.
 */
const KEY_REGEXP = /^[A-Za-z0-9+/]{21}[AQgw]==$/;

/** RFC 6455 4.1: the key is "a randomly selected 16-byte value that has been base64-encoded". */
export function isHandshakeKey(key: string): boolean {
  return KEY_REGEXP.test(key);
}

/**
 * Computes the `Sec-WebSocket-Accept` value for a `Sec-WebSocket-Key` (RFC 6455 4.2.2 step 5.4): base64 of the SHA-1 of
 * key and GUID. SHA-1 protects nothing here; it shows that the server speaks the protocol.
 */
export function acceptKey(key: string): string {
  return createHash("sha1").update(key + PROTOCOL_GUID).digest("base64");
}

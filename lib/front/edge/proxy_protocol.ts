/**
 * Parses the PROXY protocol, version 2 (haproxy.org, proxy-protocol.txt 2.2), by which a proxy sends the client's
 * address before TLS.
 */

import { normaliseAddress } from "../forwarded.ts";

const SIGNATURE = Uint8Array.of(0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a);
const HEADER_BYTES = 16;

/** Maximum size of addresses (36 bytes for IPv6) and TLVs, far above what proxies send. */
export const MAX_PROXY_HEADER_BYTES = 1024;

const COMMAND = { local: 0x20, proxy: 0x21 } as const;
const FAMILY = { unspecified: 0x00, tcp4: 0x11, tcp6: 0x21, unix: 0x31 } as const;

/** `client` is null for the proxy's own connections (health checks) and for families without an address. */
export interface ProxyHeader {
  readonly client: string | null;
  /** Size of the whole header in bytes. */
  readonly size: number;
}

/**
 * Parses a header at the start of `bytes`.
 *
 * @returns "more" if more bytes are needed, "invalid" at the first wrong byte
 */
export function parseProxyHeader(bytes: Uint8Array): ProxyHeader | "more" | "invalid" {
  const known = Math.min(bytes.length, SIGNATURE.length);
  for (let at = 0; at < known; at++) if (bytes[at] !== SIGNATURE[at]) return "invalid";
  const command = bytes[12];
  if (command === undefined) return "more";
  if (command !== COMMAND.local && command !== COMMAND.proxy) return "invalid";
  if (bytes.length < HEADER_BYTES) return "more";

  const length = (bytes[14]! << 8) | bytes[15]!;
  const size = HEADER_BYTES + length;
  if (size > MAX_PROXY_HEADER_BYTES) return "invalid";
  const addresses = addressesSize(bytes[13]!);
  if (command === COMMAND.proxy && (addresses === null || length < addresses)) return "invalid";
  if (bytes.length < size) return "more";
  return { client: command === COMMAND.proxy ? sourceAddress(bytes) : null, size };
}

/** Size of both addresses and ports in bytes; null for families that are invalid for a stream socket. */
function addressesSize(family: number): number | null {
  switch (family) {
    case FAMILY.unspecified:
      return 0;
    case FAMILY.tcp4:
      return 12;
    case FAMILY.tcp6:
      return 36;
    case FAMILY.unix:
      return 216;
    default:
      return null;
  }
}

function sourceAddress(bytes: Uint8Array): string | null {
  const family = bytes[13];
  if (family === FAMILY.tcp4) return normaliseAddress(bytes.subarray(16, 20).join("."));
  if (family !== FAMILY.tcp6) return null;
  const groups: string[] = [];
  for (let at = 16; at < 32; at += 2) groups.push(((bytes[at]! << 8) | bytes[at + 1]!).toString(16));
  return normaliseAddress(groups.join(":"));
}

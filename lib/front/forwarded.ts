/** Determines the client's address behind trusted proxies. */

import ipaddr from "ipaddr.js";

type Address = ReturnType<typeof ipaddr.parse>;

/** Whether an address is in one of the configured blocks. */
export type AddressMatcher = (address: string) => boolean;

/** The client's address, and whether a proxy forwarded it. */
export interface Client {
  readonly ip: string;
  readonly forwarded: boolean;
}

/**
 * Normalises an address: IPv4-mapped IPv6 (RFC 4291 2.5.5.2) to IPv4, IPv6 as in RFC 5952, without zone.
 *
 * @returns null if the text is not an address
 */
export function normaliseAddress(text: string): string | null {
  const address = parseAddress(text);
  return address === null ? null : address.toString();
}

function parseAddress(text: string): Address | null {
  const zone = text.indexOf("%");
  const bare = zone < 0 ? text : text.slice(0, zone);
  // The library also accepts octal, hexadecimal and short forms of IPv4, which other programs parse differently.
  if (!bare.includes(":") && !ipaddr.IPv4.isValidFourPartDecimal(bare)) return null;
  if (!ipaddr.isValid(bare)) return null;
  return ipaddr.process(bare);
}

/**
 * Compiles CIDR blocks and single addresses.
 *
 * @throws {Error} if an entry is neither
 */
export function addressMatcher(blocks: readonly string[]): AddressMatcher {
  const parsed = blocks.map((block) => {
    const [base, bits] = block.includes("/") ? ipaddr.parseCIDR(block) : wholeAddress(block);
    // A mapped block covers the IPv4 addresses that peers are normalised to.
    if (base instanceof ipaddr.IPv6 && base.isIPv4MappedAddress() && bits >= 96) {
      return [base.toIPv4Address(), bits - 96] as const;
    }
    return [base, bits] as const;
  });
  if (parsed.length === 0) return () => false;
  return (text) => {
    const address = parseAddress(text);
    if (address === null) return false;
    return parsed.some(([base, bits]) => address.kind() === base.kind() && sameBlock(address, base, bits));
  };
}

function wholeAddress(text: string): [Address, number] {
  const address = ipaddr.parse(text);
  return [address, address.kind() === "ipv4" ? 32 : 128];
}

function sameBlock(address: Address, base: Address, bits: number): boolean {
  return address instanceof ipaddr.IPv4
    ? address.match(base as ipaddr.IPv4, bits)
    : address.match(base as ipaddr.IPv6, bits);
}

/**
 * Reads `X-Forwarded-For` from the right. A hop is trusted only if the hop that added it is a trusted proxy, so values
 * that the client wrote itself are never used. An entry that is not an address ends the walk at the last valid hop.
 *
 * @param header all values of the header joined in order, or null
 * @param peer the normalised address of the other end of the connection
 */
export function clientAddress(header: string | null, peer: string, trusted: AddressMatcher, local = false): Client {
  if (header === null || !(local || trusted(peer))) return { ip: peer, forwarded: false };
  let ip = peer;
  let forwarded = false;
  const hops = header.split(",");
  for (let index = hops.length - 1; index >= 0; index--) {
    const hop = normaliseAddress(withoutPort(hops[index]!.trim()));
    if (hop === null) break;
    ip = hop;
    forwarded = true;
    if (!trusted(hop)) break;
  }
  return { ip, forwarded };
}

/** Some proxies write `1.2.3.4:5678` and `[2001:db8::1]:5678`. */
function withoutPort(hop: string): string {
  const match = /^\[([^\]]*)\](?::\d{1,5})?$/.exec(hop) ?? /^([\d.]+):\d{1,5}$/.exec(hop);
  return match?.[1] ?? hop;
}

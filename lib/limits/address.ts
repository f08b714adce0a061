/** Addresses as limits and bans count them. */
import ipaddr from "ipaddr.js";

/**
 * The key of an address for limits and bans: an IPv4 address itself (also when written as IPv4-mapped IPv6); for an
 * IPv6 address its /64, because one customer gets a /64 (`2001:db8:0:1::/64`). A text that is not an address is its own
 * key.
 */
export function addressKey(ip: string): string {
  const address = parse(ip);
  if (address === null) return ip;
  if (address.kind() === "ipv4") return address.toString();
  const prefix = (address as ipaddr.IPv6).parts.slice(0, 4).map((part) => part.toString(16)).join(":");
  return `${prefix}::/64`;
}

/** A set of addresses and CIDR blocks. IPv4-mapped IPv6 addresses count as IPv4. */
export class AddressSet {
  readonly #blocks: [ipaddr.IPv4 | ipaddr.IPv6, number][];

  /** @throws {TypeError} If an entry is neither an address nor a CIDR block. */
  constructor(entries: readonly string[]) {
    this.#blocks = entries.map((entry) => {
      if (ipaddr.isValidCIDR(entry)) return ipaddr.parseCIDR(entry);
      const address = parse(entry);
      if (address === null) throw new TypeError(`Cannot read "${entry}" as an address or a CIDR block`);
      return [address, address.kind() === "ipv4" ? 32 : 128];
    });
  }

  has(ip: string): boolean {
    if (this.#blocks.length === 0) return false;
    const address = parse(ip);
    if (address === null) return false;
    return this.#blocks.some(([network, bits]) => address.kind() === network.kind() && address.match(network, bits));
  }
}

function parse(ip: string): ipaddr.IPv4 | ipaddr.IPv6 | null {
  try {
    return ipaddr.process(ip);
  } catch {
    return null;
  }
}

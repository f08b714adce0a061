/** Texts with a grammar of their own: hosts, blocks of addresses, the path of the socket, the address of a key set. */
import ipaddr from "ipaddr.js";
import { text, wrong } from "./fields.ts";

/** A token of RFC 9110, section 5.6.2: subprotocols and cookie names. */
export const TOKEN_REGEXP = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** A label of a host name (RFC 1123, section 2.1). */
const LABEL_REGEXP = /^(?!-)[A-Za-z0-9-]{1,63}(?<!-)$/;

/** Paths the server answers itself. */
const OWN_PATHS: readonly string[] = ["/healthz", "/ticket"];

/** An address or host name to listen on. */
export function host() {
  const allowed = 'an address or host name to listen on, such as "127.0.0.1", "::1", "0.0.0.0" or "localhost"';
  return text(allowed, (value) => {
    if (value.startsWith("[")) return wrong(value, "an IPv6 address without the brackets");
    return isAddress(value) || isName(value) ? null : wrong(value, allowed);
  });
}

/** Whether only this machine can reach a listener on the host. */
export function isLoopback(host: string): boolean {
  if (host.toLowerCase() === "localhost") return true;
  return isAddress(host) && ipaddr.process(host).range() === "loopback";
}

/** The path of `server.path`, as it stands in a request line. */
export function socketPath() {
  const allowed = 'a path such as "/ws": a leading slash, then letters, digits and -._~/ without trailing slash';
  return text(allowed, (value) => {
    if (OWN_PATHS.includes(value)) {
      return `is ${JSON.stringify(value)}, which the server answers itself, must be another path`;
    }
    if (!/^\/[A-Za-z0-9\-._~/]*$/.test(value) || value.includes("//")) return wrong(value, allowed);
    if (value.length > 1 && value.endsWith("/")) return wrong(value, allowed);
    return new URL(value, "http://host").pathname === value ? null : wrong(value, allowed);
  });
}

/** The address of a key set. Plain http would let anyone on the way choose the keys. */
export function jwksUrl() {
  const allowed = "an https:// address without user, password or fragment";
  return text(allowed, (value) => {
    if (!URL.canParse(value)) return wrong(value, allowed);
    const url = new URL(value);
    return url.protocol === "https:" && !url.username && !url.password && !url.hash ? null : wrong(value, allowed);
  });
}

/** A block of addresses: `10.0.0.0/8`, `2001:db8::/32`, or one address. */
export function cidr() {
  const allowed = 'an address or a block of addresses such as "10.0.0.0/8" or "2001:db8::/32"';
  return text(allowed, (value) => {
    const [address = "", bits, more] = value.split("/");
    if (!isAddress(address) || address.includes("%") || more !== undefined) return wrong(value, allowed);
    if (ipaddr.parse(address).kind() === "ipv6" && ipaddr.process(address).kind() === "ipv4") {
      return wrong(value, "written as IPv4: addresses of that kind are compared in that form");
    }
    if (bits === undefined) return null;
    if (!/^(0|[1-9][0-9]{0,2})$/.test(bits) || !ipaddr.isValidCIDR(value)) return wrong(value, allowed);
    const network = networkOf(value);
    return network.toNormalizedString() === ipaddr.parse(address).toNormalizedString()
      ? null
      : wrong(value, `the first address of the block: "${network.toString()}/${bits}"`);
  });
}

function networkOf(block: string): ipaddr.IPv4 | ipaddr.IPv6 {
  return block.includes(":") ? ipaddr.IPv6.networkAddressFromCIDR(block) : ipaddr.IPv4.networkAddressFromCIDR(block);
}

// ipaddr.js would also read "127.1" and octal parts, which people take for something else.
function isAddress(value: string): boolean {
  return ipaddr.IPv4.isValidFourPartDecimal(value) || (value.includes(":") && ipaddr.IPv6.isValid(value));
}

function isName(value: string): boolean {
  // All digits and dots is a mistyped address, which a resolver might still read as one.
  return value.length <= 253 && !/^[0-9.]+$/.test(value) && value.split(".").every((label) => LABEL_REGEXP.test(label));
}

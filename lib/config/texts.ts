/** Strings with a grammar: hosts, address blocks, the path of the socket, the URL of a key set. */
import ipaddr from "ipaddr.js";
import { text, wrong } from "./fields.ts";

/** A label of a host name (RFC 1123, section 2.1). */
const LABEL_REGEXP = /^(?!-)[A-Za-z0-9-]{1,63}(?<!-)$/;

/** Paths that the server itself answers. */
const OWN_PATHS: readonly string[] = ["/healthz", "/ticket"];

/** An address or host name to listen on. */
export function host() {
  const allowed = 'an address or host name to listen on, such as "127.0.0.1", "::1", "0.0.0.0" or "localhost"';
  return text(allowed, (value) => {
    if (value.startsWith("[")) return wrong(value, "an IPv6 address without the brackets");
    return isAddress(value) || isName(value) ? null : wrong(value, allowed);
  });
}

/** Whether a listener on the host is reachable from this machine only. */
export function isLoopback(host: string): boolean {
  if (host.toLowerCase() === "localhost") return true;
  return isAddress(host) && ipaddr.process(host).range() === "loopback";
}

/** `server.path` as in a request line. */
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

/** The URL of a key set. Over plain http, anyone on the network path could choose the keys. */
export function jwksUrl() {
  const allowed = "an https:// address without user, password or fragment";
  return text(allowed, (value) => {
    if (!URL.canParse(value)) return wrong(value, allowed);
    const url = new URL(value);
    return url.protocol === "https:" && !url.username && !url.password && !url.hash ? null : wrong(value, allowed);
  });
}

/** An address block: `10.0.0.0/8`, `2001:db8::/32`, or one address. */
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

// ipaddr.js also parses "127.1" and octal parts, which are ambiguous.
function isAddress(value: string): boolean {
  return ipaddr.IPv4.isValidFourPartDecimal(value) || (value.includes(":") && ipaddr.IPv6.isValid(value));
}

function isName(value: string): boolean {
  // A text of digits and dots is a mistyped address; a resolver might still parse it as one.
  return value.length <= 253 && !/^[0-9.]+$/.test(value) && value.split(".").every((label) => LABEL_REGEXP.test(label));
}

/** The URL of Redis, as `url_file` contains it. */

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** A parsed URL. */
export interface Endpoint {
  readonly kind: "single" | "sentinel" | "cluster";
  readonly tls: boolean;
  /** Redis itself, the sentinels, or some nodes of a Redis Cluster. Empty with `path`. */
  readonly hosts: readonly Address[];
  /** Path of a unix socket. */
  readonly path?: string;
  readonly username?: string;
  readonly password?: string;
  readonly database: number;
  /** Name of the master that the sentinels watch. */
  readonly master?: string;
}

const PORTS = { single: 6379, sentinel: 26_379, cluster: 6379 } as const;
const SCHEMES: Readonly<Record<string, Pick<Endpoint, "kind" | "tls">>> = {
  "redis": { kind: "single", tls: false },
  "rediss": { kind: "single", tls: true },
  "redis+sentinel": { kind: "sentinel", tls: false },
  "rediss+sentinel": { kind: "sentinel", tls: true },
  "redis+cluster": { kind: "cluster", tls: false },
  "rediss+cluster": { kind: "cluster", tls: true },
};
const HOST = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9_.-]+)(?::(\d{1,5}))?$/;
const MAX_HOSTS = 32;
const MAX_DATABASE = 65_535;

/**
 * Parses `redis://HOST:PORT/DATABASE`, `redis+sentinel://HOST,HOST/MASTER`, `redis+cluster://HOST,HOST`, their forms
 * with `rediss` for TLS, and `unix:///PATH`. User and password precede the hosts: `USER:PASSWORD@`, percent-encoded.
 *
 * @throws {TypeError} the message contains no part of the URL, because the URL may contain a password
 */
export function parseRedisUrl(text: string): Endpoint {
  const url = text.trim();
  if (url.startsWith("unix://")) return unixSocket(url.slice("unix://".length));
  const [scheme, afterScheme] = cut(url, "://");
  const form = Object.hasOwn(SCHEMES, scheme) ? SCHEMES[scheme] : undefined;
  if (form === undefined || afterScheme === undefined) {
    throw new TypeError(
      "Not a URL of Redis: redis://, rediss://, redis+sentinel://, redis+cluster:// or unix:// needed",
    );
  }
  const [authority, path = ""] = cut(afterScheme, "/");
  const at = authority.lastIndexOf("@");
  const { kind } = form;
  return {
    ...form,
    hosts: hostsOf(authority.slice(at + 1), kind),
    ...credentialsOf(authority.slice(0, Math.max(0, at))),
    ...(kind === "sentinel" ? { master: masterOf(path) } : {}),
    database: kind === "single" ? databaseOf(path) : noDatabase(kind, path),
  };
}

/** The parts before and after the first separator. */
function cut(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + separator.length)];
}

function unixSocket(path: string): Endpoint {
  if (!path.startsWith("/") || path.includes("\0")) throw new TypeError("unix:// needs an absolute path");
  return { kind: "single", tls: false, hosts: [], path, database: 0 };
}

function hostsOf(text: string, kind: Endpoint["kind"]): Address[] {
  const names = text.split(",");
  if (kind === "single" && names.length > 1) throw new TypeError("redis:// names one host");
  if (names.length > MAX_HOSTS) throw new TypeError(`At most ${MAX_HOSTS} hosts are allowed`);
  return names.map((name) => {
    const [, host, port] = HOST.exec(name) ?? [];
    if (host === undefined) throw new TypeError("A host is not a name or an address with an optional port");
    const number = port === undefined ? PORTS[kind] : Number(port);
    if (number < 1 || number > 65_535) throw new TypeError("A port must be from 1 to 65535");
    return { host: host.replace(/^\[|\]$/g, ""), port: number };
  });
}

function credentialsOf(text: string): { username?: string; password?: string } {
  if (text === "") return {};
  const colon = text.indexOf(":");
  const username = decode(colon < 0 ? text : text.slice(0, colon));
  const password = colon < 0 ? "" : decode(text.slice(colon + 1));
  return { ...(username === "" ? {} : { username }), ...(password === "" ? {} : { password }) };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new TypeError("User and password must be percent-encoded");
  }
}

function masterOf(text: string): string {
  if (!/^[A-Za-z0-9_.-]{1,128}$/.test(text)) throw new TypeError("redis+sentinel:// needs the master's name as path");
  return text;
}

function databaseOf(text: string): number {
  if (text === "") return 0;
  const database = /^\d{1,5}$/.test(text) ? Number(text) : Infinity;
  if (database > MAX_DATABASE) throw new TypeError("The path of the URL must be the number of a database");
  return database;
}

function noDatabase(kind: string, text: string): number {
  if (kind === "cluster" && text !== "" && text !== "0") throw new TypeError("redis+cluster:// has no path");
  return 0;
}

/** Whether the connection stays on this machine: loopback addresses, `localhost`, or a unix socket. */
export function isLocal({ hosts }: Pick<Endpoint, "hosts">): boolean {
  return hosts.every(({ host }) => host === "localhost" || host === "::1" || /^127(?:\.\d{1,3}){3}$/.test(host));
}

/**
 * Every key of the configuration with its type, bounds and default. Rules over several keys are in rules.ts.
 *
 * A default is written as in the file (`prefault`), so that it passes the same checks. Durations result in
 * milliseconds, sizes in bytes.
 */
import { z } from "zod";
import { TOKEN_REGEXP } from "../base/http_token.ts";
import { bool, choice, duration, int, list, matching, number, path, size, table, text, wrong } from "./fields.ts";
import { originProblem } from "./origins.ts";
import { handlerShape } from "./schema_handlers.ts";
import { cidr, host, jwksUrl, socketPath } from "./texts.ts";

/** Algorithms of tokens (RFC 7518, RFC 8037). `none` is not allowed. */
export const ALGORITHMS = [
  "ES256",
  "ES384",
  "EdDSA",
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "HS256",
  "HS384",
  "HS512",
] as const;

const cidrs = (default_: string[]) => list(cidr(), "a list of addresses and blocks").prefault(default_);

/** One token bucket: `rate` tokens a second, `burst` tokens at most. A burst below 1 is a finding of `check`. */
const rate = () => number(0, 1e9, true);
const burst = () => number(0, 1e9);
const bucket = (defaults: { rate: number; burst: number }) => ({
  rate: rate().prefault(defaults.rate),
  burst: burst().prefault(defaults.burst),
});

const server = {
  host: host().prefault("127.0.0.1"),
  port: int(0, 65535).prefault(8443),
  /** Unix socket to listen on instead of host and port, for a proxy on the same machine (edge only). */
  unix: path().optional(),
  /** Path of the WebSocket endpoint. */
  path: socketPath().prefault("/ws"),
  engine: choice("edge", "serve").prefault("edge"),
  /** Above it new handshakes get 503 server_full. */
  max_connections: int(1, 10_000_000).prefault(10_000),
  max_connections_per_ip: int(1, 10_000_000).prefault(100),
  max_connections_per_user: int(1, 10_000_000).prefault(20),
  /** For TLS and request head together. */
  handshake_timeout: duration("10ms", "5m").prefault("5s"),
  /** A connection without pong or data for two intervals is closed. */
  ping_interval: duration("10ms", "1h").prefault("20s"),
  /** Without a message from the client; 0 means never. */
  idle_timeout: duration("0s", "24d").prefault("10m"),
  // Timers are limited to 31 bits of milliseconds, 24.8 days.
  max_session: duration("10ms", "24d").prefault("12h"),
  /** From SIGTERM to the end of the process. */
  drain_timeout: duration("0s", "1h").prefault("10s"),
  /** Addresses and blocks of proxies whose X-Forwarded-For or PROXY header is trusted. */
  trusted_proxies: cidrs([]),
  /** Trusted proxies speak PROXY protocol version 2 (edge only). */
  proxy_protocol: bool().prefault(false),
  /**
   * Other processes of the same user may listen on the port too, as in a rolling restart. A drain stops listening and
   * lets clients move to them (edge only).
   */
  reuse_port: bool().prefault(false),
  /** Front processes that share the port, each a node of the cluster with cells of its own (edge only). */
  fronts: int(1, 64).prefault(1),
  /** Bytes. A client with more unread is closed as slow_consumer. */
  send_queue: size("1KiB", "1GiB").prefault("1MiB"),
};

const tls = {
  cert_file: path(),
  key_file: path(),
  hsts_max_age: duration("0s", "3650d").prefault("365d"),
};

const admission = {
  origins: list(
    text('an origin such as "https://app.example.com"', originProblem),
    'a list of origins such as ["https://app.example.com"]',
  ),
  /** Only for clients with a Bearer header. */
  allow_missing_origin: bool().prefault(false),
  require_subprotocol: bool().prefault(true),
};

const algorithm = text("an algorithm", (value) => {
  if (value.toLowerCase() === "none") {
    return 'is "none", which would accept every token, allowed: ' + ALGORITHMS.join(", ");
  }
  return (ALGORITHMS as readonly string[]).includes(value) ? null : wrong(value, `one of ${ALGORITHMS.join(", ")}`);
}).transform((value) => value as (typeof ALGORITHMS)[number]);

const auth = {
  algorithms: list(algorithm, 'a list of algorithms such as ["ES256"]').prefault(["ES256"]),
  public_key_file: path().optional(),
  secret_file: path().optional(),
  jwks_file: path().optional(),
  jwks_url: jwksUrl().optional(),
  /** For the command `token` only. The server never reads it. */
  private_key_file: path().optional(),
  issuer: text('the "iss" every token must carry'),
  audience: text('the "aud" every token must carry').prefault("sallyport"),
  clock_skew: duration("0s", "10m").prefault("30s"),
  /** Since `iat`. */
  max_age: duration("1s", "3650d").prefault("24h"),
  sources: list(
    choice("header", "subprotocol", "ticket", "cookie", "query"),
    'a list of "header", "subprotocol", "ticket", "cookie", "query"',
  ).prefault(["header", "subprotocol", "ticket"]),
  cookie: matching(TOKEN_REGEXP, "the name of a cookie").prefault("__Host-session"),
  roles_claim: text("the name of a claim").prefault("roles"),
  /** A valid token without this role gets 403 forbidden. */
  required_role: text("the name of a role").optional(),
  revoked_file: path().optional(),
};

const messages = {
  /** Size of a whole message, over all fragments. */
  max_bytes: size("1B", "256MiB").prefault("64KiB"),
  max_fragments: int(1, 1_000_000).prefault(1024),
  max_depth: int(1, 1000).prefault(32),
  max_batch: int(1, 10_000).prefault(20),
  /** Per connection. */
  max_in_flight: int(1, 100_000).prefault(64),
  /** The connection is closed on the message with this count. */
  max_invalid: int(1, 1_000_000).prefault(5),
};

const limits = {
  /** Per address, like `ip`; IPv6 by /64. A handshake with a valid credential gets its token back. */
  handshake: table(bucket({ rate: 5, burst: 20 })).prefault({}),
  /** Per user: handshakes and `POST /ticket` with a valid credential. */
  handshake_user: table(bucket({ rate: 1, burst: 20 })).prefault({}),
  ip: table(bucket({ rate: 200, burst: 400 })).prefault({}),
  connection: table({
    ...bucket({ rate: 50, burst: 100 }),
    bytes_rate: size("1B", "64GiB").prefault("256KiB"),
    bytes_burst: size("1B", "64GiB").prefault("1MiB"),
  }).prefault({}),
  user: table(bucket({ rate: 100, burst: 200 })).prefault({}),
  /** `POST /ticket`, per user. */
  ticket: table(bucket({ rate: 1, burst: 10 })).prefault({}),
  /** Per method. */
  types: z.record(
    z.string().min(1, { error: "is an empty name, must be that of a method" }),
    table({ rate: rate(), burst: burst() }),
    { error: (issue) => wrong(issue.input, 'a table for each method, such as [limits.types."chat.send"]') },
    // Clients choose the names that are looked up: "constructor" must not find anything.
  ).transform((types) => Object.assign(Object.create(null) as typeof types, types)).prefault({}),
  on_exceed: choice("reject", "delay").prefault("reject"),
  /**
   * Violations in a minute before the connection is closed and the user banned; offences of an address ban the address.
   */
  max_violations: int(1, 1_000_000).prefault(20),
  /** Duration of the first ban. It doubles with each consecutive ban, up to a day. */
  ban: duration("10ms", "1d").prefault("1m"),
  adaptive: bool().prefault(true),
  /** Addresses and blocks. */
  never_ban: cidrs([]),
};

const topics = {
  /** Topics one connection may follow. */
  max_subscriptions_per_session: int(1, 1_000_000).prefault(1_000),
  /** Of all connections together: to the topics of one module, and of all. */
  max_subscriptions_per_module: int(1, 100_000_000).prefault(500_000),
  max_subscriptions: int(1, 100_000_000).prefault(1_000_000),
};

const store = { kind: choice("memory", "sqlite").prefault("memory"), path: path().optional() };

/** Nodes that share one Redis or Valkey. Without the section the server is a single node. */
const cluster = {
  /** A file with the URL of the database: it may contain a password. */
  url_file: path(),
  /** Authorities that the database's certificate is verified with, instead of the system's. */
  ca_file: path().optional(),
  /** The certificate that the database asks for, with its key. */
  cert_file: path().optional(),
  key_file: path().optional(),
  password_file: path().optional(),
  /** Key of the HMAC with which nodes sign control messages. The same on all nodes. */
  secret_file: path(),
  /** First part of all keys and channels. The characters have no meaning in patterns and hash tags of Redis. */
  prefix: matching(/^[A-Za-z0-9_.-]{1,64}$/, 'a name of 1 to 64 letters, digits, "_", "-" and "."').prefault(
    "sallyport",
  ),
  /** New handshakes are refused while the node is cut off for longer than `stale_after`. */
  required: bool().prefault(false),
  stale_after: duration("1s", "1h").prefault("10s"),
};

const ops = {
  host: host().prefault("127.0.0.1"),
  port: int(0, 65535).prefault(9464),
  admin_token_file: path().optional(),
};

const log = {
  level: choice("debug", "info", "warn", "error").prefault("info"),
  format: choice("json", "pretty").prefault("json"),
};

/** The tables of the file except the list of handlers. */
export const SECTIONS = { server, tls, admission, auth, messages, topics, limits, store, cluster, ops, log };

/** The whole file. */
export const ConfigSchema = table({
  server: table(server).prefault({}),
  tls: table(tls).optional(),
  admission: table(admission),
  auth: table(auth),
  messages: table(messages).prefault({}),
  topics: table(topics).prefault({}),
  limits: table(limits).prefault({}),
  handlers: list(table(handlerShape), "at least one [[handlers]] table")
    .min(1, { error: "is empty, must be at least one [[handlers]] table" }),
  store: table(store).prefault({}),
  cluster: table(cluster).optional(),
  ops: table(ops).optional(),
  log: table(log).prefault({}),
});

/** The resolved configuration: defaults filled in, durations in milliseconds, sizes in bytes, paths absolute. */
export type Config = z.output<typeof ConfigSchema>;
export type HandlerConfig = Config["handlers"][number];
export type Algorithm = (typeof ALGORITHMS)[number];

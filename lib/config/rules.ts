/**
 * Rules over several keys. A rule gets the valid keys (the others are undefined) and the keys that the file contains,
 * so that all problems are reported at once and none twice.
 */
import type { Algorithm, Config, HandlerConfig } from "./schema.ts";
import { isLoopback } from "./texts.ts";

/** A configuration in which some keys may be invalid or missing. */
export type Draft =
  & { [S in Exclude<keyof Config, "handlers">]?: Partial<NonNullable<Config[S]>> | undefined }
  & { handlers?: Partial<HandlerConfig>[] | undefined };

export interface RuleContext {
  readonly draft: Draft;
  /** Whether the file contains the key, valid or not. */
  given(section: keyof Config, key?: string): boolean;
  problem(key: string, message: string): void;
}

/** Runs every rule. */
export function applyRules(context: RuleContext): void {
  listenerRules(context);
  engineRules(context);
  frontRules(context);
  admissionRules(context);
  keyRules(context);
  handlerRules(context);
  storeRules(context);
  clusterRules(context);
}

function listenerRules({ draft, given, problem }: RuleContext): void {
  const host = draft.server?.host;
  if (given("server", "unix")) {
    for (const key of ["host", "port"]) {
      if (given("server", key)) {
        problem(`server.${key}`, "can't be used together with server.unix, must be one or the other");
      }
    }
    if (given("tls")) {
      problem("tls", "can't be used with server.unix, allowed is TLS in the proxy in front of the socket");
    }
  } else if (host !== undefined && !isLoopback(host) && !given("tls")) {
    problem("tls", `is missing, must be there because server.host is "${host}"; without it only loopback is allowed`);
  }
  if (draft.server?.reuse_port && given("server", "unix")) {
    problem(
      "server.reuse_port",
      "can't be used together with server.unix, must be left out: a socket file has one owner",
    );
  }
  if (draft.server?.proxy_protocol && !given("server", "unix") && draft.server.trusted_proxies?.length === 0) {
    problem("server.proxy_protocol", "is true, but server.trusted_proxies is empty, must name the proxies");
  }
}

function engineRules({ draft, given, problem }: RuleContext): void {
  if (draft.server?.engine !== "serve") return;
  const only = 'needs server.engine = "edge", engine "serve" can\'t do it';
  if (draft.limits?.on_exceed === "delay") {
    problem("limits.on_exceed", `is "delay", which ${only}; allowed there: "reject"`);
  }
  if (given("server", "unix")) problem("server.unix", only);
  if (draft.server.proxy_protocol) problem("server.proxy_protocol", only);
  // The engine can't stop listening without closing its WebSockets, so a drain would refuse half of the new clients.
  if (draft.server.reuse_port) problem("server.reuse_port", only);
}

/** Several fronts share one port, and what clients of different fronts have in common. */
function frontRules({ draft, given, problem }: RuleContext): void {
  const fronts = draft.server?.fronts ?? 1;
  if (fronts === 1) return;
  const needs = (what: string) => problem("server.fronts", `is ${fronts}, which needs ${what}`);
  if (draft.server?.engine === "serve") return needs('server.engine = "edge"');
  if (draft.server?.reuse_port === false) return needs("server.reuse_port = true: the fronts share the port");
  if (draft.server?.port === 0) return needs("a server.port other than 0: each front would pick a port of its own");
  if (!given("cluster")) needs("[cluster]: each front is a node");
}

function admissionRules({ draft, problem }: RuleContext): void {
  const origins = draft.admission?.origins;
  if (origins?.length === 0 && draft.admission?.allow_missing_origin === false) {
    problem(
      "admission.origins",
      "is empty, so no client could connect, must have an origin unless allow_missing_origin is true",
    );
  }
  repeated(
    origins ?? [],
    (index, origin) => problem(`admission.origins[${index}]`, `is "${origin}" once more, must be listed once`),
  );
  const sources = draft.auth?.sources;
  if (sources?.length === 0) problem("auth.sources", "is empty, so no client could connect, must have a source");
  repeated(
    sources ?? [],
    (index, source) => problem(`auth.sources[${index}]`, `is "${source}" once more, must be listed once`),
  );
  const cookie = draft.auth?.cookie;
  for (const prefix of ["__Host-", "__Secure-"]) {
    // RFC 6265bis section 4.1.3: browsers match the prefixes case-insensitively.
    if (!cookie?.toLowerCase().startsWith(prefix.toLowerCase())) continue;
    if (!cookie.startsWith(prefix)) {
      problem("auth.cookie", `is "${cookie}", must begin with "${prefix}" in exactly that case`);
    }
    if (cookie.length === prefix.length) problem("auth.cookie", `is "${cookie}", must have a name after the prefix`);
  }
}

const KEY_SOURCES = ["public_key_file", "secret_file", "jwks_file", "jwks_url"] as const;

function keyRules({ draft, given, problem }: RuleContext): void {
  if (!given("auth")) return;
  const sources = KEY_SOURCES.filter((key) => given("auth", key));
  if (sources.length !== 1) {
    const has = sources.length === 0 ? "has no key to verify tokens with" : `has ${sources.join(" and ")}`;
    problem("auth", `${has}, must be exactly one of ${KEY_SOURCES.join(", ")}`);
  }
  if (draft.auth?.algorithms !== undefined) algorithmRules(draft.auth.algorithms, sources, { given, problem });
}

/** The algorithms fit each other and the keys that the file names. */
function algorithmRules(
  algorithms: readonly Algorithm[],
  sources: readonly typeof KEY_SOURCES[number][],
  { given, problem }: Pick<RuleContext, "given" | "problem">,
): void {
  if (algorithms.length === 0) {
    return problem("auth.algorithms", 'is empty, must be a list of algorithms such as ["ES256"]');
  }
  repeated(
    algorithms,
    (index, name) => problem(`auth.algorithms[${index}]`, `is "${name}" once more, must be listed once`),
  );
  const families = new Set(algorithms.map(keyType));
  if (families.has("secret") && families.size > 1) {
    return problem(
      "auth.algorithms",
      `is ${
        algorithms.join(", ")
      }, but HS* and asymmetric algorithms can't be mixed: a public key would do as a secret`,
    );
  }
  const symmetric = families.has("secret");
  for (const source of sources) {
    if (symmetric !== (source === "secret_file")) {
      problem(
        `auth.${source}`,
        `does not fit algorithms ${algorithms.join(", ")}, must be ${
          symmetric ? "secret_file" : "a public key or key set"
        }`,
      );
    }
  }
  if (sources.includes("public_key_file") && families.size > 1) {
    problem(
      "auth.algorithms",
      `is ${algorithms.join(", ")}, which one key can't serve, must be one kind of key, or a key set in jwks_file`,
    );
  }
  if (symmetric && given("auth", "private_key_file")) {
    problem(
      "auth.private_key_file",
      "has no use with HS* algorithms: secret_file signs as well as verifies, must be left out",
    );
  }
}

/** The key type of an algorithm. */
function keyType(algorithm: Algorithm): string {
  if (algorithm.startsWith("HS")) return "secret";
  return /^[RP]S/.test(algorithm) ? "RSA" : algorithm;
}

function handlerRules({ draft, problem }: RuleContext): void {
  const names = (draft.handlers ?? []).map((handler) => handler.subprotocol);
  repeated(
    names,
    (index, name) =>
      problem(`handlers[${index}].subprotocol`, `is "${name}" once more, must be different for each handler`),
  );
}

function storeRules({ draft, given, problem }: RuleContext): void {
  if (draft.store?.kind === "sqlite" && !given("store", "path")) {
    problem("store.path", 'is missing, must be a path because store.kind is "sqlite"');
  }
}

function clusterRules({ given, problem }: RuleContext): void {
  for (const [key, other] of [["cert_file", "key_file"], ["key_file", "cert_file"]] as const) {
    if (given("cluster", key) && !given("cluster", other)) {
      problem(`cluster.${other}`, `is missing, must be there because cluster.${key} is: they are used together only`);
    }
  }
}

function repeated(values: readonly (string | undefined)[], report: (index: number, value: string) => void): void {
  values.forEach((value, index) => {
    if (value !== undefined && values.indexOf(value) < index) report(index, value);
  });
}

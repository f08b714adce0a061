import type { Promised } from "./mutant.ts";

const CHECK =
  "README.md: checks configuration, keys, certificates and handlers without starting the server, and prints findings";

export const config: readonly Promised[] = [
  {
    promise: "Forged, confused or stale tokens",
    file: "lib/config/rules.ts",
    by: "tests/config/rules_test.ts",
    edits: [
      ['if (families.has("secret") && families.size > 1) {', "if (false) {"],
      ['if (symmetric !== (source === "secret_file")) {', "if (false) {"],
      ['if (sources.includes("public_key_file") && families.size > 1) {', "if (false) {"],
      ["if (sources.length !== 1) {", "if (sources.length === 0) {"],
      ["if (algorithms.length === 0) {", "if (false) {"],
      ['if (symmetric && given("auth", "private_key_file")) {', "if (false) {"],
    ],
  },
  {
    promise: "README.md: an invalid file is refused as a whole",
    file: "lib/config/rules.ts",
    by: "tests/config/rules_test.ts",
    edits: [
      ['host !== undefined && !isLoopback(host) && !given("tls")', "false", "TLS wherever"],
      ['if (given("server", key)) {', "if (false) {", "a unix socket"],
      ['    if (given("tls")) {', "    if (false) {", "a unix socket"],
      ['draft.server?.reuse_port && given("server", "unix")', "false", "a port is shared"],
      ['if (draft.server?.engine === "serve") return needs', "if (false) return needs", "several fronts"],
      ["if (draft.server?.reuse_port === false) return needs", "if (false) return needs", "several fronts"],
      ["if (draft.server?.port === 0) return needs", "if (false) return needs", "several fronts"],
      ['if (!given("cluster")) needs', "if (false) needs", "several fronts"],
      ["draft.server.trusted_proxies?.length === 0", "false", "PROXY headers"],
      ['if (draft.limits?.on_exceed === "delay") {', "if (false) {", "only engine edge"],
      ['if (given("server", "unix")) problem("server.unix", only);', "", "only engine edge"],
      ['if (draft.server.proxy_protocol) problem("server.proxy_protocol", only);', "", "only engine edge"],
      ['if (draft.server.reuse_port) problem("server.reuse_port", only);', "", "only engine edge"],
      ["origins?.length === 0 && draft.admission?.allow_missing_origin === false", "false", "wants origins"],
      ['draft.store?.kind === "sqlite" && !given("store", "path")', "false", "a path for SQLite"],
      ['given("cluster", key) && !given("cluster", other)', "false", "a certificate for the cluster"],
      ["if (value !== undefined && values.indexOf(value) < index) report(index, value);", "void report;"],
    ],
  },
  {
    promise: "docs/operations.md: `check` multiplies by the fronts what one of them admits",
    file: "lib/config/findings/system.ts",
    by: "tests/config/findings/system_test.ts",
    edits: [
      ["server.fronts * connections * SILENT_CONNECTION_BYTES", "connections * SILENT_CONNECTION_BYTES"],
    ],
  },
  {
    promise: "docs/operations.md: `check` multiplies by the fronts what one of them admits",
    file: "lib/config/admits.ts",
    by: "tests/config/admits_test.ts",
    edits: [
      [
        "fronts * (server.max_connections * buffers + heaps)",
        "server.max_connections * buffers + heaps",
        "every front",
      ],
      ["const own = coresOfFront(cores, fronts);", "const own = cores;", "cells of every front"],
      ["const subscriptions = fronts * Math.min(", "const subscriptions = Math.min(", "every front"],
    ],
  },
  {
    promise: "docs/operations.md: With `cells = 0` the processors are divided among the fronts",
    file: "lib/config/cells.ts",
    by: "tests/config/admits_test.ts",
    edits: [
      ["Math.floor(cores / fronts)", "cores", "coresOfFront"],
    ],
  },
  {
    promise: "README.md: an invalid file is refused as a whole",
    file: "lib/config/origins.ts",
    by: "tests/config/origins_test.ts",
    edits: [
      ['if (text.includes("*")) return', "if (false) return"],
      ['if (text.toLowerCase() === "null") {', "if (false) {"],
      ["if (/^wss?$/i.test(scheme)) {", "if (false) {"],
      ["return url.origin === text ? null : ", "return true ? null : "],
      ['if (rest.includes("@")) return', "if (false) return"],
    ],
  },
  {
    promise: "A wrong, weak or expiring certificate",
    file: "lib/config/files.ts",
    by: "tests/config/files_test.ts",
    edits: [
      ["if (file.secret && open !== 0) {", "if (false) {"],
      ["(info.mode ?? 0) & 0o077 & ~tolerated", "(info.mode ?? 0) & 0o007 & ~tolerated"],
      ["(info.mode ?? 0) & 0o077 & ~tolerated", "(info.mode ?? 0) & 0o070 & ~tolerated"],
      [
        "credentials !== undefined && isInside(file.path, credentials) ? 0o040 : 0",
        "credentials !== undefined ? 0o040 : 0",
      ],
      [
        "credentials !== undefined && isInside(file.path, credentials) ? 0o040 : 0",
        "credentials !== undefined && isInside(file.path, credentials) ? 0o077 : 0",
      ],
      ['path.startsWith(folder.endsWith("/") ? folder : `${folder}/`)', "path.startsWith(folder)"],
      ["if (!info.isFile) return", "if (false) return"],
      ["if (file.opened) Deno.openSync(file.path, { read: true }).close();", ""],
      ['add("tls.key_file", draft.tls?.key_file, true);', 'add("tls.key_file", draft.tls?.key_file);'],
      ['add("auth.secret_file", draft.auth?.secret_file, true);', 'add("auth.secret_file", draft.auth?.secret_file);'],
      [
        'add("auth.private_key_file", draft.auth?.private_key_file, true);',
        'add("auth.private_key_file", draft.auth?.private_key_file);',
      ],
      [
        'add("ops.admin_token_file", draft.ops?.admin_token_file, true);',
        'add("ops.admin_token_file", draft.ops?.admin_token_file);',
      ],
      [
        'add("cluster.url_file", draft.cluster?.url_file, true);',
        'add("cluster.url_file", draft.cluster?.url_file);',
      ],
      [
        'add("cluster.secret_file", draft.cluster?.secret_file, true);',
        'add("cluster.secret_file", draft.cluster?.secret_file);',
      ],
      [
        'add("cluster.password_file", draft.cluster?.password_file, true);',
        'add("cluster.password_file", draft.cluster?.password_file);',
      ],
    ],
  },
  {
    promise: CHECK,
    file: "lib/config/findings/exposure.ts",
    by: "tests/config/findings/findings_test.ts",
    edits: [
      ["tls !== undefined && tls.hsts_max_age < HSTS_MIN_MS", "false"],
      ["if (trusted !== undefined) {", "if (false) {"],
      ["if (spared !== undefined) {", "if (false) {"],
      ["tls === undefined && server.unix === undefined && server.trusted_proxies.length === 0", "false"],
      ["if (ops !== undefined && !isLoopback(ops.host)) {", "if (false) {"],
      ["if ((mode & 0o022) === 0) continue;", "continue;"],
      ["if ((mode & 0o022) === 0) continue;", "if ((mode & 0o002) === 0) continue;"],
      ['["auth.revoked_file", config.auth.revoked_file],', ""],
      ['["the configuration file", context.path],', ""],
    ],
  },
  {
    promise: CHECK,
    file: "lib/config/findings/identity.ts",
    by: "tests/config/findings/findings_test.ts",
    edits: [
      ["if (admission.allow_missing_origin) {", "if (false) {"],
      ["if (!admission.require_subprotocol) {", "if (false) {"],
      ['if (!origin.startsWith("http://")) return;', "return;"],
      ['if (auth.sources.includes("query")) {', "if (false) {"],
      ['if (!auth.cookie.startsWith("__Host-")) {', "if (false) {"],
      ["tls === undefined && server.unix === undefined && server.trusted_proxies.length === 0", "false"],
      ["if (auth.private_key_file !== undefined) {", "if (false) {"],
    ],
  },
  {
    promise: CHECK,
    file: "lib/config/findings/limits.ts",
    by: "tests/config/findings/findings_test.ts",
    edits: [
      ["buckets.filter(([, bucket]) => bucket.burst < 1)", "buckets.filter(() => false)"],
      ["if (inner[key] <= outer[key]) continue;", "continue;"],
      ["if (messages.max_bytes > connection.bytes_burst) {", "if (false) {"],
      ["if (messages.max_bytes >= server.send_queue) {", "if (messages.max_bytes > server.send_queue) {"],
      ["if (server.max_connections > MANY_CONNECTIONS) {", "if (false) {"],
      ["if (server[key] <= server.max_connections) continue;", "continue;"],
      ["if (messages.max_batch > limits.connection.burst) {", "if (false) {"],
    ],
  },
  {
    promise: CHECK,
    file: "lib/config/findings/cluster.ts",
    by: "tests/config/findings/findings_test.ts",
    edits: [
      ["if (!cluster.required) {", "if (false) {"],
      ["if (cluster.stale_after <= LONG_STALE_MS) return [];", "return [];"],
    ],
  },
  {
    promise: CHECK,
    file: "lib/config/findings/times.ts",
    by: "tests/config/findings/findings_test.ts",
    edits: [
      ["if (idle > 0 && idle < server.ping_interval) {", "if (false) {"],
      ["if (idle > server.max_session) {", "if (false) {"],
      ["if (server.ping_interval >= server.max_session) {", "if (server.ping_interval > server.max_session) {"],
      ["if (server.ping_interval > 60_000) {", "if (server.ping_interval > 120_000) {"],
      ["if (server.handshake_timeout > 30_000) {", "if (server.handshake_timeout > 60_000) {"],
      ["if (server.drain_timeout < slowest) {", "if (false) {"],
      ["if (server.max_session > auth.max_age) {", "if (false) {"],
      ["if (auth.max_age > 30 * 86_400_000) {", "if (false) {"],
      ["if (auth.clock_skew > 300_000) {", "if (false) {"],
    ],
  },
  {
    promise: CHECK,
    file: "lib/config/findings/handlers.ts",
    by: "tests/config/findings/findings_test.ts",
    edits: [
      ["if (file.secret && covers(path, file.path)) {", "if (false) {"],
      ["      if (covers(path, file.path)) {", "      if (false) {"],
      ["config.store.path !== undefined && covers(path, config.store.path)", "false"],
      ["if (handler.timeout <= 30_000) return [];", "return [];"],
      ["if (handler.memory >= needed) return [];", "return [];"],
      ["if (path === granted) return true;", "if (path.startsWith(granted)) return true;"],
    ],
  },
  {
    promise: CHECK,
    file: "lib/config/findings/system.ts",
    by: "tests/config/findings/system_test.ts",
    edits: [
      ["openFiles !== null && openFiles < files", "false"],
      ["memoryBytes !== null && memoryBytes < memory", "false"],
      ["frontCapacity(connections) + OTHER_FILES", "connections"],
    ],
  },
  {
    promise: "README.md: An unknown key is an error",
    file: "lib/config/toml.ts",
    by: "tests/config/toml_test.ts",
    edits: [
      ["  if (deep !== null) {", "  if (false) {", "the depth of"],
      ["if (mistake) throw new TomlError(mistake.message, mistake.line);\n  return", "return", "drop or overwrite"],
    ],
  },
  {
    promise: "README.md: an invalid file is refused as a whole",
    file: "lib/config/expand.ts",
    by: "tests/config/config_test.ts",
    edits: [
      ["      if (found === undefined) {", "      if (false) {", "unset variables"],
      [
        '        problems.push({ path, message: "has a lone $',
        '        void ({ path, message: "has a lone $',
        "unset variables",
      ],
    ],
  },
  {
    promise: "docs/deployment.md: `check` prints what the front can need",
    file: "lib/config/admits.ts",
    by: "tests/config/admits_test.ts",
    edits: [
      ["Math.min(limits.connection.rate, limits.user.rate, limits.ip.rate)", "limits.connection.rate"],
      ["messages.max_bytes + CHUNKS_BYTES + server.send_queue", "messages.max_bytes + CHUNKS_BYTES"],
      ["server.max_connections * buffers + heaps", "server.max_connections * buffers"],
    ],
  },
  {
    promise: "README.md: An unknown key is an error",
    file: "lib/config/schema.ts",
    by: "tests/config/schema_test.ts",
    edits: [
      ['prefault(["header", "subprotocol", "ticket"])', 'prefault(["header", "subprotocol", "ticket", "cookie"])'],
      ["require_subprotocol: bool().prefault(true)", "require_subprotocol: bool().prefault(false)"],
      ["allow_missing_origin: bool().prefault(false)", "allow_missing_origin: bool().prefault(true)"],
      [
        'host: host().prefault("127.0.0.1"),\n  port: int(0, 65535).prefault(8443)',
        'host: host().prefault("0.0.0.0"),\n  port: int(0, 65535).prefault(8443)',
      ],
      [
        'host: host().prefault("127.0.0.1"),\n  port: int(0, 65535).prefault(9464)',
        'host: host().prefault("0.0.0.0"),\n  port: int(0, 65535).prefault(9464)',
      ],
      ['max_bytes: size("1B", "256MiB").prefault("64KiB")', 'max_bytes: size("1B", "256MiB").prefault("64MiB")'],
      [
        "max_connections_per_user: int(1, 10_000_000).prefault(20)",
        "max_connections_per_user: int(1, 10_000_000).prefault(2000)",
      ],
      ['clock_skew: duration("0s", "10m").prefault("30s")', 'clock_skew: duration("0s", "24h").prefault("30s")'],
      ["Object.assign(Object.create(null) as typeof types, types)", "types"],
    ],
  },
  {
    promise: "README.md: an invalid file is refused as a whole",
    file: "lib/config/rules.ts",
    by: "tests/config/schema_test.ts",
    edits: [
      ["if (sources?.length === 0) problem(", "if (false) problem("],
      ["if (!cookie.startsWith(prefix)) {", "if (false) {"],
      ["if (cookie.length === prefix.length) problem(", "if (false) problem("],
    ],
  },
  {
    promise: "Forged, confused or stale tokens",
    file: "lib/config/schema.ts",
    by: "tests/config/rules_test.ts",
    edits: [['if (value.toLowerCase() === "none") {', "if (false) {", "wants algorithms"]],
  },
];

import {
  configFindings,
  type Finding,
  type FindingContext,
  worstFirst,
} from "../../../lib/config/findings/findings.ts";
import { AUTH, ConfigFolder, type Sections } from "../../helpers/config_folder.ts";
import { assert, assertEquals, assertMatch, assertNotMatch } from "../../assert.ts";

const CONTEXT: FindingContext = { cores: 2 };
const TLS = 'cert_file = "server.crt"\nkey_file = "server.key"\n';
const KEY = `${AUTH}public_key_file = "es256.pub.pem"\n`;
const CLUSTER = 'url_file = "redis.url"\nsecret_file = "cluster.secret"\n';
const ORIGINS = 'origins = ["https://app.example.com"]\n';
const HANDLER = 'subprotocol = "chat.v1"\nmodule = "chat.ts"\n';
const handler = (lines: string): Sections => ({ handlers: [HANDLER + lines] });

/** Each finding: its severity and key, a configuration just beyond the bound, and one just inside it. */
const CASES: [severity: Finding["severity"], where: string, beyond: Sections, inside: Sections][] = [
  ["warning", "server.max_connections", { server: "max_connections = 10000000" }, {
    server: "max_connections = 200000",
  }],
  ["error", "limits.handshake.burst", { limits: "handshake = { burst = 0.9 }" }, {
    limits: "handshake = { burst = 1 }",
  }],
  ["error", "limits.ip.burst", { limits: "ip = { burst = 0 }" }, { limits: "ip = { burst = 1 }" }],
  ["error", "limits.connection.burst", { limits: "connection = { burst = 0.5 }" }, {
    limits: "connection = { burst = 1 }",
  }],
  ["error", "limits.user.burst", { limits: "user = { burst = 0 }" }, { limits: "user = { burst = 1 }" }],
  ["error", "limits.ticket.burst", { limits: "ticket = { burst = 0 }" }, { limits: "ticket = { burst = 1 }" }],
  ["error", 'limits.types."a.b".burst', { limits: '[limits.types."a.b"]\nrate = 1\nburst = 0' }, {
    limits: '[limits.types."a.b"]\nrate = 1\nburst = 1',
  }],
  ["warning", "limits.connection.rate", { limits: "connection = { rate = 100.5 }" }, {
    limits: "connection = { rate = 100 }",
  }],
  ["warning", "limits.connection.burst", { limits: "connection = { burst = 201 }" }, {
    limits: "connection = { burst = 200 }",
  }],
  ["warning", "limits.connection.rate", { limits: "ip = { rate = 49 }\nuser = { rate = 50 }" }, {
    limits: "ip = { rate = 50 }\nuser = { rate = 50 }",
  }],
  ["warning", "limits.user.rate", { limits: "user = { rate = 201 }" }, { limits: "user = { rate = 200 }" }],
  ["warning", "limits.user.burst", { limits: "user = { burst = 401 }" }, { limits: "user = { burst = 400 }" }],
  ["warning", "limits.types.a.rate", { limits: "types.a = { rate = 51, burst = 1 }" }, {
    limits: "types.a = { rate = 50, burst = 1 }",
  }],
  ["warning", "limits.types.a.burst", { limits: "types.a = { rate = 1, burst = 101 }" }, {
    limits: "types.a = { rate = 1, burst = 100 }",
  }],
  ["error", "limits.connection.bytes_burst", { limits: 'connection = { bytes_burst = "65535B" }' }, {
    limits: 'connection = { bytes_burst = "64KiB" }',
  }],
  ["warning", "limits.connection.bytes_rate", { messages: "max_bytes = 5242" }, { messages: "max_bytes = 5243" }],
  ["warning", "server.send_queue", { server: 'send_queue = "64KiB"' }, { server: 'send_queue = "65KiB"' }],
  ["warning", "server.max_connections_per_ip", { server: "max_connections = 99" }, { server: "max_connections = 100" }],
  ["warning", "server.max_connections_per_user", { server: "max_connections_per_user = 10001" }, {
    server: "max_connections_per_user = 10000",
  }],
  ["warning", "messages.max_batch", { messages: "max_batch = 101" }, { messages: "max_batch = 100" }],
  ["note", "limits.adaptive", { limits: "adaptive = false" }, { limits: "adaptive = true" }],

  ["warning", "server.idle_timeout", { server: 'idle_timeout = "19s"' }, { server: 'idle_timeout = "20s"' }],
  ["warning", "server.idle_timeout", { server: 'max_session = "9m"' }, { server: 'max_session = "10m"' }],
  ["warning", "server.ping_interval", { server: 'max_session = "20s"\nidle_timeout = "0s"' }, {
    server: 'max_session = "21s"\nidle_timeout = "0s"',
  }],
  ["warning", "server.ping_interval", { server: 'ping_interval = "61s"' }, { server: 'ping_interval = "60s"' }],
  ["warning", "server.handshake_timeout", { server: 'handshake_timeout = "31s"' }, {
    server: 'handshake_timeout = "30s"',
  }],
  ["warning", "server.drain_timeout", { server: 'drain_timeout = "1999ms"' }, { server: 'drain_timeout = "2s"' }],
  ["warning", "server.max_session", { auth: `${KEY}max_age = "11h"` }, { auth: `${KEY}max_age = "12h"` }],
  ["warning", "auth.max_age", { auth: `${KEY}max_age = "31d"` }, { auth: `${KEY}max_age = "30d"` }],
  ["warning", "auth.clock_skew", { auth: `${KEY}clock_skew = "301s"` }, { auth: `${KEY}clock_skew = "5m"` }],

  ["warning", "admission.allow_missing_origin", { admission: `${ORIGINS}allow_missing_origin = true` }, {}],
  ["warning", "admission.require_subprotocol", { admission: `${ORIGINS}require_subprotocol = false` }, {}],
  ["warning", "admission.origins[0]", { admission: 'origins = ["http://app.example.com"]' }, {}],
  ["note", "admission.origins[0]", { admission: 'origins = ["http://localhost:3000"]' }, {}],
  ["note", "admission.origins[0]", { admission: 'origins = ["http://[::1]:3000"]' }, {}],
  ["warning", "auth.sources", { auth: `${KEY}sources = ["query"]` }, { auth: `${KEY}sources = ["header"]` }],
  ["warning", "auth.sources", { auth: `${KEY}sources = ["header", "query"]` }, { auth: `${KEY}sources = ["header"]` }],
  ["warning", "auth.sources", { auth: `${KEY}sources = ["cookie"]` }, { auth: `${KEY}sources = ["cookie"]`, tls: TLS }],
  ["warning", "auth.cookie", { tls: TLS, auth: `${KEY}sources = ["cookie"]\ncookie = "__Secure-a"` }, {
    tls: TLS,
    auth: `${KEY}sources = ["cookie"]`,
  }],
  ["note", "auth.algorithms", { auth: `${AUTH}algorithms = ["HS256"]\nsecret_file = "hs256.secret"` }, {}],
  ["note", "auth.private_key_file", { auth: `${KEY}private_key_file = "es256.key.pem"` }, {}],

  ["note", "server.host", { server: 'host = "0.0.0.0"', tls: TLS }, { tls: TLS }],
  ["note", "tls", {}, { tls: TLS }],
  ["warning", "tls.hsts_max_age", { tls: `${TLS}hsts_max_age = "179d"` }, { tls: `${TLS}hsts_max_age = "180d"` }],
  ["warning", "tls.hsts_max_age", { tls: `${TLS}hsts_max_age = "0s"` }, { tls: TLS }],
  ["error", "server.trusted_proxies", { server: 'trusted_proxies = ["0.0.0.0/0"]' }, {
    server: 'trusted_proxies = ["0.0.0.0/1"]',
  }],
  ["error", "server.trusted_proxies", { server: 'trusted_proxies = ["::1", "::/0"]' }, {
    server: 'trusted_proxies = ["::1"]',
  }],
  ["warning", "server.trusted_proxies", {}, { server: 'trusted_proxies = ["::1"]' }],
  ["warning", "limits.never_ban", { limits: 'never_ban = ["::/0"]' }, { limits: 'never_ban = ["192.0.2.0/24"]' }],
  ["warning", "ops.host", { ops: 'host = "0.0.0.0"' }, { ops: 'host = "::1"' }],
  ["note", "store.kind", {}, { store: 'kind = "sqlite"\npath = "x.db"' }],
  ["note", "log.level", { log: 'level = "debug"' }, { log: 'level = "info"' }],

  ["note", "cluster.required", { cluster: CLUSTER }, { cluster: `${CLUSTER}required = true` }],
  ["warning", "cluster.stale_after", { cluster: `${CLUSTER}required = true\nstale_after = "61s"` }, {
    cluster: `${CLUSTER}required = true\nstale_after = "60s"`,
  }],

  [
    "note",
    "handlers[0].permissions.net",
    handler('permissions = { net = ["api.internal:443"] }'),
    handler("permissions = { net = [] }"),
  ],
  ["note", "handlers[0].permissions.read", handler('permissions = { read = ["data"] }'), {}],
  ["note", "handlers[0].permissions.write", handler('permissions = { write = ["data"] }'), {}],
  ["note", "handlers[0].permissions.env", handler('permissions = { env = ["LANG"] }'), {}],
  ["note", "handlers[0].permissions.sys", handler('permissions = { sys = ["hostname"] }'), {}],
  ["warning", "handlers[0].permissions.import", handler('permissions = { import = ["modules.internal"] }'), {}],
  ["error", "handlers[0].permissions.read", { ...handler('permissions = { read = ["."] }'), tls: TLS }, {
    ...handler('permissions = { read = ["server.crt"] }'),
    tls: TLS,
  }],
  ["error", "handlers[0].permissions.read", { ...handler('permissions = { read = ["/"] }'), tls: TLS }, {
    ...handler('permissions = { read = ["serv"] }'),
    tls: TLS,
  }],
  [
    "error",
    "handlers[0].permissions.write",
    handler('permissions = { write = ["chat.ts"] }'),
    handler('permissions = { write = ["chat"] }'),
  ],
  [
    "error",
    "handlers[0].permissions.write",
    handler('permissions = { write = ["es256.pub.pem"] }'),
    handler('permissions = { write = ["es"] }'),
  ],
  ["error", "handlers[0].permissions.write", {
    ...handler('permissions = { write = ["x.db"] }'),
    store: 'kind = "sqlite"\npath = "x.db"',
  }, handler('permissions = { write = ["x.db"] }')],
  ["warning", "handlers[0].memory", { ...handler('memory = "15MiB"'), messages: 'max_bytes = "1MiB"' }, {
    ...handler('memory = "16MiB"'),
    messages: 'max_bytes = "1MiB"',
  }],
  ["warning", "handlers[0].timeout", { ...handler('timeout = "31s"'), server: 'drain_timeout = "1m"' }, {
    ...handler('timeout = "30s"'),
    server: 'drain_timeout = "1m"',
  }],
];

for (const [severity, where, beyond, inside] of CASES) {
  Deno.test(`configFindings() finds the ${severity} ${where} in ${JSON.stringify(beyond)}`, () => {
    using fixture = new ConfigFolder();
    const at = (sections: Sections) =>
      configFindings(fixture.load(sections), CONTEXT).filter((finding) =>
        finding.where === where && finding.severity === severity
      );
    assert(at(beyond).length === 1, `${JSON.stringify(at(beyond))}`);
    assertEquals(at(inside), []);
  });
}

Deno.test("configFindings() has no errors and no warnings about the defaults", () => {
  using fixture = new ConfigFolder();
  const severities = configFindings(fixture.load({ tls: TLS, ops: "" }), CONTEXT).map((finding) => finding.severity);
  assertEquals(severities.filter((severity) => severity !== "note"), []);
});

Deno.test("configFindings() has no errors and no warnings about the shipped configuration", () => {
  using fixture = new ConfigFolder();
  const text = Deno.readTextFileSync(new URL("../../../deploy/sallyport.toml", import.meta.url))
    .replaceAll("/var/lib/sallyport/tls", fixture.dir).replaceAll("/var/lib/sallyport", fixture.dir).replace(
      "handlers/chat.ts",
      "chat.ts",
    );
  const findings = configFindings(fixture.loadText(text, { CREDENTIALS_DIRECTORY: fixture.dir }), CONTEXT);
  assertEquals(findings.filter((finding) => finding.severity !== "note"), []);
});

Deno.test("configFindings() names what engine serve can't bound, and nothing of it with edge", () => {
  using fixture = new ConfigFolder();
  const gaps = (engine: string) =>
    configFindings(fixture.load({ server: `engine = "${engine}"` }), CONTEXT).filter((finding) =>
      finding.where === "server.engine"
    );
  assertEquals(gaps("edge"), []);
  const words = gaps("serve").map((gap) => `${gap.severity} ${gap.what} ${gap.why}`).join("\n");
  for (
    const gap of [
      "64 MiB",
      "deadline",
      "Pings, pongs",
      "paused",
      "before TLS",
      "Unmasked",
      "HTTP/1.0",
      "without a close frame",
      "40 ms",
      "certificate",
      "Connection: close",
    ]
  ) {
    assertMatch(words, new RegExp(gap, "i"));
  }
});

Deno.test("configFindings() finds files that others can change", () => {
  using fixture = new ConfigFolder();
  Deno.writeTextFileSync(fixture.path, "");
  const files: [string, string][] = [
    ["the configuration file", fixture.path],
    ["handlers[0].module", `${fixture.dir}/chat.ts`],
    ["auth.public_key_file", `${fixture.dir}/es256.pub.pem`],
    ["auth.revoked_file", `${fixture.dir}/revoked.txt`],
    ["tls.cert_file", `${fixture.dir}/server.crt`],
    ["cluster.ca_file", `${fixture.dir}/ca.crt`],
  ];
  const config = fixture.load({
    tls: TLS,
    cluster: `${CLUSTER}ca_file = "ca.crt"`,
    auth: `${KEY}revoked_file = "revoked.txt"`,
  });
  for (const [where, path] of files) {
    for (
      const [mode, expected] of [[0o666, "error"], [0o602, "error"], [0o660, "warning"], [0o644, undefined], [
        0o755,
        undefined,
      ]] as const
    ) {
      Deno.chmodSync(path, mode);
      const [found] = configFindings(config, { ...CONTEXT, path: fixture.path }).filter((finding) =>
        finding.where === where
      );
      assertEquals(found?.severity, expected, `${where} ${mode.toString(8)}`);
    }
  }
});

Deno.test("configFindings() comes worst first, and ends with what is admitted", () => {
  using fixture = new ConfigFolder();
  const findings = configFindings(
    fixture.load({ server: 'engine = "serve"', limits: "ip = { burst = 0 }\nadaptive = false" }),
    CONTEXT,
  );
  const ranks = findings.map((finding) => ["error", "warning", "note"].indexOf(finding.severity));
  assertEquals(ranks, [...ranks].sort());
  assertMatch(findings.at(-1)?.what ?? "", /^Admits at most 500,000 messages\/s, 2,621\.4 MB\/s, memory without bound/);
  assertEquals(worstFirst([]), []);
});

Deno.test("configFindings() are whole sentences without an end, each with why and remedy", () => {
  using fixture = new ConfigFolder();
  for (const [, , beyond] of CASES) {
    for (const finding of configFindings(fixture.load(beyond), CONTEXT)) {
      for (const text of [finding.what, finding.why, finding.remedy]) {
        assertMatch(text, /^(\p{Lu}|\d|\/|:|http|chat\.v1)/u);
        assertNotMatch(text, /[.\n]$|undefined|NaN|\[object/);
      }
      assert(finding.where !== "");
    }
  }
});

Deno.test("configFindings() warns of more fronts than processors, and counts those of all in the maximum", () => {
  using folder = new ConfigFolder();
  const config = folder.load({});
  const found = (fronts: number, cores: number) =>
    configFindings({ ...config, server: { ...config.server, fronts } }, { cores });
  assertEquals(found(4, 4).filter(({ where }) => where === "server.fronts"), []);
  const [warning] = found(4, 3).filter(({ where }) => where === "server.fronts");
  assertEquals([warning?.severity, warning?.what], ["warning", "4 fronts share 3 processors"]);
  const admits = found(2, 2).at(-1);
  assertMatch(admits?.what ?? "", /^Admits at most 1,000,000 messages\/s/);
  assertMatch(admits?.why ?? "", /^2 fronts × 10,000 connections, .*memory of each front is connections × /);
});

import { AUTH, ConfigFolder, type Sections } from "../helpers/config_folder.ts";
import { assertEquals } from "../assert.ts";
import type { Config } from "../../lib/config/config.ts";

/** Every message ends with what is allowed. */
const ALLOWED = /must (be|have|begin)|allowed: /;

const HANDLER = 'subprotocol = "chat.v1"\nmodule = "chat.ts"\n';
const ORIGINS = 'origins = ["https://app.example.com"]\n';
const KEY = AUTH + 'public_key_file = "es256.pub.pem"\n';
const CLUSTER = 'url_file = "redis.url"\nsecret_file = "cluster.secret"\n';
const TLS = 'cert_file = "server.crt"\nkey_file = "server.key"\n';

Deno.test("loadConfig() fills in every default", () => {
  using fixture = new ConfigFolder();
  const config = fixture.load({ tls: TLS, cluster: CLUSTER, ops: "" });
  const expected: Config = {
    server: {
      host: "127.0.0.1",
      port: 8443,
      path: "/ws",
      engine: "edge",
      max_connections: 10000,
      max_connections_per_ip: 100,
      max_connections_per_user: 20,
      handshake_timeout: 5_000,
      ping_interval: 20_000,
      idle_timeout: 600_000,
      max_session: 43_200_000,
      drain_timeout: 10_000,
      trusted_proxies: [],
      proxy_protocol: false,
      reuse_port: false,
      fronts: 1,
      send_queue: 1_048_576,
    },
    tls: {
      cert_file: `${fixture.dir}/server.crt`,
      key_file: `${fixture.dir}/server.key`,
      hsts_max_age: 31_536_000_000,
    },
    admission: { origins: ["https://app.example.com"], allow_missing_origin: false, require_subprotocol: true },
    auth: {
      algorithms: ["ES256"],
      public_key_file: `${fixture.dir}/es256.pub.pem`,
      issuer: "https://id.example.com",
      audience: "sallyport",
      clock_skew: 30_000,
      max_age: 86_400_000,
      sources: ["header", "subprotocol", "ticket"],
      cookie: "__Host-session",
      roles_claim: "roles",
    },
    topics: {
      max_subscriptions_per_session: 1_000,
      max_subscriptions_per_module: 500_000,
      max_subscriptions: 1_000_000,
    },
    messages: {
      max_bytes: 65536,
      max_fragments: 1024,
      max_depth: 32,
      max_batch: 20,
      max_in_flight: 64,
      max_invalid: 5,
    },
    limits: {
      handshake: { rate: 5, burst: 20 },
      handshake_user: { rate: 1, burst: 20 },
      ip: { rate: 200, burst: 400 },
      connection: { rate: 50, burst: 100, bytes_rate: 262_144, bytes_burst: 1_048_576 },
      user: { rate: 100, burst: 200 },
      ticket: { rate: 1, burst: 10 },
      types: {},
      on_exceed: "reject",
      max_violations: 20,
      ban: 60_000,
      adaptive: true,
      never_ban: [],
    },
    handlers: [{
      subprotocol: "chat.v1",
      module: `${fixture.dir}/chat.ts`,
      cells: 1,
      memory: 67_108_864,
      timeout: 2_000,
      permissions: {},
    }],
    store: { kind: "memory" },
    cluster: {
      url_file: `${fixture.dir}/redis.url`,
      secret_file: `${fixture.dir}/cluster.secret`,
      prefix: "sallyport",
      required: false,
      stale_after: 10_000,
    },
    ops: { host: "127.0.0.1", port: 9464 },
    log: { level: "info", format: "json" },
  };
  assertEquals(config, expected);
});

Deno.test("loadConfig() leaves tls, cluster and ops out when they are absent", () => {
  using fixture = new ConfigFolder();
  const config = fixture.load();
  assertEquals(["tls", "cluster", "ops"].filter((section) => Object.hasOwn(config, section)), []);
});

/** For each key: what is accepted, what is refused with a message that names the key. */
const KEYS: [section: keyof Sections, key: string, good: string[], bad: string[]][] = [
  ["server", "host", ['"127.0.0.1"', '"::1"', '"localhost"'], [
    '""',
    '"[::1]"',
    '"127.1"',
    '"256.0.0.1"',
    '"a b"',
    '"http://x"',
    '"-x"',
    "1",
  ]],
  ["server", "port", ["0", "1", "65535"], [
    "-1",
    "65536",
    "1.5",
    '"8443"',
    "nan",
    "inf",
    "1e23",
    "true",
    "1979-05-27",
    "[1]",
    "{}",
  ]],
  ["server", "path", ['"/"', '"/ws"', '"/v1/ws-2"'], [
    '"ws"',
    '""',
    '"/healthz"',
    '"/ticket"',
    '"/ws/"',
    '"/ws?x"',
    '"/a//b"',
    '"/a/../b"',
    '"/ü"',
    '"/%41"',
    '"/a b"',
  ]],
  ["server", "engine", ['"edge"', '"serve"'], ['"node"', '"EDGE"', '""', "1"]],
  ["server", "max_connections", ["1", "10000000"], ["0", "10000001", "-1"]],
  ["server", "max_connections_per_ip", ["1"], ["0"]],
  ["server", "max_connections_per_user", ["1"], ["0"]],
  ["server", "handshake_timeout", ['"10ms"', '"5m"'], ['"9ms"', '"301s"', '"0s"', "5", '"5"', '"5 s"', '"-5s"']],
  ["server", "ping_interval", ['"10ms"', '"1h"'], ['"0s"', '"61m"', "20"]],
  ["server", "idle_timeout", ['"0s"', '"24d"'], ['"25d"', '"never"', "0"]],
  ["server", "max_session", ['"10ms"', '"24d"'], ['"0s"', '"25d"']],
  ["server", "drain_timeout", ['"0s"', '"1h"'], ['"2h"']],
  ["server", "send_queue", ['"1KiB"', "1024", '"1GiB"'], [
    '"1023B"',
    "1023",
    '"2GiB"',
    '"1MB"',
    '"1.5MiB"',
    "-1",
    "1e23",
  ]],
  ["server", "trusted_proxies", ["[]", '["10.0.0.0/8", "::1", "192.0.2.1"]'], [
    '["10.0.0.1/8"]',
    '["x"]',
    '["127.1"]',
    '["::ffff:10.0.0.1"]',
    '["10.0.0.0/33"]',
    '"10.0.0.0/8"',
    "[1]",
  ]],
  ["server", "proxy_protocol", ["false"], ['"false"', "0"]],
  ["server", "fronts", ["1"], ["0", "65", "1.5", '"2"']],
  ["server", "reuse_port", ["false", "true"], ['"true"', "1"]],
  ["messages", "max_bytes", ["1", '"256MiB"', '"64KiB"'], ["0", '"257MiB"']],
  ["messages", "max_fragments", ["1", "1000000"], ["0", "1000001"]],
  ["messages", "max_depth", ["1", "1000"], ["0", "1001"]],
  ["messages", "max_batch", ["1", "10000"], ["0", "10001"]],
  ["messages", "max_in_flight", ["1", "100000"], ["0", "100001"]],
  ["messages", "max_invalid", ["1", "1000000"], ["0", "1000001"]],
  ["limits", "handshake", ["{}", "{ rate = 0.1 }", "{ rate = 1, burst = 0.5 }"], [
    "{ rate = 0 }",
    "{ rate = -1 }",
    "{ rate = inf }",
    "{ rate = nan }",
    "{ burst = -1 }",
    '{ rate = "5" }',
    "{ x = 1 }",
    "5",
  ]],
  ["limits", "handshake_user", ["{}", "{ rate = 0.1, burst = 40 }"], ["{ rate = 0 }", "5", "{ per = 1 }"]],
  ["limits", "ip", ["{ rate = 1 }"], ["{ rate = 0 }"]],
  ["limits", "connection", ['{ bytes_rate = "1B", bytes_burst = "1B" }'], [
    '{ bytes_rate = "0B" }',
    '{ bytes_burst = "65GiB" }',
  ]],
  ["limits", "user", ["{ burst = 1000000000 }"], ["{ burst = 1000000001 }"]],
  ["limits", "ticket", ["{ rate = 1, burst = 1 }"], ["{ rate = 0 }"]],
  ["limits", "types", ['{ "chat.send" = { rate = 1, burst = 1 } }', "{ constructor = { rate = 1, burst = 1 } }"], [
    "{ a = { rate = 1 } }",
    "{ a = 1 }",
    '{ "" = { rate = 1, burst = 1 } }',
    "1",
  ]],
  ["limits", "on_exceed", ['"reject"', '"delay"'], ['"drop"']],
  ["limits", "max_violations", ["1"], ["0"]],
  ["limits", "ban", ['"10ms"', '"1d"'], ['"0s"', '"25h"', '"-1s"']],
  ["limits", "adaptive", ["true", "false"], ["1"]],
  ["limits", "never_ban", ['["192.0.2.0/24"]'], ['["192.0.2.1/24"]']],
  ["store", "kind", ['"memory"'], ['"redis"']],
  ["ops", "host", ['"::1"', '"0.0.0.0"'], ['""']],
  ["ops", "port", ["0"], ["65536"]],
  ["ops", "admin_token_file", ['"admin.token"'], ['""', '"missing"', "1"]],
  ["log", "level", ['"debug"', '"info"', '"warn"', '"error"'], ['"trace"', '"INFO"']],
  ["log", "format", ['"json"', '"pretty"'], ['"text"']],
];

/** The same for tables that have keys of their own that must be there. */
const WITH_BASE: [section: keyof Sections, base: string, key: string, good: string[], bad: string[]][] = [
  ["tls", TLS, "hsts_max_age", ['"0s"', '"3650d"'], ['"3651d"', "0"]],
  ["admission", ORIGINS, "allow_missing_origin", ["true", "false"], ['"true"']],
  ["admission", ORIGINS, "require_subprotocol", ["true", "false"], ["0"]],
  ["auth", KEY, "clock_skew", ['"0s"', '"10m"'], ['"11m"']],
  ["auth", KEY, "max_age", ['"1s"', '"3650d"'], ['"999ms"', '"0s"', '"3651d"']],
  ["auth", KEY, "audience", ['"x"'], ['""', "1"]],
  ["auth", KEY, "sources", ['["cookie", "query"]', '["header"]'], [
    "[]",
    '["body"]',
    '["header", "header"]',
    '"header"',
  ]],
  ["auth", KEY, "cookie", ['"session"', '"__Host-a"', '"__Secure-a"'], [
    '""',
    '"a b"',
    '"a="',
    '"__host-a"',
    '"__SECURE-a"',
    '"__Host-"',
    '"ü"',
  ]],
  ["auth", KEY, "roles_claim", ['"https://example.com/roles"'], ['""']],
  ["auth", KEY, "required_role", ['"user"'], ['""', "[]"]],
  ["auth", KEY, "revoked_file", ['"revoked.txt"'], ['"missing"', '"."']],
  ["auth", KEY, "private_key_file", ['"es256.key.pem"'], ['"missing"', '"chat.ts"']],
  ["cluster", CLUSTER, "ca_file", ['"ca.crt"'], ['"missing"', "true"]],
  ["cluster", CLUSTER, "password_file", ['"admin.token"'], ['"missing"', '"chat.ts"']],
  ["cluster", CLUSTER, "prefix", ['"a"', '"Chat_2-eu.west"', `"${"x".repeat(64)}"`], [
    '""',
    '"a:b"',
    '"{a}"',
    '"a*"',
    '"a b"',
    '"ü"',
    `"${"x".repeat(65)}"`,
  ]],
  ["cluster", CLUSTER, "required", ["true", "false"], ['"true"']],
  ["cluster", CLUSTER, "stale_after", ['"1s"', '"1h"'], ['"999ms"', '"61m"', "10"]],
];

for (const [section, key, good, bad] of KEYS) keyTest(section, "", key, good, bad);
for (const [section, base, key, good, bad] of WITH_BASE) keyTest(section, base, key, good, bad);

function keyTest(section: keyof Sections, base: string, key: string, good: string[], bad: string[]): void {
  Deno.test(`loadConfig() takes ${section}.${key} within its bounds only`, () => {
    using fixture = new ConfigFolder();
    for (const value of good) fixture.load({ [section]: `${base}${key} = ${value}` });
    for (const value of bad) {
      fixture.assertProblem({ [section]: `${base}${key} = ${value}` }, `${section}.${key}`, ALLOWED);
    }
  });
}

Deno.test("loadConfig() takes each key of a handler within its bounds only", () => {
  using fixture = new ConfigFolder();
  const cases: [string, string[], string[]][] = [
    ["cells", ["0", "256"], ["-1", "257"]],
    ["memory", ['"8MiB"', '"16GiB"'], ['"7MiB"', '"17GiB"']],
    ["timeout", ['"1ms"', '"10m"'], ['"0s"', '"11m"']],
    ["permissions", [
      "{}",
      "{ net = [] }",
      '{ net = ["api.internal:443"], read = ["data"], write = ["data"], env = ["LANG", "APP_*"], sys = ["hostname"], import = ["modules.internal"] }',
    ], [
      "true",
      '"all"',
      "{ net = true }",
      '{ net = "x" }',
      '{ net = ["*"] }',
      '{ net = ["https://api.internal"] }',
      '{ net = [""] }',
      "{ read = true }",
      '{ env = ["A B"] }',
      '{ env = ["*"] }',
      '{ sys = ["*"] }',
    ]],
  ];
  for (const [key, good, bad] of cases) {
    for (const value of good) fixture.load({ handlers: [`${HANDLER}${key} = ${value}`] });
    for (const value of bad) {
      fixture.assertProblem(
        { handlers: [`${HANDLER}${key} = ${value}`] },
        `handlers[0].${key}`.slice(0, 20),
        "must be",
      );
    }
  }
});

Deno.test("loadConfig() refuses to grant a handler run or ffi, and permissions it does not know", () => {
  using fixture = new ConfigFolder();
  for (const name of ["run", "ffi"]) {
    for (const value of ["true", '["ls"]', "[]", "false"]) {
      const handlers = [`${HANDLER}permissions = { ${name} = ${value} }`];
      fixture.assertProblem(
        { handlers },
        `handlers[0].permissions.${name}`,
        `can't be granted: a handler that can use ${name} has no sandbox`,
      );
    }
  }
  fixture.assertProblem(
    { handlers: [`${HANDLER}permissions = { all = true }`] },
    "handlers[0].permissions.all",
    "is not known here, allowed: net, read",
  );
});

Deno.test("loadConfig() takes subprotocols that are tokens and do not carry tokens", () => {
  using fixture = new ConfigFolder();
  for (const name of ["chat.v1", "a", "!#$%&'*+-.^_`|~", "bearer", "bearer_1"]) {
    const written = name.replaceAll("$", "$$$$");
    assertEquals(
      fixture.load({ handlers: [`subprotocol = "${written}"\nmodule = "chat.ts"`] }).handlers[0]?.subprotocol,
      name,
    );
  }
  for (const name of ["", "a b", "a,b", "a/b", "ü", "bearer.v1", "Bearer.x", "a;b", "(a)"]) {
    fixture.assertProblem({ handlers: [`subprotocol = "${name}"\nmodule = "chat.ts"`] }, "handlers[0].subprotocol", "");
  }
});

Deno.test("loadConfig() takes modules from this machine only", () => {
  using fixture = new ConfigFolder();
  const module = (name: string): Sections => ({ handlers: [`subprotocol = "a"\nmodule = "${name}"`] });
  for (const name of ["chat.ts", "./chat.ts", `${fixture.dir}/chat.ts`, `file://${fixture.dir}/chat.ts`]) {
    assertEquals(fixture.load(module(name)).handlers[0]?.module, `${fixture.dir}/chat.ts`);
  }
  for (
    const name of [
      "https://x/y.ts",
      "http://x/y.ts",
      "npm:x",
      "jsr:@a/b",
      "data:text/javascript,1",
      "file://host/x.ts",
      "node:fs",
    ]
  ) {
    fixture.assertProblem(module(name), "handlers[0].module", "never loaded from the network");
  }
  for (const name of ["missing.ts", "."]) fixture.assertProblem(module(name), "handlers[0].module", "must be");
});

Deno.test("loadConfig() refuses unknown keys and tables and names those that are known", () => {
  using fixture = new ConfigFolder();
  fixture.assertProblem({ top: "[nonsense]" }, "nonsense", "is not known here, allowed: server, tls, admission");
  fixture.assertProblem({ server: "prot = 1" }, "server.prot", "is not known here, allowed: host, port");
  fixture.assertProblem(
    { limits: "[limits.types.x]\nrate = 1\nburst = 1\ncost = 2" },
    "limits.types.x.cost",
    "allowed: rate, burst",
  );
  fixture.assertProblem({ handlers: [`${HANDLER}name = 1`] }, "handlers[0].name", "allowed: subprotocol, module");
  fixture.assertProblem({ log: '"a.b" = 1' }, 'log."a.b"', "is not known here");
});

Deno.test("loadConfig() names what is missing", () => {
  using fixture = new ConfigFolder();
  fixture.assertProblem({ admission: null }, "admission", "is missing");
  fixture.assertProblem({ admission: "" }, "admission.origins", "is missing, must be a list of origins");
  fixture.assertProblem({ auth: null }, "auth", "is missing");
  fixture.assertProblem({ auth: 'public_key_file = "es256.pub.pem"' }, "auth.issuer", "is missing");
  fixture.assertProblem({ handlers: [] }, "handlers", "is missing, must be at least one [[handlers]] table");
  fixture.assertProblem({ handlers: [], top: "handlers = []" }, "handlers", "is empty");
  fixture.assertProblem({ handlers: [], top: 'handlers = "x"' }, "handlers", "at least one [[handlers]] table");
  fixture.assertProblem({ handlers: ['module = "chat.ts"'] }, "handlers[0].subprotocol", "is missing");
  fixture.assertProblem({ handlers: ['subprotocol = "a"'] }, "handlers[0].module", "is missing");
  fixture.assertProblem({ tls: 'cert_file = "server.crt"' }, "tls.key_file", "is missing, must be a path");
  fixture.assertProblem({ cluster: 'url_file = "redis.url"' }, "cluster.secret_file", "is missing, must be a path");
  fixture.assertProblem({ cluster: 'secret_file = "cluster.secret"' }, "cluster.url_file", "is missing");
});

Deno.test("limits.types finds nothing that was not configured", () => {
  using fixture = new ConfigFolder();
  const types = fixture.load({ limits: '[limits.types."chat.send"]\nrate = 5\nburst = 10' }).limits.types;
  assertEquals(types["chat.send"], { rate: 5, burst: 10 });
  for (const name of ["constructor", "toString", "__proto__", "hasOwnProperty"]) assertEquals(types[name], undefined);
  assertEquals(fixture.load().limits.types["constructor"], undefined);
});

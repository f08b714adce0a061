import { AUTH, ConfigFolder, type Sections } from "../helpers/config_folder.ts";
import { assertEquals } from "../assert.ts";

const TLS = 'cert_file = "server.crt"\nkey_file = "server.key"\n';
const CLUSTER = 'url_file = "redis.url"\nsecret_file = "cluster.secret"\n';
const HS = `${AUTH}algorithms = ["HS256"]\n`;
const SQLITE = 'kind = "sqlite"\n';

/** Each rule: what it accepts, and what it refuses at which key with which words. */
const RULES: [name: string, good: Sections[], bad: [Sections, string, string][]][] = [
  ["TLS wherever others can connect", [
    { server: 'host = "127.0.0.9"' },
    { server: 'host = "::1"' },
    { server: 'host = "localhost"' },
    { server: 'host = "0.0.0.0"', tls: TLS },
    { server: 'host = "::"', tls: TLS },
    { tls: TLS },
  ], [
    [{ server: 'host = "0.0.0.0"' }, "tls", 'is missing, must be there because server.host is "0.0.0.0"'],
    [{ server: 'host = "::"' }, "tls", "is missing"],
    [{ server: 'host = "192.0.2.1"' }, "tls", "is missing"],
    [{ server: 'host = "myhost"' }, "tls", "is missing"],
    [{ server: 'host = "::ffff:192.0.2.1"' }, "tls", "is missing"],
  ]],
  ["a unix socket instead of host, port and TLS", [{ server: 'unix = "s.sock"' }], [
    [{ server: 'unix = "s.sock"\nport = 1' }, "server.port", "can't be used together with server.unix"],
    [{ server: 'unix = "s.sock"\nhost = "::1"' }, "server.host", "can't be used together with server.unix"],
    [{ server: 'unix = "s.sock"', tls: TLS }, "tls", "can't be used with server.unix"],
    [{ server: 'unix = "missing/s.sock"' }, "server.unix", "does not exist"],
  ]],
  ["PROXY headers only from known proxies", [
    { server: 'proxy_protocol = true\ntrusted_proxies = ["10.0.0.0/8"]' },
    { server: 'proxy_protocol = true\nunix = "s.sock"' },
  ], [[{ server: "proxy_protocol = true" }, "server.proxy_protocol", "trusted_proxies is empty"]]],
  ["a port is shared, a socket file isn't", [{ server: "reuse_port = true" }, {
    server: 'unix = "s.sock"\nreuse_port = false',
  }], [
    [{ server: 'unix = "s.sock"\nreuse_port = true' }, "server.reuse_port", "can't be used together with server.unix"],
  ]],
  ["several fronts on a shared port, as nodes of a cluster", [
    { server: "fronts = 1" },
    { server: "fronts = 2\nreuse_port = true", cluster: CLUSTER },
  ], [
    [{ server: "fronts = 2" }, "server.fronts", "is 2, which needs server.reuse_port = true"],
    [{ server: "fronts = 2\nreuse_port = true\nport = 0" }, "server.fronts", "needs a server.port other than 0"],
    [{ server: "fronts = 2\nreuse_port = true" }, "server.fronts", "is 2, which needs [cluster]: each front is a node"],
    [{ server: 'fronts = 2\nengine = "serve"' }, "server.fronts", 'needs server.engine = "edge"'],
  ]],
  ["what only engine edge can do", [
    { server: 'engine = "serve"', limits: 'on_exceed = "reject"' },
    { server: 'engine = "edge"', limits: 'on_exceed = "delay"' },
  ], [
    [{ server: 'engine = "serve"', limits: 'on_exceed = "delay"' }, "limits.on_exceed", 'needs server.engine = "edge"'],
    [{ server: 'engine = "serve"\nunix = "s.sock"' }, "server.unix", 'needs server.engine = "edge"'],
    [
      { server: 'engine = "serve"\nproxy_protocol = true\ntrusted_proxies = ["::1"]' },
      "server.proxy_protocol",
      "needs server.engine",
    ],
    [{ server: 'engine = "serve"\nreuse_port = true' }, "server.reuse_port", 'needs server.engine = "edge"'],
  ]],
  ["origins", [
    { admission: 'origins = ["https://a.example", "https://a.example:8443"]' },
    { admission: "origins = []\nallow_missing_origin = true" },
  ], [
    [{ admission: "origins = []" }, "admission.origins", "no client could connect"],
    [{ admission: 'origins = ["https://a.example", "https://a.example"]' }, "admission.origins[1]", "once more"],
    [{ admission: 'origins = ["https://a.example/"]' }, "admission.origins[0]", "trailing slash"],
    [{ admission: 'origins = "https://a.example"' }, "admission.origins", "must be a list of origins"],
  ]],
  ["exactly one key source", [
    { auth: `${AUTH}public_key_file = "es256.pub.pem"` },
    { auth: `${AUTH}jwks_file = "keys.json"` },
    { auth: `${AUTH}jwks_url = "https://id.example.com/keys"` },
    { auth: `${HS}secret_file = "hs256.secret"` },
  ], [
    [
      { auth: AUTH },
      "auth",
      "has no key to verify tokens with, must be exactly one of public_key_file, secret_file, jwks_file, jwks_url",
    ],
    [
      { auth: `${AUTH}public_key_file = "es256.pub.pem"\njwks_file = "keys.json"` },
      "auth",
      "has public_key_file and jwks_file",
    ],
    [{ auth: `${AUTH}jwks_url = "https://x/"\njwks_file = "keys.json"` }, "auth", "has jwks_file and jwks_url"],
  ]],
  ["key sets over https", [{ auth: `${AUTH}jwks_url = "https://id.example.com:8443/keys?v=1"` }], [
    [{ auth: `${AUTH}jwks_url = "http://id.example.com/keys"` }, "auth.jwks_url", "https://"],
    [{ auth: `${AUTH}jwks_url = "http://localhost/keys"` }, "auth.jwks_url", "https://"],
    [{ auth: `${AUTH}jwks_url = "https://user:pw@id.example.com/"` }, "auth.jwks_url", "https://"],
    [{ auth: `${AUTH}jwks_url = "https://id.example.com/#x"` }, "auth.jwks_url", "https://"],
    [{ auth: `${AUTH}jwks_url = "id.example.com"` }, "auth.jwks_url", "https://"],
  ]],
  ["algorithms", [
    { auth: `${AUTH}public_key_file = "es256.pub.pem"\nalgorithms = ["RS256", "PS512"]` },
    { auth: `${AUTH}public_key_file = "es256.pub.pem"\nalgorithms = ["EdDSA"]` },
    { auth: `${AUTH}jwks_file = "keys.json"\nalgorithms = ["ES256", "EdDSA", "RS256"]` },
    { auth: `${AUTH}secret_file = "hs256.secret"\nalgorithms = ["HS256", "HS512"]` },
  ], [
    [
      { auth: `${AUTH}jwks_file = "keys.json"\nalgorithms = ["none"]` },
      "auth.algorithms[0]",
      "would accept every token",
    ],
    [
      { auth: `${AUTH}jwks_file = "keys.json"\nalgorithms = ["ES256", "NONE"]` },
      "auth.algorithms[1]",
      "would accept every token",
    ],
    [{ auth: `${AUTH}jwks_file = "keys.json"\nalgorithms = ["es256"]` }, "auth.algorithms[0]", "must be one of ES256"],
    [{ auth: `${AUTH}jwks_file = "keys.json"\nalgorithms = ["dir"]` }, "auth.algorithms[0]", "must be one of"],
    [{ auth: `${AUTH}jwks_file = "keys.json"\nalgorithms = []` }, "auth.algorithms", "is empty"],
    [{ auth: `${AUTH}jwks_file = "keys.json"\nalgorithms = "ES256"` }, "auth.algorithms", "must be a list"],
    [{ auth: `${AUTH}jwks_file = "keys.json"\nalgorithms = ["ES256", "ES256"]` }, "auth.algorithms[1]", "once more"],
    [{ auth: `${AUTH}jwks_file = "keys.json"\nalgorithms = ["ES256", "HS256"]` }, "auth.algorithms", "can't be mixed"],
    [
      { auth: `${AUTH}secret_file = "hs256.secret"\nalgorithms = ["HS256", "RS256"]` },
      "auth.algorithms",
      "can't be mixed",
    ],
    [
      { auth: `${AUTH}secret_file = "hs256.secret"\nalgorithms = ["ES256"]` },
      "auth.secret_file",
      "does not fit algorithms ES256",
    ],
    [{ auth: `${HS}public_key_file = "es256.pub.pem"` }, "auth.public_key_file", "must be secret_file"],
    [{ auth: `${HS}jwks_file = "keys.json"` }, "auth.jwks_file", "must be secret_file"],
    [
      { auth: `${AUTH}public_key_file = "es256.pub.pem"\nalgorithms = ["ES256", "EdDSA"]` },
      "auth.algorithms",
      "one key can't serve",
    ],
    [
      { auth: `${AUTH}public_key_file = "es256.pub.pem"\nalgorithms = ["ES256", "ES384"]` },
      "auth.algorithms",
      "one key can't serve",
    ],
    [
      { auth: `${HS}secret_file = "hs256.secret"\nprivate_key_file = "es256.key.pem"` },
      "auth.private_key_file",
      "no use with HS*",
    ],
  ]],
  ["one handler for each subprotocol", [
    { handlers: ['subprotocol = "a"\nmodule = "chat.ts"', 'subprotocol = "A"\nmodule = "chat.ts"'] },
  ], [
    [
      { handlers: ['subprotocol = "a"\nmodule = "chat.ts"', 'subprotocol = "a"\nmodule = "echo.ts"'] },
      "handlers[1].subprotocol",
      "once more",
    ],
  ]],
  ["a path for SQLite", [{ store: `${SQLITE}path = "state.db"` }, { store: 'path = "missing/state.db"' }], [
    [{ store: SQLITE }, "store.path", 'because store.kind is "sqlite"'],
    [{ store: `${SQLITE}path = "missing/state.db"` }, "store.path", "does not exist"],
    [{ store: `${SQLITE}path = "chat.ts/state.db"` }, "store.path", "must be"],
  ]],
  ["a certificate for the cluster together with its key", [
    { cluster: CLUSTER },
    { cluster: `${CLUSTER}${TLS}` },
  ], [
    [{ cluster: `${CLUSTER}cert_file = "server.crt"` }, "cluster.key_file", "because cluster.cert_file is"],
    [{ cluster: `${CLUSTER}key_file = "server.key"` }, "cluster.cert_file", "because cluster.key_file is"],
  ]],
];

for (const [name, good, bad] of RULES) {
  Deno.test(`loadConfig() wants ${name}`, () => {
    using fixture = new ConfigFolder();
    for (const sections of good) fixture.load(sections);
    for (const [sections, key, message] of bad) fixture.assertProblem(sections, key, message);
  });
}

Deno.test("loadConfig() applies rules to what is right by itself, beside what is wrong", () => {
  using fixture = new ConfigFolder();
  const keys = fixture.problems({
    server: 'host = "0.0.0.0"\nport = -1\nengine = "serve"',
    auth: 'algorithms = ["HS256", "ES256"]\njwks_url = "http://x"\nsecret_file = "hs256.secret"\nclock_skew = 1',
    limits: 'on_exceed = "delay"\nban = "0s"',
    store: 'kind = "sqlite"\nx = 1',
  }).map((problem) => problem.key).sort();
  assertEquals(keys, [
    "auth",
    "auth.algorithms",
    "auth.clock_skew",
    "auth.issuer",
    "auth.jwks_url",
    "limits.ban",
    "limits.on_exceed",
    "server.port",
    "store.path",
    "store.x",
    "tls",
  ]);
});

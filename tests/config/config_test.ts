import { ConfigError, devConfig, findConfig, formatProblem, loadConfig } from "../../lib/config/config.ts";
import { AUTH, ConfigFolder, toml } from "../helpers/config_folder.ts";
import { assert, assertEquals, assertNotMatch, assertStringIncludes, assertThrows } from "../assert.ts";

const HANDLERS = ['subprotocol = "a"\nmodule = "chat.ts"'];
const none = () => undefined;

Deno.test("loadConfig() tells all problems in one go, each on a line with file, key, what is wrong, what is allowed", () => {
  using fixture = new ConfigFolder();
  const text = `
nonsense = 1
[server]
port = 99999999999999999999999
ping_interval = 20
engine = "node"
prot = 1
[tls]
cert_file = "missing.crt"
key_file = "chat.ts"
[admission]
origins = ["*", "https://app.example.com/"]
[auth]
algorithms = ["none"]
[messages]
max_bytes = "64KB"
[limits]
ip = { rate = nan }
[limits.types."chat.send"]
rate = 1
[[handlers]]
subprotocol = "bearer.x"
module = "missing.ts"
permissions = { run = true }
[cluster]
url_file = "x"
prefix = "{a}"
[ops]
admin_token_file = "$TOKEN"
`;
  const error = assertThrows(() => fixture.loadText(text), ConfigError);
  const lines = error.message.split("\n").map((line) => line.replaceAll(fixture.dir, "DIR"));
  const expected = [
    "DIR/sallyport.toml: ops.admin_token_file: has a lone $, must be ${NAME} for a variable or $$ for the character",
    'DIR/sallyport.toml: cluster.prefix: is "{a}", must be a name of 1 to 64 letters, digits, "_", "-" and "."',
    'DIR/sallyport.toml: cluster.url_file: names "DIR/x", which does not exist, must be an existing file',
    "DIR/sallyport.toml: cluster.secret_file: is missing, must be a path",
    "DIR/sallyport.toml: server.port: is 1e+23, must be a whole number from 0 to 65535",
    'DIR/sallyport.toml: server.ping_interval: is 20, must be a duration such as "500ms", "5s", "10m", "1h" or "7d", from "10ms" to "1h"',
    'DIR/sallyport.toml: server.engine: is "node", must be "edge" or "serve"',
    'DIR/sallyport.toml: admission.origins[0]: is "*", but wildcards are not allowed: list each origin',
    'DIR/sallyport.toml: admission.origins[1]: is "https://app.example.com/", leave out the trailing slash',
    'DIR/sallyport.toml: auth.issuer: is missing, must be the "iss" every token must carry',
    'DIR/sallyport.toml: limits.types."chat.send".burst: is missing, must be a number from 0 to 1000000000',
    "DIR/sallyport.toml: limits.ip.rate: is NaN, must be a number above 0 and up to 1000000000",
    'DIR/sallyport.toml: tls.cert_file: names "DIR/missing.crt", which does not exist, must be an existing file',
    'DIR/sallyport.toml: handlers[0].module: names "DIR/missing.ts", which does not exist, must be an existing file',
  ];
  for (const line of expected) assert(lines.includes(line), `${line}\nnot in\n${lines.join("\n")}`);
  const keys = error.problems.map((problem) => problem.key);
  for (
    const key of [
      "nonsense",
      "server.prot",
      "auth.algorithms[0]",
      "auth",
      "messages.max_bytes",
      "tls.key_file",
      "handlers[0].subprotocol",
      "handlers[0].permissions.run",
    ]
  ) {
    assert(keys.includes(key), key);
  }
  assertEquals(new Set(keys).size, keys.length);
  assertEquals(error.problems.map(formatProblem).join("\n"), error.message);
});

Deno.test("loadConfig() tells the line of what is not TOML", () => {
  using fixture = new ConfigFolder();
  const [problem, ...more] = fixture.problemsOf("[server]\nport = 1\nhost = \n");
  assertEquals([problem?.key, more.length], ["line 3", 0]);
  assertEquals(fixture.problemsOf("[server]\nport = 1\nport = 2")[0]?.key, "line 3");
});

Deno.test("loadConfig() takes ${NAME} from the environment, once, and $$ for $", () => {
  using fixture = new ConfigFolder();
  const issuer = (text: string, variables = {}) =>
    fixture.load({ auth: `public_key_file = "es256.pub.pem"\nissuer = "${text}"` }, variables).auth.issuer;
  assertEquals(issuer("https://${HOST}/${REALM}", { HOST: "id.example.com", REALM: "a" }), "https://id.example.com/a");
  assertEquals(issuer("a$$b"), "a$b");
  assertEquals(issuer("$${HOST}"), "${HOST}");
  assertEquals(issuer("$$${HOST}", { HOST: "x" }), "$x");
  assertEquals(issuer("${A}", { A: "${B}$" }), "${B}$");
  const config = fixture.load({
    admission: 'origins = ["https://${HOST}"]',
    auth: `${AUTH}public_key_file = "\${CREDENTIALS_DIRECTORY}/es256.pub.pem"`,
  }, { HOST: "app.example.com", CREDENTIALS_DIRECTORY: fixture.dir });
  assertEquals(config.admission.origins, ["https://app.example.com"]);
  assertEquals(config.auth.public_key_file, `${fixture.dir}/es256.pub.pem`);
});

Deno.test("loadConfig() refuses unset variables and lone dollars, every one of them", () => {
  using fixture = new ConfigFolder();
  const auth = (issuer: string) => ({ auth: `public_key_file = "es256.pub.pem"\nissuer = "${issuer}"` });
  fixture.assertProblem(auth("${MISSING}"), "auth.issuer", "needs the environment variable MISSING, which is not set");
  for (const issuer of ["$HOME", "a$", "${", "${}", "${A-B}", "${1A}", "${A:-x}", "$ {A}"]) {
    fixture.assertProblem(auth(issuer), "auth.issuer", "lone $", { A: "a", HOME: "h" });
  }
  fixture.assertProblem(auth("${EMPTY}"), "auth.issuer", "must be", { EMPTY: "" });
  const keys = fixture.problems({
    admission: 'origins = ["${A}", "https://a.example", "${B}"]',
    log: 'level = "${C}"',
  });
  assertEquals(keys.map((problem) => problem.key), ["admission.origins[0]", "admission.origins[2]", "log.level"]);
});

Deno.test("loadConfig() shows no value of a variable in a problem", () => {
  using fixture = new ConfigFolder();
  const secret = 'hunter2-"x"\\';
  const error = assertThrows(
    () =>
      fixture.loadText(
        toml({
          server: 'host = "${SECRET}"\npath = "/${SECRET}"\nping_interval = "${SHORT}"',
          admission: 'origins = ["https://${SECRET}", "${SECRET}"]',
          auth: 'issuer = "x"\nalgorithms = ["${SECRET}"]\nsecret_file = "${SECRET}"',
          ops: 'admin_token_file = "a/${SECRET}"',
        }),
        { SECRET: secret, SHORT: "pw" },
      ),
    ConfigError,
  );
  assertNotMatch(error.message, /hunter2|"pw"/);
  assertStringIncludes(error.message, '"${SECRET}"');
  assertStringIncludes(error.message, 'is "${SHORT}"');
});

Deno.test("loadConfig() resolves paths from the folder of the file", () => {
  using fixture = new ConfigFolder();
  Deno.mkdirSync(`${fixture.dir}/sub`);
  const config = loadConfig({
    path: `${fixture.dir}/sub/x.toml`,
    text: toml({
      server: 'unix = "s.sock"',
      auth:
        `${AUTH}public_key_file = "../es256.pub.pem"\nprivate_key_file = "${fixture.dir}/es256.key.pem"\nrevoked_file = "../revoked.txt"`,
      handlers: [
        'subprotocol = "a"\nmodule = "../chat.ts"\npermissions = { read = ["data", "/srv"], write = ["../out"] }',
      ],
      store: 'kind = "sqlite"\npath = "state.db"',
      ops: 'admin_token_file = "../admin.token"',
    }),
    env: none,
  });
  assertEquals(config.server.unix, `${fixture.dir}/sub/s.sock`);
  assertEquals(config.auth.public_key_file, `${fixture.dir}/es256.pub.pem`);
  assertEquals(config.auth.private_key_file, `${fixture.dir}/es256.key.pem`);
  assertEquals(config.auth.revoked_file, `${fixture.dir}/revoked.txt`);
  assertEquals(config.handlers[0]?.module, `${fixture.dir}/chat.ts`);
  assertEquals(config.handlers[0]?.permissions, {
    read: [`${fixture.dir}/sub/data`, "/srv"],
    write: [`${fixture.dir}/out`],
  });
  assertEquals(config.store.path, `${fixture.dir}/sub/state.db`);
  assertEquals(config.ops?.admin_token_file, `${fixture.dir}/admin.token`);
});

Deno.test("loadConfig() reads the named file, and says when it can't", () => {
  using fixture = new ConfigFolder();
  Deno.writeTextFileSync(fixture.path, toml({ handlers: HANDLERS }));
  assertEquals(loadConfig({ path: fixture.path, env: none }).handlers[0]?.subprotocol, "a");
  const cases: [string, string][] = [
    [`${fixture.dir}/missing.toml`, "no such file, must be an existing file"],
    [fixture.dir, "can't be read"],
  ];
  Deno.writeFileSync(`${fixture.dir}/binary.toml`, new Uint8Array([0xff, 0xfe]));
  for (const [path, message] of [...cases, [`${fixture.dir}/binary.toml`, "is not UTF-8 text"]] as [string, string][]) {
    const error = assertThrows(() => loadConfig({ path, env: none }), ConfigError);
    assertStringIncludes(error.message, `${path}: ${message}`);
  }
});

Deno.test("findConfig() prefers the named file, then the default paths", () => {
  assertEquals(findConfig("x.toml"), "x.toml");
  const found = findConfig();
  assert(found === undefined || found === "./sallyport.toml" || found === "/etc/sallyport/sallyport.toml");
});

Deno.test("devConfig() is every default with localhost, a shared secret and readable logs", () => {
  const handlers = [{ subprotocol: "chat.v1", module: "/x/chat.ts" }];
  const config = devConfig({ port: 8443, certsDir: "/x/certs", handlers });
  assertEquals(config.server.host, "localhost");
  assertEquals(config.server.port, 8443);
  assertEquals(config.admission.origins, ["https://localhost:8443", "https://127.0.0.1:8443"]);
  assertEquals(config.tls?.cert_file, "/x/certs/server.crt");
  assertEquals(config.tls?.key_file, "/x/certs/server.key");
  assertEquals(config.auth.algorithms, ["HS256"]);
  assertEquals(config.auth.secret_file, "/x/certs/dev.secret");
  assertEquals(
    config.handlers[0],
    { ...handlers[0], cells: 1, memory: 67_108_864, timeout: 2_000, permissions: {} } as typeof config.handlers[0],
  );
  assertEquals(config.log, { level: "info", format: "pretty" });
  for (const scope of ["handshake", "handshake_user", "ticket"] as const) {
    assertEquals(config.limits[scope], { rate: 100, burst: 500 }, scope);
  }
  assertEquals(devConfig({ port: 443, certsDir: "/x", handlers }).admission.origins, [
    "https://localhost",
    "https://127.0.0.1",
  ]);
});

Deno.test("deploy/sallyport.toml loads where its files are", () => {
  using fixture = new ConfigFolder();
  const shipped = Deno.readTextFileSync(new URL("../../deploy/sallyport.toml", import.meta.url));
  const text = shipped.replaceAll("/var/lib/sallyport/tls", fixture.dir).replaceAll("/var/lib/sallyport", fixture.dir)
    .replace("handlers/chat.ts", "chat.ts");
  const config = fixture.loadText(text, { CREDENTIALS_DIRECTORY: fixture.dir });
  assertEquals(config.server.port, 443);
  assertEquals(config.limits.types["chat.send"], { rate: 5, burst: 10 });
});

/** All keys of `[cluster]`. */
const CLUSTER = [
  'url_file = "redis.url"\nsecret_file = "cluster.secret"',
  'ca_file = "ca.crt"\ncert_file = "server.crt"\nkey_file = "server.key"\npassword_file = "admin.token"',
].join("\n");

Deno.test("deploy/sallyport.toml has every key, and the default as its value unless a comment tells it", () => {
  using fixture = new ConfigFolder();
  const lines = Deno.readTextFileSync(new URL("../../deploy/sallyport.toml", import.meta.url)).split("\n");
  const defaults: Record<string, unknown> = {
    ...fixture.load({ tls: 'cert_file = "server.crt"\nkey_file = "server.key"', cluster: CLUSTER, ops: "" }),
  };
  for (const [section, table] of Object.entries(defaults)) {
    const keys = Object.keys(Array.isArray(table) ? table[0] : table as object).filter((key) => key !== "types");
    const start = lines.findIndex((line) => new RegExp(`^(# )?\\[+${section}\\]`).test(line));
    const end = lines.findIndex((line, index) => index > start && /^(# )?\[/.test(line));
    assert(start >= 0, section);
    const inside = lines.slice(start + 1, end === -1 ? undefined : end).join("\n");
    for (const key of keys) assert(new RegExp(`^(# )?${key} = `, "m").test(inside), `${section}.${key}`);
  }
});

/** Findings of `check` about `[cluster]`, by its files and by a real database. */
import { databaseFindings } from "../../lib/cluster/redis/database_findings.ts";
import { clusterFileFindings } from "../../lib/cluster/redis/file_findings.ts";
import type { Config } from "../../lib/config/config.ts";
import type { Finding } from "../../lib/config/findings/findings.ts";
import { makeCertificate } from "../../lib/tls/certificate.ts";
import { assert, assertEquals, assertMatch, assertNotMatch } from "../assert.ts";
import { ConfigFolder } from "../helpers/config_folder.ts";
import { RedisServer } from "../helpers/redis_server.ts";
import { until } from "../helpers/until.ts";
import { makeNode, settings } from "./nodes.ts";
import { PASSWORD, TestLink, TestRedis } from "../helpers/proxied_redis.ts";
import { optional, runs } from "../helpers/optional.ts";

const REDIS = { "redis-server": runs("redis-server", "--version") };
const KEYS = 'url_file = "redis.url"\nsecret_file = "cluster.secret"\n';
const SECRET = "0123456789abcdef0123456789abcdef";

interface Files {
  readonly url?: string;
  readonly secret?: string;
  readonly password?: string;
  /** Contents of `ca_file`; of `cert_file` and `key_file`. */
  readonly ca?: string;
  readonly pair?: { readonly cert: string; readonly key: string };
  /** `permissions.net` of the handler. */
  readonly net?: readonly string[];
}

function withConfig<T>(files: Files, test: (config: Config) => T): T {
  const fixture = new ConfigFolder();
  const write = (name: string, text: string) => Deno.writeTextFileSync(`${fixture.dir}/${name}`, text, { mode: 0o600 });
  write("redis.url", files.url ?? "rediss://sallyport@redis.internal:6379\n");
  write("cluster.secret", files.secret ?? `${SECRET}\n`);
  let keys = KEYS;
  if (files.password !== undefined) {
    write("admin.token", files.password);
    keys += 'password_file = "admin.token"\n';
  }
  if (files.ca !== undefined) {
    write("ca.crt", files.ca);
    keys += 'ca_file = "ca.crt"\n';
  }
  if (files.pair !== undefined) {
    write("server.crt", files.pair.cert);
    write("server.key", files.pair.key);
    keys += 'cert_file = "server.crt"\nkey_file = "server.key"\n';
  }
  try {
    // The files are read before the first pause of `test`.
    const handler = `subprotocol = "chat.v1"\nmodule = "chat.ts"\npermissions = { net = ${
      JSON.stringify(files.net ?? [])
    } }`;
    return test(fixture.load({ cluster: keys, handlers: [handler] }));
  } finally {
    fixture[Symbol.dispose]();
  }
}

function brief(findings: readonly Finding[]): string[] {
  for (const { what, why, remedy } of findings) {
    for (const text of [what, why, remedy]) {
      assertMatch(text, /^(\p{Lu}|\d)/u);
      assertNotMatch(text, /[.\n]$|undefined/);
    }
  }
  return findings.map(({ severity, where }) => `${severity} ${where}`);
}

const ofFiles = (files: Files) => withConfig(files, (config) => brief(clusterFileFindings(config)));

Deno.test("clusterFileFindings() wants TLS, except on this machine", () => {
  const plain = "error cluster.url_file";
  const urls = [
    ["rediss://redis.internal", []],
    ["redis://redis.internal", [plain]],
    ["redis://192.0.2.1:6379", [plain]],
    ["redis+sentinel://127.0.0.1,192.0.2.1/main", [plain]],
    ["redis+cluster://a.internal,b.internal", [plain]],
    ["rediss+cluster://a.internal,b.internal", []],
    ["redis://127.0.0.1:6379", []],
    ["redis://[::1]:6379", []],
    ["redis+sentinel://127.0.0.1,localhost/main", []],
    ["unix:///run/redis.sock", []],
  ] as const;
  for (const [url, expected] of urls) assertEquals(ofFiles({ url }), [...expected], url);
});

Deno.test("clusterFileFindings() refuses what is no URL of Redis, and never shows it", () => {
  for (
    const url of ["", "https://redis.internal", "rediss://", "rediss://u:swordfish@a:0", "rediss+sentinel://swordfish"]
  ) {
    withConfig({ url }, (config) => {
      const findings = clusterFileFindings(config);
      assertEquals(brief(findings), ["error cluster.url_file"], url);
      assertNotMatch(JSON.stringify(findings), /swordfish/);
    });
  }
});

Deno.test("clusterFileFindings() wants a secret of 32 bytes and a password that is not empty", () => {
  assertEquals(ofFiles({ secret: SECRET }), []);
  assertEquals(ofFiles({ secret: `${SECRET.slice(1)}\n` }), ["error cluster.secret_file"]);
  assertEquals(ofFiles({ password: "x\n" }), []);
  assertEquals(ofFiles({ password: "\n" }), ["error cluster.password_file"]);
  const twice = { url: "rediss://u:p@redis.internal", password: "x" };
  assertEquals(ofFiles(twice), ["warning cluster.password_file"]);
});

Deno.test("clusterFileFindings() wants certificates that fit, and TLS that uses them", async () => {
  const [one, other] = await Promise.all([1, 2].map(() => makeCertificate({ hosts: ["localhost"] })));
  assert(one && other);
  assertEquals(ofFiles({ ca: one.cert, pair: one }), []);
  assertEquals(ofFiles({ ca: "no certificate" }), ["error cluster.ca_file"]);
  assertEquals(ofFiles({ pair: { cert: one.cert, key: "no key" } }), ["error cluster.key_file"]);
  assertEquals(ofFiles({ pair: { cert: "no certificate", key: one.key } }), ["error cluster.cert_file"]);
  assertEquals(ofFiles({ pair: { cert: one.cert, key: other.key } }), ["error cluster.key_file"]);
  assertEquals(ofFiles({ url: "redis://127.0.0.1", ca: one.cert }), ["warning cluster.ca_file"]);
});

Deno.test("clusterFileFindings() names handlers that can connect to the database", () => {
  const url = "rediss+cluster://a.internal:7000,[2001:db8::1]";
  for (const host of ["a.internal", "a.internal:7000", "[2001:db8::1]:6379"]) {
    assertEquals(ofFiles({ url, net: ["b.internal", host] }), ["warning handlers[0].permissions.net"], host);
  }
  for (const host of ["b.internal", "a.internal:6379", "internal"]) {
    assertEquals(ofFiles({ url, net: [host] }), [], host);
  }
});

Deno.test(
  optional(REDIS, "a node does not connect to a master of another machine without TLS", async () => {
    await using redis = await RedisServer.start({
      config: ["cluster-enabled yes", "cluster-config-file nodes.conf", "cluster-announce-ip 192.0.2.1"],
    });
    await redis.cli("CLUSTER", "ADDSLOTSRANGE", "0", "16383");
    await until(async () => (await redis.cli("CLUSTER", "INFO")).includes("cluster_state:ok"), "the slots");
    const url = redis.url.replace("redis://", "redis+cluster://");
    const reason = `The URL has no TLS, and the master 192.0.2.1:${redis.port} is another machine`;
    assertEquals(await ofDatabase(url), [`error ${reason}`]);
    await using node = makeNode(settings(url));
    await node.cluster.start();
    assertEquals(node.cluster.link().up, false);
    assertEquals(node.log.map(({ event, reason }) => [event, reason]), [["cluster.down", reason]]);
  }),
);

Deno.test(
  optional(REDIS, "a database that does not know a command repeats no password in findings and log", async () => {
    await using redis = await RedisServer.start({ config: ['rename-command HELLO ""'] });
    const found = await ofDatabase(redis.url, "swordfish");
    assertMatch(found.join(), /^warning The database can't be reached: ERR unknown command 'HELLO'$/);
    await using node = makeNode(settings(redis.url, { password: "swordfish" }));
    await node.cluster.start();
    assertMatch(JSON.stringify(node.log), /unknown command 'HELLO'/);
    assertNotMatch(JSON.stringify(node.log), /swordfish/);
  }),
);

Deno.test(
  optional(REDIS, "a database is not connected to when its certificate has another name or authority", async () => {
    const [own, other] = await Promise.all([1, 2].map(() => makeCertificate({ hosts: ["localhost"] })));
    const folder = await Deno.makeTempDir({ prefix: "sallyport-redis-tls-" });
    try {
      await Deno.writeTextFile(`${folder}/cert.pem`, own!.cert);
      await Deno.writeTextFile(`${folder}/key.pem`, own!.key);
      const files = [`tls-cert-file ${folder}/cert.pem`, `tls-key-file ${folder}/key.pem`];
      const config = ["port 0", "tls-port PORT", ...files, "tls-auth-clients no"];
      await using redis = await RedisServer.start({
        config: [...config, `tls-ca-cert-file ${folder}/cert.pem`],
      });
      const found = async (host: string, ca: string) => {
        const findings = await withConfig({ url: `rediss://${host}:${redis.port}`, ca }, databaseFindings);
        return findings[0]!.what;
      };
      assertMatch(await found("localhost", own!.cert), /^Nodes log in to localhost:\d+ as the default user$/);
      assertMatch(await found("127.0.0.1", own!.cert), /^The database can't be reached: .*altnames/);
      assertMatch(await found("localhost", other!.cert), /^The database can't be reached: .*(certificate|signature)/i);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  }),
);

Deno.test("there are no findings without [cluster]", async () => {
  using fixture = new ConfigFolder();
  const config = fixture.load();
  assertEquals([clusterFileFindings(config), await databaseFindings(config)], [[], []]);
});

async function ofDatabase(url: string, password?: string): Promise<string[]> {
  const findings = await withConfig({ url, ...(password === undefined ? {} : { password }) }, databaseFindings);
  brief(findings);
  return findings.map(({ severity, what }) => `${severity} ${what.replace(/127\.0\.0\.1:\d+/, "HOST")}`);
}

Deno.test(optional(REDIS, "databaseFindings() asks the database about rights, eviction and replicas", async (t) => {
  await using redis = await TestRedis.start();
  await using link = await TestLink.open(redis);
  const asTester = link.url.replace("sallyport@", "tester:x@");

  await t.step("the shipped user of one Redis causes only the note that there is no replica", async () => {
    assertEquals(await ofDatabase(link.url, PASSWORD), ["note HOST has no replica"]);
  });
  await t.step("a user that can administer the database", async () => {
    assertEquals(await ofDatabase(asTester), [
      "warning The user tester can administer HOST",
      "note HOST has no replica",
    ]);
  });
  await t.step("a policy that evicts, once memory is limited", async () => {
    await redis.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru");
    assertEquals(await ofDatabase(link.url, PASSWORD), ["note HOST has no replica"]);
    await redis.command("CONFIG", "SET", "maxmemory", "100mb");
    assertEquals(await ofDatabase(link.url, PASSWORD), [
      "warning HOST has maxmemory-policy allkeys-lru",
      "note HOST has no replica",
    ]);
    await redis.command("CONFIG", "SET", "maxmemory-policy", "noeviction");
  });
  await t.step("a replica", async () => {
    await redis.command("REPLICAOF", "127.0.0.1", "1");
    assertEquals(await ofDatabase(link.url, PASSWORD), ["error HOST is a replica"]);
    await redis.command("REPLICAOF", "NO", "ONE");
  });
  await t.step("a user that lacks any right of a node, on commands, keys or channels", async () => {
    const acl = await Deno.readTextFile(new URL("../../deploy/redis.acl", import.meta.url));
    // What a connection needs, and what `check` alone uses, has another finding.
    const rights = [...acl.matchAll(/ \+(\S+)/g)].map(([, right]) => right!)
      .filter((right) => !["hello", "select", "cluster|slots", "info", "acl|whoami"].includes(right));
    assert(rights.length > 20);
    for (const right of rights) {
      await redis.command("ACL", "SETUSER", "sallyport", `-${right}`);
      const [found, ...others] = await ofDatabase(link.url, PASSWORD);
      assertMatch(found ?? "", /^error The user lacks a right on HOST: NOPERM/, right);
      assertEquals(others, ["note HOST has no replica"], right);
      await redis.command("ACL", "SETUSER", "sallyport", `+${right}`);
    }
    for (const right of ["resetchannels &other:*", "resetchannels &sallyport:* resetkeys ~other:*"]) {
      await redis.command("ACL", "SETUSER", "sallyport", ...right.split(" "));
      assertMatch((await ofDatabase(link.url, PASSWORD))[0]!, /^error The user lacks a right on HOST: NOPERM/, right);
    }
    await redis.command("ACL", "SETUSER", "sallyport", "resetkeys", "~sallyport:*");
    assertEquals(await ofDatabase(link.url, PASSWORD), ["note HOST has no replica"]);
    assertEquals(await redis.command("KEYS", "*"), "", "nothing is left");
  });
  await t.step("a user without INFO", async () => {
    await redis.command("ACL", "SETUSER", "sallyport", "-info");
    const [found, ...others] = await ofDatabase(link.url, PASSWORD);
    assertMatch(found!, /^warning HOST does not answer INFO: NOPERM/);
    assertEquals(others, []);
  });
  await t.step("the default user", async () => {
    const [found] = await ofDatabase(link.url.replace("sallyport@", ""), PASSWORD);
    assertEquals(found, "warning Nodes log in to HOST as the default user");
  });
  await t.step("a password that is wrong, and a database that is gone", async () => {
    assertMatch((await ofDatabase(link.url, "wrong")).join(), /^warning The database can't be reached: WRONGPASS/);
    link.cut();
    assertMatch((await ofDatabase(link.url, PASSWORD)).join(), /^warning The database can't be reached: /);
  });
}));

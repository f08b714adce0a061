/** The contract of the cluster, held by each implementation and each kind of Redis. */
import { join } from "node:path";
import { contract } from "./contract.ts";
import { optional, runs } from "../helpers/optional.ts";
import { MemoryCluster } from "../../lib/cluster/memory.ts";
import { MemoryStore } from "../../lib/store/memory.ts";
import { makeCertificate } from "../../lib/tls/certificate.ts";
import { RecordedDuties } from "./duties.ts";
import { settings, startNode } from "./nodes.ts";
import { NEEDS, RedisServer, startRedisCluster, startSentinels } from "../helpers/redis_server.ts";
import type { RedisSettings } from "../../lib/cluster/redis/settings.ts";

Deno.test("a node that runs alone", async (t) => {
  const duties = new RecordedDuties();
  const store = new MemoryStore(() => performance.now());
  await contract(t, [{ cluster: new MemoryCluster(duties, { store, now: () => performance.now() }), duties }]);
});

/** The shipped user, with the prefix of the tests. */
const [OFF = "", USER = ""] = Deno.readTextFileSync(new URL("../../deploy/redis.acl", import.meta.url)).split("\n");

async function twoNodes(t: Deno.TestContext, options: RedisSettings): Promise<void> {
  await using first = await startNode(options);
  await using second = await startNode(options);
  await contract(t, [first, second]);
}

Deno.test(optional(NEEDS, "two nodes over one Redis", async (t) => {
  await using redis = await RedisServer.start();
  await twoNodes(t, settings(redis.url));
}));

Deno.test(optional(NEEDS, "two nodes over a unix socket", async (t) => {
  await using redis = await RedisServer.start({ config: ["unixsocket redis.sock"] });
  await twoNodes(t, settings(`unix://${join(redis.folder, "redis.sock")}`));
}));

Deno.test(optional(NEEDS, "two nodes over Redis with TLS, a user and a password", async (t) => {
  const { cert, key } = await makeCertificate({ hosts: ["127.0.0.1", "localhost"] });
  const folder = await Deno.makeTempDir({ prefix: "sallyport-redis-tls-" });
  try {
    await Deno.writeTextFile(join(folder, "cert.pem"), cert);
    await Deno.writeTextFile(join(folder, "key.pem"), key);
    const config = [
      "port 0",
      "tls-port PORT",
      `tls-cert-file ${join(folder, "cert.pem")}`,
      `tls-key-file ${join(folder, "key.pem")}`,
      `tls-ca-cert-file ${join(folder, "cert.pem")}`,
      "tls-auth-clients no",
      OFF,
      USER.replaceAll("sallyport:*", "test:*").replace(">PASSWORD", ">secret"),
    ];
    await using redis = await RedisServer.start({ config });
    const url = `rediss://sallyport:wrong@localhost:${redis.port}`;
    await twoNodes(t, settings(url, { ca: cert, password: "secret" }));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}));

Deno.test(
  optional({ ...NEEDS, "redis-sentinel": runs("redis-server", "--version") }, "two nodes over Sentinel", async (t) => {
    const { servers, sentinels } = await startSentinels();
    await using stack = new AsyncDisposableStack();
    for (const one of [...servers, ...sentinels]) stack.use(one);
    await twoNodes(t, settings(`redis+sentinel://${sentinels.map(({ port }) => `127.0.0.1:${port}`).join(",")}/main`));
  }),
);

Deno.test(optional(NEEDS, "two nodes over a Redis Cluster", async (t) => {
  await using stack = new AsyncDisposableStack();
  const servers = await startRedisCluster();
  for (const one of servers) stack.use(one);
  await twoNodes(t, settings(`redis+cluster://127.0.0.1:${servers[1]!.port}`));
}));

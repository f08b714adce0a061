/** A server as a node over a unix socket: the permissions that it keeps are enough to connect again. */
import { until } from "../helpers/until.ts";
import { join } from "node:path";
import { NEEDS, RedisServer } from "../helpers/redis_server.ts";
import { assert, assertEquals } from "../assert.ts";
import { startServer, type TestServer } from "../helpers/test_server.ts";
import { optional } from "../helpers/optional.ts";

async function conditions(server: TestServer): Promise<Record<string, boolean>> {
  return (await (await fetch(`${server.opsUrl}/readyz`)).json()).conditions;
}

Deno.test(optional(NEEDS, "a node connects again over a unix socket after it gave up its permissions", async () => {
  await using redis = await RedisServer.start({ config: ["unixsocket redis.sock"] });
  const socket = join(redis.folder, "redis.sock");
  await using server = await startServer({
    config: {
      cluster: { url_file: "redis.url", secret_file: "cluster.secret", stale_after: "1s" },
      ops: { port: 0 },
    },
    files: { "redis.url": `unix://${socket}\n`, "cluster.secret": "a secret of at least thirty-two bytes\n" },
  });
  assertEquals((await conditions(server)).cluster, true);
  const { permissions } = await (await fetch(`${server.opsUrl}/healthz`)).json();
  assertEquals([permissions.env, permissions.run], ["none", "none"]);
  for (const paths of [permissions.read, permissions.write]) assert(paths.includes(socket), JSON.stringify(paths));
  await redis.kill();
  await until(async () => (await conditions(server)).cluster === false, "the node to be disconnected");
  await redis.restart();
  await until(async () => (await conditions(server)).cluster === true, "the node to be connected", 60_000);
}));

/** The URL of Redis. */
import { assertEquals, assertThrows } from "../../assert.ts";
import { type Endpoint, isLocal, parseRedisUrl } from "../../../lib/cluster/redis/url.ts";

Deno.test("parseRedisUrl() reads each form", () => {
  assertEquals(parseRedisUrl("redis://127.0.0.1\n"), {
    kind: "single",
    tls: false,
    hosts: [{ host: "127.0.0.1", port: 6379 }],
    database: 0,
  });
  assertEquals(parseRedisUrl("rediss://node:p%40ss%2Fword@redis.example.com:6380/3"), {
    kind: "single",
    tls: true,
    hosts: [{ host: "redis.example.com", port: 6380 }],
    username: "node",
    password: "p@ss/word",
    database: 3,
  });
  assertEquals(parseRedisUrl("redis+sentinel://:secret@a,b:1,[::1]:2/main"), {
    kind: "sentinel",
    tls: false,
    hosts: [{ host: "a", port: 26_379 }, { host: "b", port: 1 }, { host: "::1", port: 2 }],
    password: "secret",
    master: "main",
    database: 0,
  });
  assertEquals(parseRedisUrl("rediss+cluster://a,b").kind, "cluster");
  assertEquals(parseRedisUrl("unix:///run/redis.sock"), {
    kind: "single",
    tls: false,
    hosts: [],
    path: "/run/redis.sock",
    database: 0,
  });
});

Deno.test("parseRedisUrl() takes what is just within each bound, and the last @ as the end of the credentials", () => {
  // A refusal is a difference, too.
  const parsed = (url: string): Partial<Endpoint> => {
    try {
      return parseRedisUrl(url);
    } catch {
      return {};
    }
  };
  const { hosts, database, username, password } = parsed("redis://node:p@ss@a:65535/65535");
  assertEquals({ hosts, database, username, password }, {
    ...{ hosts: [{ host: "a", port: 65_535 }], database: 65_535 },
    ...{ username: "node", password: "p@ss" },
  });
  assertEquals(parsed("redis://a:1").hosts, [{ host: "a", port: 1 }]);
  assertEquals(parsed("redis+cluster://a/0").database, 0);
  assertEquals(parsed(`redis+cluster://${Array(32).fill("a").join()}`).hosts?.length, 32);
  const master = "m".repeat(128);
  assertEquals(parsed(`redis+sentinel://a/${master}`).master, master);
  assertThrows(() => parseRedisUrl(`redis+sentinel://a/${master}m`), TypeError);
  const kinds = ["", "+sentinel", "+cluster"].flatMap((kind) => [`redis${kind}://a/0`, `rediss${kind}://a/0`]);
  assertEquals(kinds.map((url) => parsed(url).tls), [false, true, false, true, false, true]);
});

Deno.test("parseRedisUrl() refuses other texts, and repeats nothing of them", () => {
  for (
    const text of [
      "",
      "redis:/a-secret",
      "http://a-secret",
      "redis://",
      "redis://a-secret@",
      "redis://a,a-secret",
      "redis://a:a-secret",
      "redis://a:0",
      "redis://a:65536",
      "redis://a/a-secret",
      "redis://a/65536",
      "redis://a?a-secret",
      "redis://a-secret%zz@a",
      "redis+sentinel://a",
      "redis+sentinel://a/a-secret name",
      "redis+cluster://a/1",
      "redis+toString://a",
      "toString://a",
      "unix://a-secret",
      `redis+cluster://${Array(33).fill("a").join()}`,
    ]
  ) {
    const error = assertThrows(() => parseRedisUrl(text), TypeError, "", text);
    assertEquals(error.message.includes("a-secret"), false, error.message);
  }
});

Deno.test("isLocal() is true of loopback and unix sockets alone", () => {
  const local = (url: string) => isLocal(parseRedisUrl(url));
  for (
    const url of [
      "redis://127.0.0.1",
      "redis://localhost",
      "redis://[::1]",
      "unix:///a",
      "redis+cluster://127.0.0.1,127.9.9.9",
    ]
  ) {
    assertEquals(local(url), true, url);
  }
  for (
    const url of [
      "redis://10.0.0.1",
      "redis://127.0.0.1.example.com",
      "redis+cluster://127.0.0.1,b",
      "redis://localhost.b",
    ]
  ) {
    assertEquals(local(url), false, url);
  }
});

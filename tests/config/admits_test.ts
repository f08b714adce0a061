import * as fc from "fast-check";
import { cellCount, coresOfFront } from "../../lib/config/config.ts";
import { admitsAtMost } from "../../lib/config/findings/findings.ts";
import { ConfigFolder, type Sections } from "../helpers/config_folder.ts";
import { assert, assertEquals } from "../assert.ts";

const KIB = 1024;
const HANDLER = 'subprotocol = "a"\nmodule = "chat.ts"\n';

Deno.test("admitsAtMost() multiplies out the defaults", () => {
  using fixture = new ConfigFolder();
  assertEquals(admitsAtMost(fixture.load(), 4), {
    messages_per_second: 10_000 * 50,
    bytes_per_second: 10_000 * 256 * KIB,
    memory_bytes: 10_000 * (64 + 128 + 1024) * KIB + 64 * KIB * KIB,
    user_messages_per_second: 100,
    ip_messages_per_second: 200,
    subscriptions: 500_000,
    subscription_bytes: 320_000_000,
  });
});

Deno.test("admitsAtMost() takes the smallest of what stops a client", () => {
  using fixture = new ConfigFolder();
  const admits = (sections: Sections) => admitsAtMost(fixture.load({ server: "max_connections = 10", ...sections }), 1);
  assertEquals(admits({ limits: "user = { rate = 7 }" }).messages_per_second, 70);
  assertEquals(admits({ limits: "ip = { rate = 3 }" }).messages_per_second, 30);
  assertEquals(admits({ limits: "connection = { rate = 2 }" }).messages_per_second, 20);
  assertEquals(admits({ limits: "connection = { rate = 2 }" }).ip_messages_per_second, 20);
  assertEquals(admits({ limits: "connection = { rate = 2 }" }).user_messages_per_second, 20);
  assertEquals(
    admits({ limits: "connection = { rate = 2 }", messages: "max_bytes = 100" }).bytes_per_second,
    10 * 2 * 100,
  );
  assertEquals(admits({ limits: 'connection = { bytes_rate = "1KiB" }' }).bytes_per_second, 10 * KIB);
});

Deno.test("admitsAtMost() counts the cells of every handler, one per core less the front's where it is 0", () => {
  using fixture = new ConfigFolder();
  const handlers = [
    `${HANDLER}cells = 3\nmemory = "8MiB"`,
    `${HANDLER.replace('"a"', '"b"')}cells = 0\nmemory = "16MiB"`,
  ];
  const config = fixture.load({ handlers, server: "max_connections = 1" });
  assertEquals(admitsAtMost(config, 3).memory_bytes, (64 + 128 + 1024) * KIB + (3 * 8 + 2 * 16) * KIB * KIB);
});

Deno.test("admitsAtMost() admits as many subscriptions as all bounds together", () => {
  using fixture = new ConfigFolder();
  const admits = (topics: string, max = 10_000) =>
    admitsAtMost(fixture.load({ server: `max_connections = ${max}`, topics }), 1).subscriptions;
  assertEquals(admits("max_subscriptions = 7"), 7);
  assertEquals(admits("max_subscriptions_per_module = 8"), 8);
  assertEquals(admits("max_subscriptions_per_session = 9", 3), 27);
});

Deno.test("admitsAtMost() knows no bound of memory for engine serve", () => {
  using fixture = new ConfigFolder();
  assertEquals(admitsAtMost(fixture.load({ server: 'engine = "serve"' }), 1).memory_bytes, null);
});

Deno.test("admitsAtMost() admits no less when a limit is raised", () => {
  using fixture = new ConfigFolder();
  const base = fixture.load();
  const rate = fc.integer({ min: 1, max: 1000 });
  fc.assert(fc.property(rate, rate, rate, rate, (connection, user, ip, more) => {
    const admits = (add: number) =>
      admitsAtMost({
        ...base,
        limits: {
          ...base.limits,
          connection: { ...base.limits.connection, rate: connection + add },
          user: { rate: user + add, burst: 1 },
          ip: { rate: ip + add, burst: 1 },
        },
      }, 1);
    const [low, high] = [admits(0), admits(more)];
    for (
      const key of [
        "messages_per_second",
        "bytes_per_second",
        "user_messages_per_second",
        "ip_messages_per_second",
      ] as const
    ) {
      assert(low[key] <= high[key] && Number.isFinite(high[key]));
    }
  }));
});

Deno.test("cellCount() leaves one core to the front, but never a module without a cell", () => {
  assertEquals([1, 2, 3, 8].map((cores) => cellCount({ cells: 0 }, cores)), [1, 1, 2, 7]);
  assertEquals(cellCount({ cells: 5 }, 2), 5);
});

Deno.test("admitsAtMost() counts every front, and one user and one address as often as they are limited", () => {
  using fixture = new ConfigFolder();
  const config = fixture.load({ server: "max_connections = 10", limits: "user = { rate = 80 }" });
  const [one, three] = [1, 3].map((fronts) => admitsAtMost({ ...config, server: { ...config.server, fronts } }, 4));
  assertEquals(three, {
    messages_per_second: 3 * one!.messages_per_second,
    bytes_per_second: 3 * one!.bytes_per_second,
    memory_bytes: 3 * one!.memory_bytes!,
    user_messages_per_second: 80,
    ip_messages_per_second: 200,
    subscriptions: 3 * one!.subscriptions,
    subscription_bytes: 3 * one!.subscription_bytes,
  });
});

Deno.test("admitsAtMost() counts the cells of every front, with cells = 0 one per core that the fronts leave", () => {
  using fixture = new ConfigFolder();
  const config = fixture.load({ server: "max_connections = 1", handlers: [`${HANDLER}cells = 0\nmemory = "64MiB"`] });
  const memory = (fronts: number) =>
    admitsAtMost({ ...config, server: { ...config.server, fronts } }, 8).memory_bytes! -
    fronts * (64 + 128 + 1024) * KIB;
  assertEquals([1, 2, 4].map(memory), [7, 6, 4].map((cells) => cells * 64 * KIB * KIB));
});

Deno.test("coresOfFront() divides the processors, so that cells = 0 leaves one to each front", () => {
  const cellsOf = (cores: number, fronts: number) => fronts * cellCount({ cells: 0 }, coresOfFront(cores, fronts));
  assertEquals([[8, 1], [8, 2], [8, 4], [9, 2], [2, 2], [1, 4]].map(([cores, fronts]) => cellsOf(cores!, fronts!)), [
    ...[7, 6, 4, 6, 2, 4],
  ]);
});

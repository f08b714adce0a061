/** The session as its cell and the hub see it. */
import type { CellClient } from "../../lib/sandbox/sandbox.ts";
import { assertEquals } from "../assert.ts";
import { World } from "../helpers/session_world.ts";

/** How the subscription is answered. */
function subscribe(client: CellClient, topic: string): number | undefined {
  let answer: number | undefined;
  client.subscribe(topic, (code) => answer = code);
  return answer;
}

const utf8 = (text: string) => new TextEncoder().encode(text);

Deno.test("SessionClient names the session, its user and its module", () => {
  const { client } = new World();
  assertEquals([client.id, client.ip, client.subprotocol], ["session", "127.0.0.1", "world.v1"]);
  assertEquals([client.user.id, client.user.roles], ["ada", ["user"]]);
});

Deno.test("SessionClient.notify() and send() reach the client as they are", () => {
  const world = new World();
  world.client.notify(utf8('{"jsonrpc":"2.0","method":"x"}'));
  world.client.send(utf8("raw"), true);
  assertEquals(world.sent, ['{"jsonrpc":"2.0","method":"x"}', "raw"]);
});

Deno.test("SessionClient subscribes once to a topic, counts in presence, and ends with unsubscribe()", async () => {
  const world = new World();
  const { client, hub } = world;
  assertEquals([subscribe(client, "room:a"), subscribe(client, "room:a")], [0, 0]);
  assertEquals(await client.presence("room:a"), [{ user: "ada", connections: 1 }]);
  assertEquals(hub.subscriptions, 1);
  client.unsubscribe("room:a");
  client.unsubscribe("room:a");
  assertEquals([await client.presence("room:a"), hub.subscriptions], [[], 0]);
});

Deno.test("SessionClient follows as many topics as are configured, says once that it is full, and has room again after unsubscribe()", () => {
  const { client, hub, log } = new World({ maxSubscriptions: 3 });
  for (let i = 0; i < 3; i++) assertEquals(subscribe(client, `t:${i}`), 0);
  assertEquals([subscribe(client, "t:3"), subscribe(client, "t:4")], [-32004, -32004]);
  assertEquals(hub.publish("world.v1", "t:3", utf8("x")), 0);
  assertEquals(log.of("topics.full").length, 1);
  client.unsubscribe("t:0");
  assertEquals(subscribe(client, "t:3"), 0);
});

Deno.test("SessionClient follows few topics with long names, as many as configured with names of 32 characters, and one of any length", () => {
  const name = (n: number, length: number) => String(n).padStart(length, "n");
  for (const [length, most] of [[32, 100], [500, 6], [33, 96]] as const) {
    const { client, hub } = new World({ maxSubscriptions: 100 });
    for (let n = 0; n < most; n++) assertEquals(subscribe(client, name(n, length)), 0, `${n} of ${length}`);
    assertEquals([subscribe(client, name(most, length)), hub.subscriptions], [-32004, most]);
    client.unsubscribe(name(0, length));
    assertEquals(subscribe(client, name(most, length)), 0, "there is room again");
  }
  assertEquals(subscribe(new World({ maxSubscriptions: 1 }).client, name(0, 512)), 0);
});

Deno.test("SessionClient.closeByHandler() closes 1000 with the handler's reason, unserved() 1011", () => {
  const [one, other] = [new World(), new World()];
  one.client.closeByHandler("bye");
  assertEquals([one.closeCode, one.closeReason], [1000, "bye"]);
  other.client.unserved();
  assertEquals([other.closeCode, other.closeReason], [1011, "internal"]);
});

Deno.test("SessionClient.logged() writes handler.log with module, connection and user", () => {
  const world = new World();
  world.client.logged("warn", "hello", { room: "a" });
  const line = world.log.of("handler.log")[0];
  assertEquals([line?.module, line?.conn, line?.user, line?.message, line?.fields], [
    ...["world.v1", "session", "ada", "hello"],
    { room: "a" },
  ]);
});

Deno.test("SessionClient receives nothing of the hub once its session has ended", () => {
  const world = new World();
  subscribe(world.client, "room:a");
  world.gone();
  assertEquals(world.hub.publish("world.v1", "room:a", utf8("late")), 0);
  assertEquals(world.hub.subscriptions, 0);
});

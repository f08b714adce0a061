/** Subscriptions and presence of a session when the other nodes have to be told or asked. */
import type { TopicContract } from "../../lib/sandbox/sandbox.ts";
import { assertEquals } from "../assert.ts";
import { Held } from "../helpers/held_hub.ts";
import { World } from "../helpers/session_world.ts";

const OPEN = { pattern: "room:{room}", presence: ["user"] } as unknown as TopicContract;

function make() {
  const held = new Held();
  const world = new World({ hub: held.hub, topics: [OPEN] });
  const ask = (id: number, method: string) =>
    world.send(JSON.stringify({ jsonrpc: "2.0", id, method, params: { topic: "room:a" } }));
  return { held, world, ask };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

Deno.test("a subscription is answered once the messages of all nodes arrive, to client and handler alike", async () => {
  const { held, world, ask } = make();
  const codes: number[] = [];
  ask(1, "topic.subscribe");
  world.client.subscribe("room:a", (code) => codes.push(code));
  ask(2, "topic.subscribe");
  await settled();
  assertEquals([world.sent, codes], [[], []]);
  held.establish[0]!();
  await settled();
  assertEquals([world.sent.map((text) => JSON.parse(text).id), codes], [[1, 2], [0]]);
  ask(3, "topic.subscribe");
  assertEquals(world.sent.length, 3, "it is established already");
});

Deno.test("a session that ends while its subscription is established is answered nothing, and leaves nothing behind", async () => {
  const { held, world, ask } = make();
  ask(1, "topic.subscribe");
  world.gone();
  held.establish[0]!();
  await settled();
  assertEquals([world.sent, held.hub.subscriptions], [[], 0]);
  assertEquals(held.did.slice(2), ["leave room:a ada", "unlisten world.v1 room:a"]);
});

Deno.test("topic.presence tells a client that only one node is known", async () => {
  const { held, world, ask } = make();
  held.users = [{ user: "eve", connections: 1 }];
  held.partial = true;
  ask(1, "topic.presence");
  await settled();
  assertEquals(JSON.parse(world.sent[0]!).result, [{ user: "eve", connections: 1, partial: true }]);
});

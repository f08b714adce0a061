/** The end of a session during a batch or a delay, and the costs of the methods of the server. */
import { assertEquals } from "../assert.ts";
import type { SocketSink } from "../../lib/gate/gate.ts";
import { World } from "../helpers/session_world.ts";
import { until } from "../helpers/until.ts";

const request = (id: number, method: string) => ({ jsonrpc: "2.0", id, method, params: { tag: String(id) } });

Deno.test("the rest of a batch that ends its session is not run", () => {
  const world = new World({ maxInvalid: 1 });
  world.send(JSON.stringify([request(1, "slow"), { jsonrpc: "1.0" }, request(2, "slow"), request(3, "now")]));
  assertEquals([world.closeCode, world.closeReason], [1008, "invalid_messages"]);
  assertEquals(world.begun, ["1"]);
});

Deno.test("a message that waits for tokens is not run once its session is ending", () => {
  const limits = { on_exceed: "delay", user: { rate: 1, burst: 1 } } as const;
  const json = (id: number) => JSON.stringify(request(id, "now"));
  for (
    const [kind, first, second] of [["rpc", json(1), json(2)], ["raw", "now 1", "now 2"]] as const
  ) {
    for (const isEnding of [false, true]) {
      const world = new World({ kind, limits });
      world.send(first);
      world.send(second);
      assertEquals(world.begun.length, 1, "the second one waits");
      if (isEnding) world.session.end("kicked");
      world.advance(1_000);
      world.turn();
      assertEquals(world.begun.length, isEnding ? 1 : 2, kind);
    }
  }
});

Deno.test("rpc.discover costs five tokens, topic.presence too, other methods of the server one", () => {
  for (
    const [method, params, cost] of [
      ["rpc.discover", {}, 5],
      ["topic.presence", { topic: "room" }, 5],
      ["session.whoami", {}, 1],
    ] as const
  ) {
    const world = new World({ limits: { user: { rate: 0.001, burst: 20 }, max_violations: 1000 } });
    let passed = 0;
    for (let id = 1; id <= 30; id++) {
      world.send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
      const answer = JSON.parse(world.sent.pop()!);
      if (answer.error?.code !== -32001) passed++;
    }
    assertEquals(passed, 20 / cost, method);
  }
});

Deno.test("topic.presence of a topic whose list is longer than half a MiB is -32004, one just below is answered", async () => {
  const topics = [{ pattern: "room", allow: false, presence: ["user"], events: new Map() }];
  const presence = async (length: number) => {
    const world = new World({ topics });
    const [count, each] = [900, Math.floor(length / 900)];
    for (let index = 0; index < count; index++) {
      const userId = String(index).padStart(each - JSON.stringify({ user: "", connections: 1 }).length - 1, "u");
      world.hub.subscribe("world.v1", "room", { userId, deliver() {} });
    }
    world.send(JSON.stringify({ jsonrpc: "2.0", id: 1, method: "topic.presence", params: { topic: "room" } }));
    await until(() => world.sent.length > 0, "the answer");
    return JSON.parse(world.sent.pop()!);
  };
  assertEquals((await presence(512 * 1024 - 2_000)).result?.length, 900);
  assertEquals((await presence(512 * 1024 + 2_000)).error?.code, -32004);
});

Deno.test("a session that is ending runs no further message, and logs none", () => {
  const world = new World({ kind: "raw" });
  world.session.end("kicked");
  const logged = world.log.events();
  (world.session as SocketSink).message("now more", 8);
  assertEquals([world.begun, world.log.events()], [[], logged]);
});

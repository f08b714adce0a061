/** The promises of a session about violations, invalid messages, order and its end. */
import { assert, assertEquals } from "../assert.ts";
import { World, type WorldOptions } from "../helpers/session_world.ts";

const PLENTY = { rate: 1e6, burst: 1e6 };
const WIDE: NonNullable<WorldOptions["limits"]> = {
  ip: PLENTY,
  user: PLENTY,
  connection: { ...PLENTY, bytes_rate: 1e9, bytes_burst: 1e9 },
};

const request = (method: string, id: unknown = 1) => ({ jsonrpc: "2.0", id, method, params: { tag: String(id) } });
const codesOf = (text: string) =>
  [JSON.parse(text) as { error?: { code: number } } | { error?: { code: number } }[]].flat()
    .map(({ error }) => error?.code ?? 0);
const allCodes = (world: World) => world.sent.flatMap(codesOf);

for (
  const [name, element, code] of [
    ["no request", 5, -32600],
    ["a batch within a batch", [request("now")], -32600],
    ["an unknown method", request("nope"), -32601],
    ["a method for other roles", request("admin"), -32003],
  ] as const
) {
  Deno.test(`faulty elements over the rate are violations: ${name}`, () => {
    const limits = { ...WIDE, connection: { ...WIDE.connection!, rate: 0.1, burst: 3 }, max_violations: 4 };
    const world = new World({ limits });
    world.send(JSON.stringify(Array.from({ length: 6 }, () => element)));
    assertEquals(allCodes(world), [code, code, code, -32001, -32001, -32001]);
    assertEquals(world.closeCode, undefined, "three violations of four");
    world.send(JSON.stringify([request("now"), element]));
    assertEquals([world.closeCode, world.closeReason], [1008, "rate_limited"]);
    assertEquals(world.log.of("ban.added").map(({ key }) => key), ["user:ada"]);
  });
}

Deno.test("calls over a method's own limit are violations, and calls of other methods go on until then", () => {
  const limits = { ...WIDE, types: { now: { rate: 0.001, burst: 2 } }, max_violations: 3 };
  const world = new World({ limits });
  for (let id = 0; id < 4; id++) world.send(JSON.stringify(request("now", id)));
  world.send(JSON.stringify(request("session.whoami", "who")));
  assertEquals(allCodes(world), [0, 0, -32001, -32001, 0]);
  assertEquals(world.closeCode, undefined);
  world.send(JSON.stringify(request("now", "last")));
  assertEquals([world.closeCode, world.closeReason], [1008, "rate_limited"]);
  assertEquals(world.log.of("ban.added").map(({ key }) => key), ["user:ada"]);
});

Deno.test("a batch counts once towards max_invalid for any number of invalid elements, now or later", () => {
  const world = new World({ limits: WIDE, maxInvalid: 3 });
  const invalid = [request("nope"), 5, request("slow", "a"), request("slow", "b"), {}];
  for (let batch = 1; batch < 3; batch++) {
    const tagged = invalid.map((element) =>
      typeof element === "object" && "params" in element ? { ...element, params: { tag: `${batch}` } } : element
    );
    world.send(JSON.stringify(tagged));
    world.settle(0, -32602);
    world.settle(0, -32602);
    assertEquals(world.closeCode, undefined, `batch ${batch}`);
    assertEquals(codesOf(world.sent.at(-1)!).length, 5, `batch ${batch}`);
  }
  world.send(JSON.stringify([request("now"), request("slow"), request("slow")]));
  world.settle(0, -32603);
  assertEquals(world.closeCode, undefined, "a handler that failed is no fault of the client's");
  world.settle(0, -32602);
  assertEquals([world.closeCode, world.closeReason], [1008, "invalid_messages"]);
});

Deno.test("single invalid messages count each, the max_invalid-th ends the session", () => {
  const world = new World({ limits: WIDE, maxInvalid: 3 });
  world.send("{");
  world.send(JSON.stringify(request("nope")));
  assertEquals(world.closeCode, undefined);
  world.send(JSON.stringify([[]]));
  assertEquals([world.closeCode, world.closeReason], [1008, "invalid_messages"]);
});

Deno.test("a batch within a batch is one invalid element, with any content", () => {
  const world = new World({ limits: WIDE });
  const inner = Array.from({ length: 1000 }, (_, id) => request("now", id));
  world.send(JSON.stringify([inner, request("now", "outer"), [[inner]]]));
  assertEquals(allCodes(world), [-32600, 0, -32600]);
  assertEquals(world.begun, ["outer"]);
  assertEquals(world.charged, 3);
});

Deno.test("a call that waits for room is not overtaken by one that needs no cell", () => {
  const world = new World({ limits: WIDE, maxInFlight: 1 });
  world.send(JSON.stringify([request("slow", "1"), request("slow", "2"), request("now", "3")]));
  world.send(JSON.stringify(request("session.whoami", "4")));
  world.send(JSON.stringify(request("nope", "5")));
  assertEquals([world.begun, world.sent], [["1"], []]);
  world.settleAll();
  assertEquals(world.begun, ["1", "2", "3"]);
  assertEquals(world.sent.slice(1).map((text) => JSON.parse(text).id), ["4", "5"]);
});

Deno.test("a call that waits for tokens is not overtaken by one that needs fewer", () => {
  const connection = { ...WIDE.connection!, rate: 2, burst: 4 };
  const world = new World({ limits: { ...WIDE, connection, on_exceed: "delay" } });
  // Costs three each: the second waits for a second and a half.
  world.send(JSON.stringify([request("dear", "1"), request("dear", "2"), request("now", "3")]));
  world.send(JSON.stringify(request("session.whoami", "4")));
  world.settle(0);
  world.advance(900);
  assertEquals([world.begun, world.sent], [["1"], []]);
  world.settleAll();
  assertEquals(world.begun, ["1", "2", "3"]);
  assertEquals(world.sent.map((text) => [JSON.parse(text)].flat().length), [3, 1]);
});

for (const end of ["ended by the server", "left by the client"] as const) {
  Deno.test(`a session gives its buckets, topics and presence back: ${end}`, async () => {
    const world = new World({ limits: WIDE });
    world.client.subscribe("room:a", () => {});
    world.client.subscribe("room:b", () => {});
    world.client.unsubscribe("room:b");
    assertEquals([await world.hub.presence("world.v1", "room:a"), world.hub.topics], [
      [{ user: "ada", connections: 1 }],
      1,
    ]);
    if (end === "ended by the server") world.session.end("kicked");
    assertEquals(world.released, 0);
    world.gone();
    assertEquals([await world.hub.presence("world.v1", "room:a"), world.hub.topics, world.released], [[], 0, 1]);
    assertEquals(world.hub.publish("world.v1", "room:a", new TextEncoder().encode("{}")), 0);
  });
}

Deno.test("a handler subscribes nothing for a session that is ending, or has ended", () => {
  const world = new World({ limits: WIDE });
  world.session.end("kicked");
  world.client.subscribe("room:late", () => {});
  assertEquals(world.hub.topics, 0);
  world.gone();
  world.client.subscribe("room:later", () => {});
  assertEquals(world.hub.topics, 0);
});

Deno.test("nothing reaches a client, nor the cell, once its session has ended", () => {
  const world = new World({ limits: WIDE });
  world.send(JSON.stringify(request("slow", "1")));
  world.session.end("kicked");
  world.send(JSON.stringify(request("slow", "2")));
  world.settle(0);
  world.client.notify(new TextEncoder().encode("{}"));
  assert(world.sent.length === 0, `${world.sent}`);
  assertEquals(world.begun, ["1"]);
});

Deno.test("a draining session reads nothing more, answers what it has, and ends 1001", () => {
  const world = new World({ limits: WIDE });
  world.send(JSON.stringify(request("slow", "1")));
  world.session.announce(1234);
  world.session.drain();
  world.send(JSON.stringify(request("slow", "2")));
  world.turn();
  world.advance(10_000);
  assertEquals([world.delivered.length, world.begun, world.closeCode], [1, ["1"], undefined]);
  assertEquals(JSON.parse(world.sent[0]!), {
    jsonrpc: "2.0",
    method: "session.reconnect",
    params: { after_ms: 1234 },
  });
  world.settle(0);
  assertEquals([JSON.parse(world.sent[1]!).id, world.closeCode, world.closeReason], ["1", 1001, "draining"]);
});

Deno.test("a batch whose answers exceed send_queue together is not answered: 1013; one just inside is", () => {
  const batch = (ids: string[]) => JSON.stringify(ids.map((id) => request("now", id)));
  // Each answer is some 10 KiB long by its id; the queue holds 64 KiB.
  const ids = (count: number) => Array.from({ length: count }, (_, at) => `${at}`.padEnd(10 * 1024, "x"));
  const inside = new World({ limits: WIDE });
  inside.send(batch(ids(6)));
  assertEquals([JSON.parse(inside.sent[0]!).length, inside.closeCode], [6, undefined]);
  const outside = new World({ limits: WIDE });
  outside.send(batch(ids(7)));
  assertEquals([outside.sent, outside.closeCode, outside.closeReason], [[], 1013, "slow_consumer"]);
});

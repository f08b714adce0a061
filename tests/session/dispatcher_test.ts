/** From a message to the handler and back: what is refused on the way, and what is answered. */
import { assertEquals } from "../assert.ts";
import { World, type WorldOptions } from "../helpers/session_world.ts";

const request = (id: unknown, method: string, params: unknown = { tag: id }) =>
  JSON.stringify({ jsonrpc: "2.0", id, method, params });

/** The answers to one message, once the cell has answered what reached it. */
function answers(text: string, options: WorldOptions = {}): { sent: unknown[]; begun: readonly string[] } {
  const world = new World(options);
  world.send(text);
  world.settleAll();
  return { sent: world.sent.map((one) => JSON.parse(one)), begun: world.begun };
}

const codes = (sent: unknown[]) =>
  sent.flat().map((one) => {
    const { id, error } = one as { id: unknown; error?: { code: number } };
    return [id, error?.code ?? "result"];
  });

Deno.test("Dispatcher sends a request to the cell and answers its id with the result", () => {
  for (const id of [1, "a", 0, -1.5, null]) {
    const { sent, begun } = answers(request(id, "slow", { tag: "x" }));
    assertEquals(sent, [{ jsonrpc: "2.0", id, result: true }]);
    assertEquals(begun, ["x"]);
  }
});

Deno.test("Dispatcher runs a notification and answers nothing", () => {
  const { sent, begun } = answers('{"jsonrpc":"2.0","method":"slow","params":{"tag":"n"}}');
  assertEquals([sent, begun], [[], ["n"]]);
});

Deno.test("Dispatcher measures a call from the arrival of its message to that of its answer", () => {
  const world = new World();
  const took = () => Math.round(world.session.services.telemetry.secondsSum * 1000);
  world.send(request(1, "slow"));
  world.advance(300);
  world.settle(0);
  assertEquals(took(), 300, "an answer without a time arrives now");
  world.send(request(2, "slow"));
  const arrived = world.clock.time + 200;
  world.advance(300);
  world.pending[0]!.call.resolve("true", arrived);
  assertEquals(took(), 500);
});

Deno.test("Dispatcher answers what is no request, no method or not allowed, and none of it reaches the cell", () => {
  const cases: [string, unknown, number][] = [
    ["{", null, -32700],
    ["[]", null, -32600],
    ["5", null, -32600],
    ['{"jsonrpc":"1.0","id":3,"method":"slow"}', 3, -32600],
    ['{"jsonrpc":"2.0","id":4,"method":5}', 4, -32600],
    [request(5, "none"), 5, -32601],
    [request(6, "__proto__"), 6, -32601],
    [request(7, "constructor"), 7, -32601],
    [request(8, "admin"), 8, -32003],
  ];
  for (const [text, id, code] of cases) {
    const { sent, begun } = answers(text);
    assertEquals([codes(sent), begun], [[[id, code]], []], text);
  }
});

Deno.test("Dispatcher answers a batch as one array, with an answer for each element that asks for one", () => {
  const batch = `[${request(1, "slow")},${request(2, "none")},{"jsonrpc":"2.0","method":"slow"},7,${
    request(3, "now")
  }]`;
  const world = new World();
  world.send(batch);
  assertEquals(world.sent, [], "the batch waits for its last answer");
  world.settleAll();
  assertEquals(world.sent.length, 1);
  const sent = codes(JSON.parse(world.sent[0]!)).sort((a, b) => String(a[0]).localeCompare(String(b[0])));
  assertEquals(sent, [[1, "result"], [2, -32601], [3, "result"], [null, -32600]]);
});

Deno.test("Dispatcher has at most max_in_flight calls at the cell: further ones wait, or are -32004 where reading can't stop", () => {
  const three = `[${[1, 2, 3].map((id) => request(id, "slow")).join()}]`;
  const waiting = new World({ maxInFlight: 2 });
  waiting.send(three);
  assertEquals([waiting.begun, waiting.mostPending], [["1", "2"], 2]);
  waiting.settleAll();
  assertEquals([waiting.begun, waiting.mostPending], [["1", "2", "3"], 2]);
  assertEquals(codes(JSON.parse(waiting.sent[0]!)), [[1, "result"], [2, "result"], [3, "result"]]);

  const { sent, begun } = answers(three, { maxInFlight: 2, pausable: false });
  assertEquals(begun, ["1", "2"]);
  assertEquals(codes(sent).find(([id]) => id === 3), [3, -32004]);
});

Deno.test("Dispatcher answers an error of the cell with its code, and the next request as before", () => {
  for (const code of [-32603, -32004, -32005]) {
    const world = new World();
    world.send(request(1, "slow"));
    world.settle(0, code);
    world.send(request(2, "now"));
    assertEquals(codes(world.sent.map((one) => JSON.parse(one))), [[1, code], [2, "result"]]);
    assertEquals(world.closeCode, undefined);
  }
});

Deno.test("Dispatcher closes a raw client whose frame was lost with 1011, and no JSON-RPC client", () => {
  for (const code of [-32603, -32004, -32005]) {
    const world = new World({ kind: "raw" });
    world.send("frame");
    world.settle(0, code);
    assertEquals([world.closeCode, world.closeReason], [1011, "internal"], String(code));
  }
  const misfit = new World({ kind: "raw" });
  misfit.send("frame");
  misfit.settle(0, -32602);
  assertEquals(misfit.closeCode, undefined, "a frame that does not fit is dropped");
});

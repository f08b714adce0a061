import { assertEquals } from "../assert.ts";
import { Batch } from "../../lib/session/batch.ts";
import { Call, type CallOptions, type Dispatcher } from "../../lib/session/dispatcher.ts";

/** The part of a dispatcher that a call knows. */
class Owner {
  readonly settlements: [string, number, string | null][] = [];
  settled(call: Call, code: number, response: string | null): void {
    this.settlements.push([call.method, code, response]);
  }
}

const callOf = (owner: Owner, options: CallOptions) => new Call(owner as unknown as Dispatcher, options);
const options = { method: "m", batch: null, startedAt: 0, traced: () => {} };

Deno.test("Call settles exactly once, and later answers of a cell are ignored", () => {
  const owner = new Owner();
  const call = callOf(owner, { ...options, id: 1 });
  call.resolve("true");
  call.resolve("false");
  call.reject(-32005);
  assertEquals(owner.settlements, [["m", 0, '{"jsonrpc":"2.0","id":1,"result":true}']]);
  const failed = callOf(owner, { ...options, id: "x" });
  failed.reject(-32603, '{"ref":"r"}');
  failed.resolve("1");
  assertEquals(JSON.parse(owner.settlements[1]![2]!).error, {
    code: -32603,
    message: "Internal error",
    data: { ref: "r" },
  });
  assertEquals(owner.settlements.length, 2);
});

Deno.test("Call answers no notification", () => {
  const owner = new Owner();
  callOf(owner, { ...options, id: undefined }).resolve("true");
  callOf(owner, { ...options, id: undefined }).reject(-32602);
  assertEquals(owner.settlements, [["m", 0, null], ["m", -32602, null]]);
});

Deno.test("Batch.add() gives the whole answer with the last one, or none where nothing is answered", () => {
  const batch = new Batch(3);
  assertEquals([batch.add("1"), batch.add(null), batch.add("2")], [null, null, "[1,2]"]);
  const silent = new Batch(2);
  assertEquals([silent.add(null), silent.add(null)], [null, null]);
});

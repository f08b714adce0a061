import { assertEquals, assertStrictEquals } from "../assert.ts";
import { Hub, type Subscriber } from "../../lib/hub/hub.ts";
import type { SharedText } from "../../lib/websocket/websocket.ts";

class Listener implements Subscriber {
  readonly got: SharedText[] = [];
  constructor(readonly userId: string, readonly onMessage: () => void = () => {}) {}
  deliver(message: SharedText): void {
    this.got.push(message);
    this.onMessage();
  }
  get texts(): string[] {
    return this.got.map(({ text }) => text);
  }
}

Deno.test("Hub.publish() reaches the subscribers of that topic, in order, with one shared message", () => {
  const hub = new Hub();
  const [a, b, other] = [new Listener("a"), new Listener("b"), new Listener("c")];
  hub.subscribe("room", a);
  hub.subscribe("room", b);
  hub.subscribe("else", other);
  assertEquals(hub.publish("room", "1"), 2);
  assertEquals(hub.publish("room", "2"), 2);
  assertEquals(hub.publish("nobody", "3"), 0);
  assertEquals([a.texts, b.texts, other.texts], [["1", "2"], ["1", "2"], []]);
  assertStrictEquals(a.got[0], b.got[0]);
  assertStrictEquals(a.got[0]!.frame, b.got[0]!.frame);
});

Deno.test("Hub.subscribe() twice delivers once; unsubscribe() leaves no empty topic behind", () => {
  const hub = new Hub();
  const listener = new Listener("a");
  hub.subscribe("room", listener);
  hub.subscribe("room", listener);
  hub.publish("room", "x");
  assertEquals(listener.texts, ["x"]);
  hub.unsubscribe("room", listener);
  hub.unsubscribe("room", listener);
  hub.unsubscribe("never", listener);
  hub.publish("room", "y");
  assertEquals(listener.texts, ["x"]);
  assertEquals(hub.topics, 0);
});

Deno.test("Hub.publish() survives a subscriber that leaves on delivery", () => {
  const hub = new Hub();
  const after = new Listener("b");
  const leaver: Listener = new Listener("a", () => hub.unsubscribe("room", leaver));
  hub.subscribe("room", leaver);
  hub.subscribe("room", after);
  hub.publish("room", "1");
  hub.publish("room", "2");
  assertEquals([leaver.texts, after.texts], [["1"], ["1", "2"]]);
});

Deno.test("Hub.presence() counts a user's connections", () => {
  const hub = new Hub();
  for (const user of ["ann", "bob", "ann"]) hub.subscribe("room", new Listener(user));
  assertEquals(hub.presence("room"), [{ user: "ann", connections: 2 }, { user: "bob", connections: 1 }]);
  assertEquals(hub.presence("empty"), []);
  const odd = new Hub();
  odd.subscribe("__proto__", new Listener("__proto__"));
  assertEquals(odd.presence("__proto__"), [{ user: "__proto__", connections: 1 }]);
});

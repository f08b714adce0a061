import { assertEquals, assertStrictEquals } from "../assert.ts";
import { hubLimits, type Subscriber } from "../../lib/hub/hub.ts";
import type { SharedText } from "../../lib/websocket/websocket.ts";
import { loneHub } from "../helpers/lone_node.ts";

/** A module. */
const M = "m.v1";
const utf8 = (text: string) => new TextEncoder().encode(text);
const LIMITS = hubLimits(1_000, 1_000);

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
  const hub = loneHub(LIMITS);
  const [a, b, other] = [new Listener("a"), new Listener("b"), new Listener("c")];
  hub.subscribe(M, "room", a);
  hub.subscribe(M, "room", b);
  hub.subscribe(M, "else", other);
  assertEquals(hub.publish(M, "room", utf8("1")), 2);
  assertEquals(hub.publish(M, "room", utf8("2")), 2);
  assertEquals(hub.publish(M, "nobody", utf8("3")), 0);
  assertEquals([a.texts, b.texts, other.texts], [["1", "2"], ["1", "2"], []]);
  assertStrictEquals(a.got[0], b.got[0]);
  assertStrictEquals(a.got[0]!.frame, b.got[0]!.frame);
});

Deno.test("Hub.subscribe() twice delivers once; unsubscribe() leaves no empty topic behind", () => {
  const hub = loneHub(LIMITS);
  const listener = new Listener("a");
  hub.subscribe(M, "room", listener);
  hub.subscribe(M, "room", listener);
  hub.publish(M, "room", utf8("x"));
  assertEquals(listener.texts, ["x"]);
  hub.unsubscribe(M, "room", listener);
  hub.unsubscribe(M, "room", listener);
  hub.unsubscribe(M, "never", listener);
  hub.publish(M, "room", utf8("y"));
  assertEquals(listener.texts, ["x"]);
  assertEquals(hub.topics, 0);
});

Deno.test("Hub.publish() survives a subscriber that leaves on delivery", () => {
  const hub = loneHub(LIMITS);
  const after = new Listener("b");
  const leaver: Listener = new Listener("a", () => hub.unsubscribe(M, "room", leaver));
  hub.subscribe(M, "room", leaver);
  hub.subscribe(M, "room", after);
  hub.publish(M, "room", utf8("1"));
  hub.publish(M, "room", utf8("2"));
  assertEquals([leaver.texts, after.texts], [["1"], ["1", "2"]]);
});

Deno.test("Hub.publish() reaches the followers at that moment, also when they leave or join on delivery", () => {
  const hub = loneHub(LIMITS);
  const late = new Listener("late");
  const last = new Listener("last");
  const first = new Listener("first", () => {
    hub.subscribe(M, "room", late);
    hub.unsubscribe(M, "room", last);
  });
  hub.subscribe(M, "room", first);
  hub.subscribe(M, "room", last);
  assertEquals(hub.publish(M, "room", utf8("1")), 2);
  assertEquals([first.texts, last.texts, late.texts], [["1"], ["1"], []]);
  assertEquals(hub.publish(M, "room", utf8("2")), 2);
  assertEquals([first.texts, last.texts, late.texts], [["1", "2"], ["1"], ["2"]]);
});

Deno.test("Hub.presence() counts a user's connections", async () => {
  const hub = loneHub(LIMITS);
  for (const user of ["ann", "bob", "ann"]) hub.subscribe(M, "room", new Listener(user));
  assertEquals(await hub.presence(M, "room"), [{ user: "ann", connections: 2 }, { user: "bob", connections: 1 }]);
  assertEquals(await hub.presence(M, "empty"), []);
  const odd = loneHub(LIMITS);
  odd.subscribe(M, "__proto__", new Listener("__proto__"));
  assertEquals(await odd.presence(M, "__proto__"), [{ user: "__proto__", connections: 1 }]);
});

Deno.test("topics belong to a module: the same name in another is another topic", async () => {
  const hub = loneHub(LIMITS);
  const [mine, theirs] = [new Listener("a"), new Listener("b")];
  hub.subscribe(M, "room", mine);
  hub.subscribe("other.v1", "room", theirs);
  assertEquals(hub.publish(M, "room", utf8("1")), 1);
  assertEquals([mine.texts, theirs.texts], [["1"], []]);
  assertEquals(await hub.presence("other.v1", "room"), [{ user: "b", connections: 1 }]);
  assertEquals([hub.topics, hub.subscriptions, hub.modulesOf("room")], [2, 2, [M, "other.v1"]]);
  hub.unsubscribe(M, "room", theirs);
  assertEquals((await hub.presence("other.v1", "room")).length, 1);
  hub.unsubscribe("other.v1", "room", theirs);
  assertEquals([hub.topics, hub.subscriptions, hub.modulesOf("room")], [1, 1, [M]]);
});

for (
  const [bound, limits] of [
    ["subscriptions of one module", { moduleSubscriptions: 3 }],
    ["subscriptions of all", { subscriptions: 3 }],
    ["names of one module", { moduleNames: 3 }],
    ["names of all", { names: 3 }],
  ] as const
) {
  Deno.test(`Hub.subscribe() refuses one more than the ${bound}, and takes it once there is room`, () => {
    const hub = loneHub({ ...LIMITS, ...limits });
    const listener = new Listener("a");
    for (const topic of ["1", "2", "3"]) assertEquals(hub.subscribe(M, topic, listener), true);
    assertEquals(hub.subscribe(M, "1", listener), true, "what is there is not counted again");
    assertEquals(hub.subscribe(M, "4", listener), false);
    assertEquals([hub.topics, hub.subscriptions, hub.publish(M, "4", utf8("x"))], [3, 3, 0]);
    const elsewhere = hub.subscribe("other.v1", "4", listener);
    assertEquals(elsewhere, bound.endsWith("of one module"));
    if (elsewhere) hub.unsubscribe("other.v1", "4", listener);
    hub.unsubscribe(M, "2", listener);
    assertEquals(hub.subscribe(M, "4", listener), true);
    assertEquals(hub.subscribe(M, "2", listener), false);
  });
}

Deno.test("Hub has room again for each subscriber that left a topic on which others stay", () => {
  const hub = loneHub({ ...LIMITS, subscriptions: 2 });
  hub.subscribe(M, "room", new Listener("stays"));
  for (let visit = 0; visit < 10; visit++) {
    const guest = new Listener("guest");
    assertEquals(hub.subscribe(M, "room", guest), true, `visit ${visit}`);
    hub.unsubscribe(M, "room", guest);
    assertEquals(hub.subscriptions, 1);
  }
});

Deno.test("Hub counts a topic's name once for any number of subscribers", () => {
  const hub = loneHub({ ...LIMITS, moduleNames: 4 });
  const [one, other] = [new Listener("a"), new Listener("b")];
  assertEquals([one, other].map((listener) => hub.subscribe(M, "four", listener)), [true, true]);
  hub.unsubscribe(M, "four", one);
  assertEquals(hub.subscribe(M, "x", one), false);
  hub.unsubscribe(M, "four", other);
  assertEquals(hub.subscribe(M, "x", one), true);
});

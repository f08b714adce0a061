/** The hub on a backplane that the test holds in its hand. */
import type { Subscriber } from "../../lib/hub/hub.ts";
import { assertEquals } from "../assert.ts";
import { Held } from "../helpers/held_hub.ts";

const M = "m.v1";

class Listener implements Subscriber {
  readonly texts: string[] = [];
  constructor(readonly userId: string) {}
  deliver({ text }: { text: string }): void {
    this.texts.push(text);
  }
}

const utf8 = (text: string) => new TextEncoder().encode(text);

Deno.test("Hub listens to a topic once for all its subscribers, and no longer when the last one leaves", () => {
  const { hub, did } = new Held();
  const [ann, bob] = [new Listener("ann"), new Listener("bob")];
  hub.subscribe(M, "room", ann);
  hub.subscribe(M, "room", ann);
  hub.subscribe(M, "room", bob);
  hub.unsubscribe(M, "room", ann);
  hub.unsubscribe(M, "room", ann);
  assertEquals(did, ["listen m.v1 room", "join room ann", "join room bob", "leave room ann"]);
  hub.unsubscribe(M, "room", bob);
  assertEquals(did.slice(4), ["leave room bob", "unlisten m.v1 room"]);
});

Deno.test("Hub.publish() delivers nothing itself: subscribers hear what comes from the backplane, in its order", () => {
  const { hub, published } = new Held();
  const [ann, bob] = [new Listener("ann"), new Listener("bob")];
  for (const one of [ann, bob]) hub.subscribe(M, "room", one);
  assertEquals([hub.publish(M, "room", utf8("mine")), hub.publish(M, "empty", utf8("x"))], [2, 0]);
  assertEquals([ann.texts, published.length], [[], 2]);
  hub.deliver(M, "room", utf8("theirs"));
  hub.deliver(M, "room", published[0]!);
  hub.deliver(M, "empty", published[1]!);
  hub.deliver("other.v1", "room", utf8("elsewhere"));
  assertEquals([ann.texts, bob.texts], [["theirs", "mine"], ["theirs", "mine"]]);
});

Deno.test("Hub.awaited() ends when the topic is established, for each subscriber alike, and again after the last one left", async () => {
  const { hub, establish } = new Held();
  const [ann, bob] = [new Listener("ann"), new Listener("bob")];
  hub.subscribe(M, "room", ann);
  hub.subscribe(M, "room", bob);
  const awaited = hub.awaited(M, "room");
  assertEquals([awaited === undefined, hub.awaited(M, "else"), hub.awaited("other.v1", "room")], [
    false,
    undefined,
    undefined,
  ]);
  establish[0]!();
  await awaited;
  assertEquals(hub.awaited(M, "room"), undefined);
  for (const one of [ann, bob]) hub.unsubscribe(M, "room", one);
  hub.subscribe(M, "room", ann);
  const first = hub.awaited(M, "room");
  hub.unsubscribe(M, "room", ann);
  assertEquals(hub.awaited(M, "room"), undefined);
  hub.subscribe(M, "room", ann);
  establish[1]!();
  await first;
  assertEquals(hub.awaited(M, "room") === undefined, false, "the end of the first one says nothing of the second");
});

Deno.test("Hub.presence() gives the users of all nodes, and marks those of this node alone", async () => {
  const held = new Held();
  held.users = [{ user: "ann", connections: 2 }];
  assertEquals(await held.hub.presence(M, "room"), [{ user: "ann", connections: 2 }]);
  held.partial = true;
  assertEquals(await held.hub.presence(M, "room"), [{ user: "ann", connections: 2, partial: true }]);
});

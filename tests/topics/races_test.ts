/** Topics of one session, while the module is being asked: whatever comes in between, nothing is delivered that is not allowed. */
import fc from "fast-check";
import { assert, assertEquals } from "../assert.ts";
import { DENIED, ROOM, Topics } from "./topics_world.ts";

Deno.test("nothing follows from a yes to a topic that has been unsubscribed", () => {
  const world = new Topics();
  const first = world.subscribe();
  world.ask("topic.unsubscribe", "room:a");
  world.answer(true);
  world.publish("1");
  assertEquals([world.look().heard, world.codes.get(first), world.hub.subscriptions], [[], 0, 0]);
  const before = world.subscribe();
  world.ask("topic.unsubscribe", "room:a");
  const again = world.subscribe();
  world.answer(false);
  world.publish("2");
  assertEquals([world.look().heard, world.codes.get(before), world.codes.get(again)], [[], DENIED, DENIED]);
});

Deno.test("subscriptions of one topic at once are asked once and answered each", () => {
  const world = new Topics();
  const ids = [world.subscribe(), world.subscribe(), world.subscribe()];
  assertEquals(world.asked.length, 1);
  world.answer(true);
  world.look();
  assertEquals(ids.map((id) => world.codes.get(id)), [0, 0, 0]);
  world.publish("1");
  assertEquals(world.look().heard, ["1"]);
});

Deno.test("a handler's question does not wait behind a client's, which may wait for the handler", () => {
  const world = new Topics();
  const id = world.subscribe();
  const codes: number[] = [];
  world.client.subscribe("room:a", (code) => codes.push(code));
  assertEquals(world.asked.map(({ asked }) => asked), ["in_order", "by_handler"]);
  world.asked.pop()!.call.resolve("true");
  assertEquals([codes, world.look().codes.get(id), world.hub.subscriptions], [[0], 0, 1]);
});

Deno.test("the answer to an earlier token does not count for a later one", () => {
  const world = new Topics();
  const id = world.subscribe();
  world.refresh(["user"], { out: true });
  world.answer(true);
  assertEquals(world.asked.map(({ user }) => user.claims), [{ out: true }]);
  world.publish("1");
  assertEquals([world.look().codes.has(id), world.hub.subscriptions], [false, 0]);
  world.answer(false);
  world.publish("2");
  assertEquals([world.look().codes.get(id), world.heard], [DENIED, []]);
});

Deno.test("a token without the role denies what is still being asked, and ends what was allowed", () => {
  const world = new Topics();
  world.subscribe("room:b");
  world.answer(true);
  world.subscribe("news");
  const id = world.subscribe();
  world.refresh(["guest"]);
  assertEquals([world.look().codes.get(id), world.ended], [DENIED, ["room:b forbidden"]]);
  world.answer(true);
  for (const topic of ["room:a", "room:b", "news"]) world.publish(topic, topic);
  assertEquals(world.look().heard, ["news"], "what needs no role goes on");
});

for (const end of ["the connection ends", "the session is ending"]) {
  Deno.test(`nothing follows from a yes once ${end}`, () => {
    const world = new Topics();
    world.subscribe();
    const { call } = world.asked[0]!;
    if (end === "the connection ends") world.gone();
    else world.session.end("kicked");
    call.resolve("true");
    world.publish("1");
    assertEquals([world.look().heard, world.hub.subscriptions], [[], 0]);
  });
}

Deno.test("after a refresh, events wait for the module's yes and come in order, and never after its no", () => {
  for (const yes of [true, false]) {
    const world = new Topics();
    for (const topic of ["room:a", "news"]) world.subscribe(topic);
    world.answer(true);
    world.publish("1");
    world.refresh();
    for (const text of ["2", "3"]) world.publish(text);
    world.publish("news", "news");
    assertEquals(world.look().heard, ["1", "news"]);
    world.answer(yes);
    world.publish("4");
    assertEquals(world.look().heard, yes ? ["1", "news", "2", "3", "4"] : ["1", "news"]);
    assertEquals(world.ended, yes ? [] : ["room:a forbidden"]);
  }
});

Deno.test("a yes that was asked before a second refresh releases nothing", () => {
  const world = new Topics();
  world.subscribe();
  world.answer(true);
  world.refresh();
  world.publish("1");
  world.refresh(["user"], { out: true });
  world.answer(true);
  assertEquals(world.look().heard, []);
  assertEquals(world.asked.map(({ user }) => user.claims), [{ out: true }]);
  world.answer(false);
  assertEquals([world.look().heard, world.ended], [[], ["room:a forbidden"]]);
});

Deno.test("an answer about a subscription that has ended changes nothing for the next one", () => {
  for (const yes of [true, false]) {
    const world = new Topics();
    world.subscribe();
    world.answer(true);
    world.refresh();
    world.publish("1");
    world.ask("topic.unsubscribe", "room:a");
    world.subscribe();
    const [old, next] = world.asked.splice(0);
    next!.call.resolve("true");
    old!.call.resolve(String(yes));
    world.publish("2");
    assertEquals([world.look().heard, world.ended], [["2"], []]);
  }
});

Deno.test("events held back are bounded by send_queue: then the topic is ended", () => {
  const world = new Topics();
  world.subscribe();
  world.answer(true);
  world.refresh();
  for (let i = 0; i < 9; i++) world.publish("x".repeat(8 * 1024));
  assertEquals([world.look().heard, world.ended, world.hub.subscriptions], [[], ["room:a overloaded"], 0]);
  world.answer(true);
  assertEquals(world.look().heard, []);
});

Deno.test("the module is asked after recheck, and events go on until it says no", () => {
  const world = new Topics();
  world.subscribe();
  world.answer(true);
  world.pass(59_000);
  assertEquals(world.asked.length, 0);
  world.pass(2_000);
  assertEquals(world.asked.length, 1);
  world.publish("1");
  world.answer(true);
  world.pass(61_000);
  world.publish("2");
  world.answer(false);
  world.publish("3");
  assertEquals([world.look().heard, world.ended], [["1", "2"], ["room:a forbidden"]]);
});

Deno.test("a cell that can't be asked is asked again, for 30 s; any other failure is a no", () => {
  const world = new Topics();
  world.subscribe();
  world.answer(true);
  world.cellUp = false;
  world.pass(61_000 + 20_000);
  world.publish("1");
  assertEquals([world.look().ended, world.heard], [[], ["1"]]);
  world.cellUp = true;
  world.pass(1_500);
  world.answer(true);
  world.cellUp = false;
  world.pass(60_000 + 25_000);
  assertEquals(world.look().ended, [], "the time counts from the last answer");
  world.pass(10_000);
  world.publish("2");
  assertEquals([world.look().ended, world.heard], [["room:a overloaded"], ["1"]]);
  for (const code of [-32603, -32005, -32602, -32601]) {
    const other = new Topics();
    other.subscribe();
    other.answer(true);
    other.refresh();
    other.asked.shift()!.call.reject(code);
    assertEquals(other.look().ended, ["room:a forbidden"], String(code));
  }
});

Deno.test("a new cell is asked about what is followed, within ten seconds", () => {
  const world = new Topics();
  const topics = Array.from({ length: 40 }, (_, n) => `room:${n}`);
  for (const topic of topics) {
    world.subscribe(topic);
    world.answer(true);
  }
  world.client.resumed();
  const asked = new Set<string>();
  for (let passed = 0; passed <= 10_250; passed += 250) {
    world.pass(250);
    assert(world.asked.length <= 8, "no more than eight questions at once");
    for (const { topic } of world.asked) asked.add(topic);
    while (world.asked.length > 0) world.answer(true);
  }
  assertEquals(asked.size, topics.length);
  for (const topic of topics) world.publish(topic, topic);
  assertEquals(world.look().heard, topics);
});

Deno.test("a publication and a presence are asked for where the right is not there, or in doubt", async () => {
  const said = { ...ROOM, publish: ["user"], presence: ["user"] };
  const world = new Topics({ topics: [said] });
  const presence = () => world.ask("topic.presence", "room:a");
  const denied = presence();
  world.answer(false);
  assertEquals(world.look().codes.get(denied), DENIED);
  world.subscribe();
  world.answer(true);
  const held = presence();
  // The presence of all nodes is known one turn later.
  await new Promise((resolve) => setImmediate(resolve));
  assertEquals([world.asked.length, world.look().codes.get(held)], [0, 0]);
  world.refresh();
  const doubted = presence();
  assertEquals(world.asked.length, 2);
  world.refresh(["user"]);
  world.asked.splice(1, 1)[0]!.call.resolve("true");
  assertEquals(world.look().codes.has(doubted), false, "that was about an earlier token");
  world.asked[1]!.call.resolve("false");
  assertEquals(world.look().codes.get(doubted), DENIED);
  const late = presence();
  world.refresh(["guest"]);
  assertEquals(world.look().codes.get(late), DENIED, "a role that the topic needs was lost");
  const hosted = new Topics({ topics: [{ ...ROOM, presence: ["host"] }] });
  hosted.refresh(["user", "host"]);
  const last = hosted.ask("topic.presence", "room:a");
  hosted.refresh(["user"]);
  hosted.answer(true);
  hosted.answer(true);
  assertEquals(hosted.look().codes.get(last), DENIED, "the role for it was lost while the module was asked");
});

/** The events of the property: `n` chooses which of the module's questions is answered. */
const step = fc.oneof(
  fc.record({ kind: fc.constantFrom("subscribe", "unsubscribe", "publish", "publish", "recheck", "resume") }),
  fc.record({ kind: fc.constant("refresh"), allowed: fc.boolean(), role: fc.boolean() }),
  fc.record({ kind: fc.constant("answer"), n: fc.nat(3) }),
);
type Step = { kind: string; allowed?: boolean; role?: boolean; n?: number };

/** Follows the steps, and holds what the client was told against what it might hear. */
class Model {
  readonly world = new Topics();
  /** The events published while the client followed the topic, by period; `cut`: events held back are not heard. */
  readonly periods: { published: string[]; heard: string[]; cut: boolean }[] = [];
  #following = false;
  #number = 0;
  #allowed = true;
  #seen = 0;
  #pending = new Set<number>();

  run(steps: readonly Step[]): void {
    for (const one of steps) this.#step(one);
    for (let round = 0; round < 200 && this.world.asked.length > 0; round++) this.#step({ kind: "answer", n: 0 });
    for (const { published, heard, cut } of this.periods) {
      assertEquals(heard, cut ? published.slice(0, heard.length) : published);
    }
  }

  #step({ kind, allowed = true, role = true, n = 0 }: Step): void {
    const { world } = this;
    if (kind === "subscribe") this.#pending.add(world.subscribe());
    else if (kind === "unsubscribe") {
      if (this.#following && world.asked.length > 0) this.periods.at(-1)!.cut = true;
      world.ask("topic.unsubscribe", "room:a");
      this.#see();
      // What was answered while it was asked for is not followed.
      this.#pending.clear();
      this.#following = false;
    } else if (kind === "publish") {
      const text = String(++this.#number);
      if (this.#following) this.periods.at(-1)!.published.push(text);
      world.publish(text);
    } else if (kind === "recheck") world.pass(61_000);
    else if (kind === "resume") world.client.resumed();
    else if (kind === "refresh") {
      this.#allowed = allowed && role;
      world.refresh(role ? ["user"] : [], { allowed });
    } else {
      const [asked] = world.asked.splice(n % Math.max(1, world.asked.length), 1);
      asked?.call.resolve(String(asked.user.claims["allowed"] !== false));
    }
    this.#see();
  }

  /** Reads what the client was sent, in order. */
  #see(): void {
    const { sent } = this.world;
    for (; this.#seen < sent.length; this.#seen++) {
      const message = JSON.parse(sent[this.#seen]!);
      if (typeof message === "string") {
        assert(this.#following, `${message} was heard by a client that does not follow`);
        assert(this.#allowed, `${message} was heard by a client whose token does not allow it`);
        this.periods.at(-1)!.heard.push(message);
      } else if (message.method === "topic.ended") {
        this.periods.at(-1)!.cut = true;
        this.#following = false;
      } else if (this.#pending.delete(message.id) && message.error === undefined && !this.#following) {
        this.#following = true;
        this.periods.push({ published: [], heard: [], cut: false });
      }
    }
  }
}

Deno.test("a client hears exactly the events published while it follows, up to a denial, with anything in between", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => new Model().run(steps as Step[])),
    { numRuns: 1_000 },
  );
});

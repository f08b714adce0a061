/** Subscriptions: against a small server that speaks the contract, and by a clock in the test's hands. */
import { type Client, type Contract, createClient, type SubscriptionState } from "../../client/mod.ts";
import { assertEquals, assertRejects } from "../assert.ts";
import { TopicServer } from "./topic_server.ts";
import { settle, soon, World } from "./world.ts";
import { until } from "../helpers/until.ts";

interface Rooms extends Contract {
  methods: Record<string, never>;
  topics: { lobby: { message: { text: string }; welcome: number } };
}

function clientOf(server: TopicServer): Client<Rooms> {
  return createClient<Rooms>(server.url, {
    subprotocol: "topics.v1",
    backoff: { min: 1, max: 1 },
  });
}

Deno.test("subscribe() delivers the events of its topic, the one right behind the answer included", async () => {
  await using server = new TopicServer();
  await using client = clientOf(server);
  const lobby = client.subscribe("lobby");
  const seen: unknown[] = [];
  lobby.on("welcome", (data) => seen.push(data));
  const off = lobby.on("message", ({ text }) => seen.push(text));
  assertEquals(lobby.state, "pending");
  await client.connect();
  await until(() => lobby.state === "live", "live");
  server.publish("lobby", "message", { text: "hello" });
  server.publish("other", "message", { text: "not ours" });
  await until(() => seen.includes("hello"), "hello");
  assertEquals(seen, [1, "hello"]);
  assertEquals(await lobby.presence(), [{ user: "ann", connections: 1 }]);
  off();
  server.publish("lobby", "message", { text: "unheard" });
  server.publish("lobby", "welcome", "last");
  await until(() => seen.includes("last"), "last");
  assertEquals(seen.includes("unheard"), false);
});

Deno.test("a subscription is made again after a reconnect, and says so", async () => {
  await using server = new TopicServer();
  await using client = clientOf(server);
  await client.connect();
  const lobby = client.subscribe("lobby");
  const states: SubscriptionState[] = [];
  lobby.onState((state) => states.push(state));
  const seen: string[] = [];
  lobby.on("message", ({ text }) => seen.push(text));
  for (let round = 1; round <= 3; round++) {
    await until(() => lobby.state === "live" && server.followers("lobby") === 1, `live, round ${round}`);
    server.publish("lobby", "message", { text: `round ${round}` });
    await until(() => seen.length === round, `message, round ${round}`);
    server.drop(1011);
    await until(() => states.length >= 2 * round, `pending, round ${round}`);
  }
  assertEquals(states.slice(0, 4), ["live", "pending", "live", "pending"]);
  assertEquals(seen, ["round 1", "round 2", "round 3"]);
});

Deno.test("a subscription that is denied, or ended by the server, is over", async () => {
  await using server = new TopicServer();
  await using client = clientOf(server);
  await client.connect();
  const ends: unknown[] = [];
  const secret = client.subscribe("secret");
  secret.onState((...args) => ends.push(args));
  await until(() => secret.state === "denied", "denied");
  const lobby = client.subscribe("lobby");
  const events: unknown[] = [];
  const iterated = (async () => {
    for await (const event of lobby) events.push(event);
  })();
  await until(() => lobby.state === "live", "live");
  lobby.onState((...args) => ends.push(args));
  server.end("lobby", "left the project");
  await soon(iterated, "the end of the iteration");
  assertEquals(ends, [["denied", "Forbidden"], ["ended", "left the project"]]);
  assertEquals(events, [{ topic: "lobby", event: "welcome", data: 1 }]);
  server.drop(1011);
  await until(() => server.connections.size === 1 && client.state === "open", "a new connection");
  const again = client.subscribe("other");
  await until(() => again.state === "live", "live again");
  assertEquals(
    server.requests.filter((request) => request.startsWith("topic.subscribe")),
    [
      "topic.subscribe secret",
      "topic.subscribe lobby",
      "topic.subscribe other",
    ],
  );
});

Deno.test("close() of the last subscription of a topic unsubscribes", async () => {
  await using server = new TopicServer();
  await using client = clientOf(server);
  await client.connect();
  const one = client.subscribe("lobby");
  const two = client.subscribe("lobby");
  await until(() => one.state === "live" && two.state === "live", "both live");
  const seen: string[] = [];
  one.on("message", ({ text }) => seen.push(`one ${text}`));
  two.on("message", ({ text }) => seen.push(`two ${text}`));
  server.publish("lobby", "message", { text: "a" });
  await until(() => seen.length === 2, "both heard");
  await one.close();
  await one.close();
  assertEquals(one.state, "ended");
  server.publish("lobby", "message", { text: "b" });
  await until(() => seen.length === 3, "two heard");
  assertEquals([seen, server.followers("lobby")], [
    ["one a", "two a", "two b"],
    1,
  ]);
  await two[Symbol.asyncDispose]();
  await until(() => server.followers("lobby") === 0, "unsubscribed");
  assertEquals(
    server.requests.filter((request) => request === "topic.unsubscribe lobby")
      .length,
    1,
  );
});

Deno.test("an iteration yields what comes, and ends with its subscription", async () => {
  await using server = new TopicServer();
  await using client = clientOf(server);
  await client.connect();
  const lobby = client.subscribe("lobby");
  const seen: unknown[] = [];
  const iterate = async () => {
    for await (const { event, data } of lobby) {
      if (event === "welcome") server.publish("lobby", "message", { text: "1" });
      else seen.push(data);
      if (seen.length === 1) server.publish("lobby", "message", { text: "2" });
      if (seen.length === 2) break;
    }
  };
  await soon(iterate(), "two messages");
  assertEquals(seen, [{ text: "1" }, { text: "2" }]);
  const rest = Array.fromAsync(lobby);
  await client.close();
  assertEquals([await soon(rest, "the end of the iteration"), lobby.state], [[], "ended"]);
  assertEquals(
    await Array.fromAsync(lobby),
    [],
    "an iteration that begins too late ends at once",
  );
});

Deno.test("an iteration that falls 1,000 events behind ends with an error, others go on", async () => {
  using world = await World.open();
  const topic = world.client.subscribe("t");
  const iteration = topic[Symbol.asyncIterator]();
  const first = iteration.next();
  let heard = 0;
  topic.on("e", () => heard++);
  world.answer(world.socket.calls[0], { result: {} });
  for (let n = 0; n <= 1_000; n++) {
    world.socket.notify("topic.event", { topic: "t", event: "e", data: n });
  }
  await soon(first, "the first event");
  assertEquals(await soon(iteration.next() as Promise<unknown>, "the next event"), {
    done: false,
    value: { topic: "t", event: "e", data: 1 },
  });
  for (let n = 0; n < 10; n++) {
    world.socket.notify("topic.event", { topic: "t", event: "e", data: n });
  }
  await soon(assertRejects(() => iteration.next() as Promise<unknown>, RangeError), "the error");
  assertEquals(heard, 1_011);
});

Deno.test("a temporary refusal is tried again on the same connection, with growing delays or when the server says", async () => {
  using world = await World.open();
  const topic = world.client.subscribe("t");
  const asked = () => world.socket.calls.filter(({ method }) => method === "topic.subscribe");
  const answers: [error: Record<string, unknown>, delay: number][] = [
    [{ code: -32004, message: "Overloaded" }, 250],
    [{ code: -32603, message: "Internal error" }, 500],
    [{ code: -32005, message: "Handler timeout" }, 1_000],
    [
      {
        code: -32001,
        message: "Rate limited",
        data: { retry_after_ms: 7_000 },
      },
      9_000,
    ],
  ];
  for (const [n, [error, delay]] of answers.entries()) {
    world.answer(asked()[n], { error });
    await world.pass(delay - 1);
    assertEquals(asked().length, n + 1, `asked too early after ${error.code}`);
    await world.pass(1);
    assertEquals([asked().length, topic.state], [n + 2, "pending"]);
  }
  world.answer(asked().at(-1), { result: {} });
  await settle();
  assertEquals(topic.state, "live");
});

Deno.test("closed before the server answered: it is told, unless another took its place", async () => {
  using world = await World.open();
  world.client.subscribe("gone").close();
  world.client.subscribe("kept").close();
  const kept = world.client.subscribe("kept");
  for (const sent of world.socket.calls) world.answer(sent, { result: {} });
  await settle();
  const unsubscribed = world.socket.calls.filter(({ method }) => method === "topic.unsubscribe");
  assertEquals(unsubscribed.map(({ params }) => params), [{ topic: "gone" }]);
  assertEquals(kept.state, "live");
});

Deno.test("through a drain events come on the old line until the new one has them, then there only", async () => {
  using world = await World.open();
  await world.pass(10_000);
  const topic = world.client.subscribe("t");
  const seen: unknown[] = [];
  const states: unknown[] = [];
  topic.on("e", (data) => seen.push(data));
  const old = world.socket;
  world.answer(old.calls[0], { result: {} });
  await settle();
  topic.onState((state) => states.push(state));
  const event = (data: number) => ["topic.event", { topic: "t", event: "e", data }] as const;
  old.notify(...event(1));
  old.notify("session.reconnect", { after_ms: 100 });
  await world.pass(100);
  old.notify(...event(2));
  world.answer(world.socket.calls[0], { result: {} });
  world.socket.notify(...event(3)); // in the same packet as the answer
  await settle();
  old.notify(...event(3));
  world.socket.notify(...event(4));
  old.end(1001, "draining");
  assertEquals([seen, states, topic.state], [[1, 2, 3, 4], [], "live"]);
});

for (const late of [{ result: {} }, { error: { code: -32003, message: "Forbidden" } }]) {
  Deno.test(`a late answer of an old line changes nothing: ${JSON.stringify(late)}`, async () => {
    using world = await World.open();
    const topic = world.client.subscribe("t");
    const old = world.socket;
    old.notify("session.reconnect", { after_ms: 0 });
    await world.pass(1_000);
    world.answer(world.socket.calls[0], { result: {} });
    await settle();
    world.answer(old.calls[0], late, old);
    await settle();
    old.end(1001);
    assertEquals([world.sockets.length, topic.state], [2, "live"]);
    world.socket.end(1006);
    assertEquals(topic.state, "pending");
  });
}

/** When the client connects, comes back, gives up: by a clock in the test's hands. */
import type { Why } from "../../client/types.ts";
import { assert, assertEquals, assertRejects } from "../assert.ts";
import { CallError } from "../../client/mod.ts";
import { settle, soon, tokenOf, World } from "./world.ts";

Deno.test("connect() resolves when the server has sent the identity; the states say what happens", async () => {
  using world = new World();
  assertEquals([world.client.state, world.client.user], ["idle", null]);
  await soon(world.client.connect(), "connect()");
  assertEquals(world.client.user?.user, "ann");
  assertEquals(world.states, [["connecting", null], ["open", null]]);
  await soon(world.client.connect(), "connect()");
  assertEquals(world.sockets.length, 1, "connect() of an open client opens nothing");
});

Deno.test("the token travels as it was told to, and nowhere else", async (t) => {
  await t.step("subprotocol", async () => {
    using world = await World.open({ via: "subprotocol" });
    assertEquals(world.socket.url, "wss://example.com/ws");
    assertEquals(world.socket.protocols, ["chat.v1", "bearer.token"]);
  });
  await t.step("header", async () => {
    using world = await World.open({ via: "header" });
    assertEquals(world.socket.protocols, ["chat.v1"]);
    assertEquals(world.socket.options, { headers: { authorization: "Bearer token" } });
  });
  await t.step("ticket", async () => {
    using world = await World.open({ via: "ticket" });
    assertEquals(world.ticketRequests, [{ url: "https://example.com/ticket", authorization: "Bearer token" }]);
    assertEquals(world.socket.url, "wss://example.com/ws?ticket=t1");
    assertEquals([world.socket.protocols, world.socket.options], [["chat.v1"], { headers: {} }]);
  });
  await t.step("cookie", async () => {
    using world = await World.open({ via: "cookie" });
    assertEquals([world.socket.url, world.socket.protocols], ["wss://example.com/ws", ["chat.v1"]]);
  });
});

Deno.test("backoff() is random between 0 and min × 2^n, at most max", async () => {
  for (const random of [0, 0.25, 0.75]) {
    using world = await World.open({ random, backoff: { min: 100, max: 2_000 } });
    world.accepting = false;
    const delays: number[] = [];
    world.socket.end(1006);
    for (let n = 0; n < 8; n++) {
      const { retryInMs } = world.why as Why;
      delays.push(retryInMs!);
      await world.pass(retryInMs!);
      world.socket.end(1006);
      await settle();
    }
    assertEquals(delays, [100, 200, 400, 800, 1_600, 2_000, 2_000, 2_000].map((most) => random * most));
  }
});

Deno.test("the delays grow while connections don't last ten seconds, and start over once one did", async () => {
  using world = await World.open();
  const delays: number[] = [];
  for (const lasting of [0, 9_999, 9_999, 10_000, 5]) {
    await world.pass(lasting);
    world.socket.end(1006);
    delays.push(world.why!.retryInMs!);
    await world.pass(world.why!.retryInMs!);
    assertEquals(world.client.state, "open");
  }
  assertEquals(delays, [250, 500, 1_000, 250, 500]);
});

Deno.test("Retry-After is waited for, with jitter on top, and nothing cuts it short", async () => {
  for (const [retryAfter, waited] of [["7", 7_250], ["0", 250], ["soon", 250], ["-5", 250]] as const) {
    using world = new World({ via: "ticket" });
    world.ticketAnswers.push({ status: 429, error: "rate_limited", retryAfter });
    const connected = world.client.connect();
    await settle();
    assertEquals(world.why, { code: 429, reason: "rate_limited", final: false, retryInMs: waited });
    if (waited > 1_000) {
      await world.pass(1_000);
      world.connect();
      await world.pass(waited - 1_001);
      assertEquals(world.ticketRequests.length, 1, "attempts before Retry-After");
      await world.pass(1);
    } else await world.pass(waited);
    await soon(connected, "connect()");
    assertEquals(world.ticketRequests.length, 2);
  }
});

Deno.test("connect() while waiting hurries our own delay", async () => {
  using world = await World.open({ backoff: { min: 20_000, max: 60_000 } });
  world.socket.end(1006);
  world.socket.end(1006);
  assertEquals(world.why?.retryInMs, 10_000);
  await world.pass(100);
  const connected = world.client.connect();
  await world.pass(10_000);
  await soon(connected, "connect()");
  assertEquals(world.sockets.length, 2);
});

Deno.test("an attempt that takes longer than 20 s is given up", async (t) => {
  await t.step("the socket does not open", async () => {
    using world = new World();
    world.accepting = false;
    world.connect();
    await world.pass(19_999);
    assertEquals([world.client.state, world.socket.closed], ["connecting", 0]);
    await world.pass(1);
    assertEquals([world.client.state, world.socket.closed], ["waiting", 1]);
  });
  await t.step("the server does not send the identity", async () => {
    using world = new World();
    world.answering = false;
    world.connect();
    await world.pass(10_000);
    assertEquals([world.client.state, world.socket.closed], ["waiting", 1]);
  });
  await t.step("a sign-in that takes a person's time is no failure", async () => {
    using world = new World();
    const signedIn = Promise.withResolvers<string>();
    world.token = () => signedIn.promise;
    world.connect();
    await world.pass(600_000);
    assertEquals([world.client.state, world.sockets.length], ["connecting", 0]);
    signedIn.resolve("late");
    await settle();
    assertEquals(world.client.state, "open");
  });
});

Deno.test("a token that is null signs out, for good", async () => {
  using world = new World();
  world.token = () => null;
  const error = await soon(assertRejects(() => world.client.connect(), CallError), "connect()");
  assertEquals(error.message, "signed_out");
  assertEquals([world.why, world.sockets.length], [{ code: 1000, reason: "signed_out", final: true }, 0]);
});

Deno.test("a token callback that throws is told of, and asked again later", async () => {
  using world = new World();
  const tokens: (() => string)[] = [() => {
    throw new Error("issuer down");
  }];
  world.token = () => (tokens.shift() ?? (() => "token"))();
  world.connect();
  await settle();
  assertEquals([world.client.state, String(world.errors[0])], ["waiting", "Error: issuer down"]);
  await world.pass(250);
  assertEquals([world.client.state, world.asks], ["open", ["connect", "connect"]]);
});

Deno.test("a network that fails at the ticket is told of, and tried again", async () => {
  using world = new World({ via: "ticket" });
  world.ticketAnswers.push(new TypeError("Failed to fetch"));
  world.connect();
  await settle();
  assertEquals(world.why, { code: 1006, reason: "Failed to fetch", final: false, retryInMs: 250 });
  await world.pass(250);
  assertEquals(world.client.state, "open");
});

Deno.test("close() ends an attempt at each of its stages, and aborts the token's signal", async () => {
  for (const stage of ["token", "socket", "whoami"]) {
    let signal: AbortSignal | undefined;
    using world = new World({
      token: (ask) => {
        signal = ask.signal;
        return stage === "token" ? new Promise(() => {}) : "token";
      },
    });
    if (stage === "socket") world.accepting = false;
    if (stage === "whoami") world.answering = false;
    const connected = assertRejects(() => world.client.connect(), CallError);
    await settle();
    await world.client.close("enough");
    assertEquals((await soon(connected, "connect()")).message, "enough");
    assert(signal?.aborted, stage);
    assertEquals(world.sockets.map(({ closed }) => closed > 0), stage === "token" ? [] : [true], stage);
    assertEquals(world.why, { code: 1000, reason: "enough", final: true });
    await world.pass(60_000);
    assertEquals(world.client.state, "closed");
  }
});

Deno.test("a token that comes after close() is not used", async () => {
  using world = new World();
  const late = Promise.withResolvers<string>();
  world.token = () => late.promise;
  world.connect();
  await settle();
  await world.client.close();
  late.resolve("token");
  await world.pass(60_000);
  assertEquals([world.client.state, world.sockets.length], ["closed", 0]);
});

Deno.test("a drain is made before it is broken: the old line answers, the new one takes over", async () => {
  using world = await World.open();
  await world.pass(10_000);
  const old = world.socket;
  const answered = world.client.call("slow", {});
  await settle();
  old.notify("session.reconnect", { after_ms: 8_000 });
  const queued = world.client.call("after", {});
  await world.pass(7_999);
  assertEquals([world.sockets.length, old.calls.map(({ method }) => method)], [1, ["slow"]]);
  await world.pass(1);
  assertEquals([world.sockets.length, world.client.state], [2, "open"]);
  assertEquals(world.socket.calls.map(({ method }) => method), ["after"]);
  world.answer(old.calls[0], { result: "from the old" }, old);
  world.answer(world.socket.calls[0], { result: "from the new" });
  assertEquals([await soon(answered, "the answered call"), await soon(queued, "the queued call")], [
    "from the old",
    "from the new",
  ]);
  old.end(1001, "draining");
  assertEquals([world.client.state, world.states.length], ["open", 2], "nobody noticed");
});

Deno.test("a drain's delay is the one that the server gave, on all other events", async () => {
  for (const random of [0, 0.5, 0.999]) {
    using world = await World.open({ random });
    await world.pass(10_000);
    world.socket.notify("session.reconnect", { after_ms: 10_000 });
    world.socket.notify("session.reconnect", { after_ms: 1 });
    world.socket.end(1001, "draining");
    const { retryInMs, ...why } = world.why as Why;
    assertEquals(why, { code: 1001, reason: "draining", final: false });
    assertEquals(retryInMs, 10_000);
    world.connect();
    await world.pass(retryInMs! - 1);
    assertEquals(world.sockets.length, 1);
    await world.pass(1);
    assertEquals([world.sockets.length, world.client.state], [2, "open"]);
  }
});

for (const params of [{ after_ms: 0 }, { after_ms: -1e9 }, { after_ms: "soon" }, {}, [], null]) {
  Deno.test(`a server that drains after each handshake is not hammered: ${JSON.stringify(params)}`, async () => {
    using world = await World.open();
    for (let n = 0; n < 40; n++) {
      world.socket.notify("session.reconnect", params);
      await world.pass(1_000);
    }
    assert(world.sockets.length < 15, `${world.sockets.length} sockets within 40 s`);
    assert(world.sockets.filter(({ readyState }) => readyState === 1).length <= 2, "at most two are open");
  });
}

Deno.test("a drained line that is closed for good is final, a new attempt or not", async () => {
  using world = await World.open();
  world.socket.notify("session.reconnect", { after_ms: 8_000 });
  world.socket.end(1008, "kicked");
  await world.pass(60_000);
  assertEquals([world.client.state, world.sockets.length], ["closed", 1]);
});

Deno.test("a token is refreshed at 80 % of its life by the server's clock, with any local clock", async () => {
  const issued = 1_700_000_000;
  for (const [name, skew] of [["right", 0], ["an hour ahead", 3_600], ["an hour behind", -3_600]] as const) {
    using world = new World();
    const tokens = [tokenOf(issued, issued + 600), tokenOf(issued + 480, issued + 1_080)];
    world.token = () => tokens.shift()!;
    world.user = { user: "ann", roles: [], expires_at: issued + 600 };
    const renewed = { user: "ann", roles: ["admin"], expires_at: issued + 1_080 };
    world.refreshed = () => renewed;
    world.nowMs = (issued + skew) * 1_000;
    world.connect();
    await world.pass(479_000);
    assertEquals(world.asks, ["connect"], name);
    await world.pass(1_000);
    assertEquals([world.asks, world.client.user], [["connect", "expiring"], renewed], name);
    const refreshes = world.socket.sent.filter(({ method }) => method === "session.refresh");
    assertEquals([refreshes.length, world.sockets.length, world.client.state], [1, 1, "open"], name);
  }
});

Deno.test("a refresh that fails is tried again until 5 s before the end, then a new connection takes over", async () => {
  using world = new World();
  const issued = world.nowMs / 1_000;
  world.token = () => tokenOf(issued, issued + 100);
  world.user = { user: "ann", roles: [], expires_at: issued + 100 };
  world.refreshed = () => new Error("refused", { cause: { code: -32003, message: "Forbidden" } });
  world.connect();
  await world.pass(94_000);
  const tries = world.asks.length - 1;
  assert(tries >= 2 && tries <= 10, `${tries} tries`);
  assertEquals(world.sockets.length, 1);
  await world.pass(5_000);
  assertEquals([world.sockets.length, world.client.state, world.asks.at(-1)], [2, "open", "refused"]);
  assertEquals(world.states.length, 2, "it was open all the time");
});

Deno.test("a token that can't be read is refreshed by the local clock, or not at all", async () => {
  using world = new World();
  world.user = { user: "ann", roles: [], expires_at: world.nowMs / 1_000 + 100 };
  world.connect();
  await world.pass(80_000);
  assertEquals(world.asks, ["connect", "expiring"]);

  using late = new World();
  late.user = { user: "ann", roles: [], expires_at: late.nowMs / 1_000 - 100 };
  late.connect();
  await late.pass(3_600_000);
  assertEquals(late.asks, ["connect"]);
});

Deno.test("a line that is silent is asked whether it lives; a dead one is left", async () => {
  using world = await World.open();
  const probes = () => world.sockets[0]!.sent.filter(({ method }) => method === "session.whoami").length - 1;
  for (let minute = 0; minute < 5; minute++) {
    await world.pass(30_000);
    world.socket.notify("tick", {});
    await world.pass(30_000);
    world.socket.notify("tick", {});
  }
  assertEquals(probes(), 0, "probes while messages come");
  await world.pass(90_000);
  assertEquals([probes(), world.client.state], [1, "open"]);
  world.answering = false;
  world.deaf = true;
  const call = assertRejects(() => world.client.call("lost", {}, { timeout: 1_000_000 }), CallError);
  await world.pass(90_000 + 5_000);
  assertEquals([probes() > 1, world.states.some(([, why]) => why?.reason === "silent")], [true, true]);
  assertEquals((await soon(call, "the call")).outcome, "unknown");
  world.answering = true;
  await world.pass(10_000);
  assertEquals([world.client.state, world.sockets.length > 1], ["open", true]);
});

Deno.test("a listener that throws, or closes the client, harms no other listener", async () => {
  using world = new World();
  const seen: string[] = [];
  world.client.on("state", () => {
    throw new Error("listener");
  });
  world.client.on("error", () => {
    throw new Error("in error");
  });
  world.client.on("state", (state) => seen.push(state));
  await soon(world.client.connect(), "connect()");
  assertEquals(seen, ["connecting", "open"]);
  assertEquals(String(world.errors[0]), "Error: listener");
  const off = world.client.on("state", (state) => state === "connecting" && world.client.close());
  world.socket.end(1006);
  await world.pass(1_000);
  assertEquals([world.client.state, world.sockets.length], ["closed", 1]);
  off();
  await soon(world.client.connect(), "connect()");
  assertEquals(world.client.state, "open");
});

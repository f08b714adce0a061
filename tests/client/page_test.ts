/** A page that is hidden, offline, frozen, put away and taken out again. */
import { assert, assertEquals, assertRejects } from "../assert.ts";
import { CallError } from "../../client/mod.ts";
import { FakePage, soon, World } from "./world.ts";

const probes = (world: World) =>
  world.socket.sent.filter(({ method }) => method === "session.whoami").length -
  1;

for (
  const [away, back] of [["pagehide", "pageshow"], [
    "freeze",
    "resume",
  ]] as const
) {
  Deno.test(`${away} closes the socket, ${back} opens a new one`, async () => {
    const page = new FakePage();
    using world = await World.open({ page });
    const call = assertRejects(() => world.client.call("m", {}), CallError);
    page.fire(away);
    const { outcome, code, message } = await soon(call, "the call");
    assertEquals([outcome, code, message], ["unknown", 1000, "suspended"]);
    assertEquals(world.why, { code: 1000, reason: "suspended", final: false });
    assertEquals([world.client.state, world.socket.closed], ["waiting", 1]);
    await world.pass(3_600_000);
    assertEquals(
      [world.sockets.length, world.timers],
      [1, 0],
      "nothing runs while the page is away",
    );
    page.fire(back);
    await world.pass(500);
    assertEquals([world.client.state, world.sockets.length], ["open", 2]);
  });
}

Deno.test("a page that is put away while connecting gives that up, too", async () => {
  const page = new FakePage();
  using world = new World({ page });
  world.accepting = false;
  world.connect();
  await world.pass(0);
  page.fire("pagehide");
  page.fire("freeze");
  assertEquals([world.client.state, world.socket.closed], ["waiting", 1]);
  world.accepting = true;
  page.fire("resume");
  page.fire("pageshow");
  await world.pass(500);
  assertEquals([world.client.state, world.sockets.length], ["open", 2]);
});

Deno.test("a client closed by hand stays closed on each event of the page", async () => {
  const page = new FakePage();
  using world = await World.open({ page });
  await world.client.close();
  for (
    const event of [
      "pagehide",
      "pageshow",
      "freeze",
      "resume",
      "online",
      "visibilitychange",
    ]
  ) page.fire(event);
  await world.pass(600_000);
  assertEquals([world.client.state, world.sockets.length], ["closed", 1]);
});

Deno.test("a hidden page comes back within 30 s to 5 min, or as soon as it is shown", async () => {
  for (const [random, delay] of [[0, 30_000], [0.5, 165_000]] as const) {
    const page = new FakePage();
    using world = await World.open({ page, random });
    page.hide(true);
    world.socket.end(1006);
    assertEquals(world.why?.retryInMs, delay);
    await world.pass(delay - 1);
    assertEquals(world.sockets.length, 1);
    await world.pass(1);
    assertEquals([world.sockets.length, world.client.state], [2, "open"]);
    world.socket.end(1006);
    await world.pass(10);
    page.hide(false);
    await world.pass(500);
    assertEquals([world.sockets.length, world.client.state], [3, "open"]);
  }
});

Deno.test("a hidden page obeys the server's delays as any other, and is not asked whether it lives", async () => {
  const page = new FakePage();
  using world = await World.open({ page });
  page.hide(true);
  await world.pass(600_000);
  assertEquals(probes(world), 0);
  world.socket.notify("session.reconnect", { after_ms: 1_000 });
  await world.pass(1_000);
  assertEquals(world.sockets.length, 2);
});

Deno.test("online ends the client's own delay at once, and probes an open connection", async () => {
  const page = new FakePage();
  using world = await World.open({
    page,
    backoff: { min: 60_000, max: 60_000 },
  });
  page.fire("offline");
  page.fire("online");
  await world.pass(2_000);
  assertEquals([probes(world), world.client.state], [1, "open"]);

  world.answering = false;
  world.deaf = true;
  page.fire("online");
  await world.pass(1_999);
  assertEquals(world.client.state, "open");
  await world.pass(1);
  assertEquals([world.client.state, world.why?.reason, world.why?.retryInMs], [
    "waiting",
    "silent",
    30_000,
  ]);
  world.answering = true;
  world.random = 0.01;
  page.fire("online");
  await world.pass(600);
  assertEquals([world.client.state, world.sockets.length], ["open", 2]);
});

Deno.test("online does not cut short a delay that the server gave", async () => {
  const page = new FakePage();
  using world = new World({ page, via: "ticket" });
  world.ticketAnswers.push({ status: 429, error: "banned", retryAfter: "60" });
  world.connect();
  await world.pass(0);
  for (let n = 0; n < 59; n++) {
    page.fire("online");
    page.fire("pageshow");
    await world.pass(1_000);
  }
  assertEquals(world.ticketRequests.length, 1);
  await world.pass(2_000);
  assertEquals(world.client.state, "open");
});

Deno.test("events without end don't make it hurry without end", async () => {
  const page = new FakePage();
  using world = await World.open({ page, backoff: { min: 1_000 } });
  world.accepting = false;
  world.socket.end(1006);
  for (let n = 0; n < 1_000; n++) {
    page.fire("online");
    await world.pass(1);
  }
  const attempts = world.sockets.length - 1;
  assert(attempts >= 1 && attempts <= 2, `${attempts} attempts within a second`);
});

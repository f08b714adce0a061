/** An office: many people behind one address, and what one of them, or a page that one of them visits, does to the others. */
import { assert, assertEquals, assertGreater } from "../assert.ts";
import { ORIGIN, signToken, startServer, type TestServer } from "../helpers/test_server.ts";
import { connect, nuisance, pause, Person } from "./person.ts";

const PEOPLE = 200;
const HANDLERS = [{ subprotocol: "echo.v1", module: "examples/echo/echo.ts", cells: 1 }];

/** The default limits, but for the cap of an address, which an office has to raise. */
const OFFICE = {
  // A busy test machine takes its time for hundreds of TLS handshakes.
  server: { host: "localhost", port: 0, max_connections_per_ip: 500, handshake_timeout: "1m" },
  limits: { handshake: { rate: 5, burst: 20 }, handshake_user: { rate: 1, burst: 20 }, adaptive: false },
};

function office(config: Record<string, Record<string, unknown> | undefined> = {}): Promise<TestServer> {
  return startServer({ handlers: HANDLERS, config: { ...OFFICE, ...config } });
}

function staff(count: number): Person[] {
  return Array.from({ length: count }, (_, i) => new Person(`person-${i}`, i % 2 === 0 ? "ticket" : "header"));
}

/** No key is banned but perhaps those named. */
function assertNoBan(server: TestServer, ...but: string[]): void {
  const keys = server.log.filter(({ event }) => event === "ban.added").map(({ key }) => String(key));
  assertEquals(keys.filter((key) => !but.includes(key)), []);
}

function assertNoneClosed(server: TestServer, people: readonly Person[]): void {
  const names = new Set(people.map(({ name }) => name));
  const closed = server.log.filter(({ event, user }) => event === "connection.closed" && names.has(String(user)));
  assertEquals(closed, []);
}

const arriveAll = (people: readonly Person[], server: TestServer) =>
  Promise.all(people.map((person) => person.arrive(server)));
const workAll = (people: readonly Person[]) => Promise.all(people.map((person) => person.work()));
const leaveAll = (people: readonly Person[]) => people.forEach((person) => person.leave());

Deno.test("200 people behind one address start their day at once, work, and all come back from lunch at once", async (t) => {
  await using server = await office();
  const people = staff(PEOPLE);
  await t.step("in the morning", async () => {
    await arriveAll(people, server);
    await workAll(people);
    assertNoneClosed(server, people);
  });
  await t.step("the network is gone over lunch", async () => {
    leaveAll(people);
    await arriveAll(people, server);
    await workAll(people);
  });
  assertEquals(people.flatMap(({ refused }) => refused).filter(({ reason }) => reason !== "rate_limited"), []);
  assertNoBan(server);
  leaveAll(people);
});

Deno.test("300 people behind one address survive a rolling restart, told to come back at their address' pace", async () => {
  const limits = { ...OFFICE.limits, handshake: { rate: 20, burst: 10 } };
  const server = { ...OFFICE.server, drain_timeout: "1s" };
  await using next = await office({ limits });
  const people = staff(300);
  const waits: number[] = [];
  {
    await using old = await office({ server, limits });
    await arriveAll(people, old);
    old.signal("SIGTERM");
    waits.push(...await Promise.all(people.map((person) => person.told())));
    assertNoBan(old);
  }
  // (300 - 5) / 20 s, though drain_timeout is 1 s and the least spread 5 s.
  assertGreater(Math.max(...waits), 14_000);
  assert(Math.max(...waits) <= 14_750, `${Math.max(...waits)}`);
  const begun = Date.now();
  // What is waited for is not tested here: the same pace ten times as fast.
  await Promise.all(people.map(async (person, i) => {
    await pause(waits[i]! / 10);
    await person.arrive(next);
  }));
  assertGreater(Date.now() - begun, 1_000);
  await workAll(people);
  assertEquals(people.flatMap(({ refused }) => refused).filter(({ reason }) => reason !== "rate_limited"), []);
  assertNoBan(next);
  leaveAll(people);
});

Deno.test("a foreign page in one browser of the office harms no other client: sockets, images, forms, plain HTTP", async () => {
  await using server = await office();
  const [inside, newcomers] = [staff(20), staff(60).slice(20)];
  await arriveAll(inside, server);
  const evil = "https://evil.example";
  const attacks: ((round: number) => Promise<unknown>)[] = [
    async () => {
      using client = await connect(server);
      return await client.upgrade("/ws", { origin: evil });
    },
    async (round) => {
      using client = await connect(server);
      return await client.request(round % 2 ? "/ws" : `/image-${round}.png`, { referer: evil });
    },
    async () => {
      using client = await connect(server);
      return await client.request("/ticket", { origin: evil }, { method: "POST", body: "" });
    },
    async () => {
      using client = await connect(server);
      return await client.request(`/?${"a".repeat(17_000)}`, { referer: evil });
    },
  ];
  {
    await using page = nuisance(6, (round) => attacks[round % attacks.length]!(round)); // what a browser opens at once
    while (page.rounds < 60) await pause(10);
    await Promise.all([arriveAll(newcomers, server), workAll(inside)]);
    await workAll([...inside, ...newcomers]);
    assertGreater(page.rounds, 60);
  }
  assertNoneClosed(server, [...inside, ...newcomers]);
  assertNoBan(server);
  leaveAll([...inside, ...newcomers]);
});

Deno.test("a colleague's script that floods with its own valid token is the only one that is limited", async () => {
  await using server = await office({ limits: { ...OFFICE.limits, handshake_user: { rate: 2, burst: 5 } } });
  const [inside, newcomers] = [staff(20), staff(60).slice(20)];
  await arriveAll(inside, server);
  const headers = {
    origin: ORIGIN,
    "sec-websocket-protocol": "echo.v1",
    authorization: `Bearer ${signToken("script")}`,
  };
  const met = new Map<number, number>();
  {
    await using script = nuisance(4, async () => {
      using client = await connect(server);
      const { status } = await client.upgrade("/ws", headers);
      met.set(status, (met.get(status) ?? 0) + 1);
    });
    while ((met.get(429) ?? 0) < 60) await pause(10);
    await Promise.all([arriveAll(newcomers, server), workAll(inside)]);
    await workAll([...inside, ...newcomers]);
    assertGreater(script.rounds, 60);
  }
  assertGreater(met.get(101) ?? 0, 0);
  assertNoneClosed(server, [...inside, ...newcomers]);
  assertNoBan(server);
  leaveAll([...inside, ...newcomers]);
});

Deno.test("a colleague's script with forged tokens has the address banned, and all other clients still come in", async () => {
  await using server = await office();
  const [inside, newcomers] = [staff(20), staff(40).slice(20)];
  await arriveAll(inside, server);
  const headers = { origin: ORIGIN, "sec-websocket-protocol": "echo.v1", authorization: "Bearer x.y.z" };
  {
    await using _script = nuisance(3, async () => {
      using client = await connect(server);
      await client.upgrade("/ws", headers);
    });
    await server.logged("ban.added", ({ key }) => String(key).startsWith("ip:"));
    // One after the other: what is heard of a banned address has few places, and the script keeps three.
    for (const person of newcomers) await person.arrive(server);
    await workAll([...inside, ...newcomers]);
  }
  assertNoneClosed(server, [...inside, ...newcomers]);
  assertEquals(newcomers.flatMap(({ refused }) => refused), []);
  leaveAll([...inside, ...newcomers]);
});

Deno.test("a client refused only because others use up the address' limit is neither closed nor banned", async () => {
  await using server = await office({
    limits: { ...OFFICE.limits, ip: { rate: 20, burst: 40 }, max_violations: 5 },
  });
  const [people, scripts] = [staff(10), Array.from({ length: 4 }, (_, i) => new Person(`script-${i}`, "header"))];
  await arriveAll([...people, ...scripts], server);
  const message = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "echo", params: { text: "x" } });
  for (let i = 0; i < 300; i++) for (const { client } of scripts) await client!.text(message).catch(() => {});
  let refusals = 0;
  await Promise.all(people.map(async ({ client }) => {
    for (let answered = 0; answered < 8;) {
      await client!.text(message);
      const { error } = JSON.parse(await client!.nextText());
      if (error === undefined) answered++;
      else {
        assertEquals([error.code, error.data.retry_after_ms > 0], [-32001, true]);
        refusals++;
        await pause(error.data.retry_after_ms);
      }
    }
  }));
  assertGreater(refusals, 100, "more than ten times as many as would have been too many for each");
  assertNoneClosed(server, people);
  assertNoBan(server, ...scripts.map(({ name }) => `user:${name}`));
  leaveAll([...people, ...scripts]);
});

Deno.test("a page reloaded again and again does not keep the places of sessions that never began", async () => {
  const server = { ...OFFICE.server, handshake_timeout: "60s", max_connections_per_user: 3 };
  await using office_ = await office({
    server,
    limits: { ...OFFICE.limits, handshake_user: { rate: 1000, burst: 1000 } },
  });
  const headers = { Origin: ORIGIN, "Sec-WebSocket-Protocol": "echo.v1", Authorization: `Bearer ${signToken("ann")}` };
  const head = ["GET /ws HTTP/1.1", "Host: localhost", "Upgrade: websocket", "Connection: Upgrade"].concat(
    ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13"],
    Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ).join("\r\n") + "\r\n\r\n";
  for (let wave = 0; wave < 10; wave++) {
    await Promise.all(Array.from({ length: 6 }, async () => {
      const client = await connect(office_);
      await client.send(head);
      await client.connection.closeWrite().catch(() => {});
      client.close();
    }));
  }
  const ann = new Person("ann", "header");
  await ann.arrive(office_); // would take a minute
  await ann.work();
  ann.leave();
});

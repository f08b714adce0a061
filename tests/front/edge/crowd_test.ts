/** A crowd of new connections while a session sends. */
import { assert, assertEquals, assertLessOrEqual } from "../../assert.ts";
import { RawClient } from "../../helpers/raw_client.ts";
import { concat, frame } from "../../helpers/client_frames.ts";
import { startTestFront, type TestFront } from "../../helpers/front.ts";
import { until } from "../../helpers/until.ts";

/** Has one client talk, a message after the other, until `action` is over. */
async function whileTalking<T>(fixture: TestFront, action: () => Promise<T>): Promise<T> {
  using client = await fixture.open();
  let over = false;
  const talking = (async () => {
    for (let number = 0; !over; number++) {
      await client.text(`${number}`);
      assertEquals(await client.nextText(), `${number}`);
    }
  })();
  try {
    return await action();
  } finally {
    over = true;
    await talking;
  }
}

Deno.test("edge lets a crowd in while a client inside is talking, whose answers keep coming", async () => {
  await using fixture = await startTestFront({ server: { handshake_timeout: 30_000 } });
  await whileTalking(fixture, async () => {
    const crowd = await Promise.all(Array.from({ length: 40 }, () => fixture.open()));
    for (const client of crowd) client.close();
  });
  assertEquals(fixture.refusals, []);
});

/** More than half of the connections that can begin in half of 600 ms: then an address that has four waiting is turned away. */
const CROWD = 150;

Deno.test("edge closes a connection at once that would wait too long for TLS, and counts no offence", async () => {
  await using fixture = await startTestFront({ server: { handshake_timeout: 600 } });
  await whileTalking(fixture, async () => {
    const crowd = await Promise.all(
      Array.from({ length: CROWD }, () => RawClient.connect({ port: fixture.port })),
    );
    await Promise.all(crowd.map((client) => client.closed()));
    for (const client of crowd) client.close();
  });
  const count = (reason: string) => fixture.telemetry.handshakes.get("rejected", reason);
  await until(() => count("overloaded") + count("timeout") + count("tls_failed") >= CROWD, "the end of all");
  assert(count("overloaded") > 0, "a connection was turned away");
  // Only those whose TLS had begun said too little.
  assertEquals(fixture.failed.length <= CROWD - count("overloaded"), true);
  assert(fixture.lines.some((line) => line.includes("overloaded")));
});

/** How many of the times lie within so many milliseconds, at most. */
function busiest(times: readonly number[], windowMs: number): number {
  return Math.max(...times.map((from) => times.filter((at) => at >= from && at < from + windowMs).length));
}

/** Fewer than may wait for being turned away, so that all of them do. */
const TURNED_AWAY = 100;

Deno.test("edge turns a flood away no faster than it can bear: one after another, while others are heard", async () => {
  await using fixture = await startTestFront({ perIp: 1 });
  const times: number[] = [];
  const counting = fixture.telemetry.handshake.bind(fixture.telemetry);
  fixture.telemetry.handshake = (result, reason) => {
    if (reason === "too_many_connections") times.push(performance.now());
    counting(result, reason);
  };
  await whileTalking(fixture, async () => {
    const flood = await Promise.all(
      Array.from({ length: TURNED_AWAY }, () => RawClient.connect({ port: fixture.port })),
    );
    await Promise.all(flood.map((client) => client.closed()));
    for (const client of flood) client.close();
  });
  assertEquals(times.length, TURNED_AWAY);
  // A slow machine makes it slower, never faster: each waits for the one before and a millisecond.
  assertLessOrEqual(busiest(times, 5), 10, "turned away within five milliseconds");
});

Deno.test("edge begins TLS for suspects at a slow pace while a client talks, and lets all of them in", async () => {
  await using fixture = await startTestFront({ server: { handshake_timeout: 30_000 }, suspects: ["127.0.0.1"] });
  await whileTalking(fixture, async () => {
    const begun = performance.now();
    const crowd = await Promise.all(Array.from({ length: 30 }, () => fixture.open()));
    const took = performance.now() - begun;
    assert(took > 28 * 20, `one every 20 ms, but all 30 within ${took} ms`);
    for (const client of crowd) client.close();
  });
  assertEquals(fixture.refusals, []);
  assertEquals(fixture.admitted.length, 31);
});

Deno.test("edge closes connections at once that it has no room for, and counts each of them", async () => {
  await using fixture = await startTestFront({ perIp: 1 });
  await whileTalking(fixture, async () => {
    // More than may wait for it.
    const flood = await Promise.all(Array.from({ length: 400 }, () => RawClient.connect({ port: fixture.port })));
    await Promise.all(flood.map((client) => client.closed()));
    for (const client of flood) client.close();
  });
  assertEquals(fixture.telemetry.handshakes.get("rejected", "too_many_connections"), 400);
});

Deno.test("edge: close() cuts connections that still wait for their refusal", async () => {
  const fixture = await startTestFront({ perIp: 1 });
  const flood = await whileTalking(fixture, async () => {
    const flood = await Promise.all(Array.from({ length: 200 }, () => RawClient.connect({ port: fixture.port })));
    await until(() => fixture.entered.length === 201, "the whole flood");
    return flood;
  });
  await fixture[Symbol.asyncDispose]();
  await Promise.all(flood.map((client) => client.closed()));
  for (const client of flood) client.close();
});

Deno.test("edge: a session may stop reading at a ping, and goes on behind it", async () => {
  const pings: number[] = [];
  await using fixture = await startTestFront({
    sink: ({ socket }) => ({
      control(_kind, bytes) {
        pings.push(bytes);
        socket.pause();
        setImmediate(() => socket.resume());
      },
    }),
  });
  using client = await fixture.open();
  await client.send(
    concat(...Array.from({ length: 50 }, (_, size) => frame({ opcode: 9, payload: "p".repeat(size) }))),
  );
  for (let size = 0; size < 50; size++) assertEquals((await client.nextFrame()).payload.length, size);
  assertEquals(pings, Array.from({ length: 50 }, (_, size) => size));
});

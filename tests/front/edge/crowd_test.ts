/** A crowd at the door while somebody inside is talking. */
import { assert, assertEquals } from "../../assert.ts";
import { RawClient } from "../../raw_client.ts";
import { type Fixture, startFixture, until } from "../fixture.ts";

/** Has one client talk, a message after the other, until `action` is over. */
async function whileTalking<T>(fixture: Fixture, action: () => Promise<T>): Promise<T> {
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

Deno.test("edge lets a crowd in while somebody inside is talking, whose answers keep coming", async () => {
  await using fixture = await startFixture({ server: { handshake_timeout: 30_000 } });
  await whileTalking(fixture, async () => {
    const crowd = await Promise.all(Array.from({ length: 40 }, () => fixture.open()));
    for (const client of crowd) client.close();
  });
  assertEquals(fixture.refusals, []);
});

/** More than half of those who can begin in half of 600 ms: then an address that has four waiting is turned away. */
const CROWD = 150;

Deno.test("edge closes at once whoever would wait too long for TLS, and holds it against nobody", async () => {
  await using fixture = await startFixture({ server: { handshake_timeout: 600 } });
  await whileTalking(fixture, async () => {
    const crowd = await Promise.all(
      Array.from({ length: CROWD }, () => RawClient.connect({ port: fixture.port })),
    );
    await Promise.all(crowd.map((client) => client.closed()));
    for (const client of crowd) client.close();
  });
  const count = (reason: string) => fixture.telemetry.handshakes.get("rejected", reason);
  await until(() => count("overloaded") + count("timeout") + count("tls_failed") >= CROWD, "the end of all");
  assert(count("overloaded") > 0, "somebody was turned away");
  // Only those whose TLS had begun said too little.
  assertEquals(fixture.failed.length <= CROWD - count("overloaded"), true);
  assert(fixture.lines.some((line) => line.includes("overloaded")));
});

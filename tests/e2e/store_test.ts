/** Bans, revocations and used tickets survive SIGKILL at any moment, and a lost file. */
import { join as joinPath } from "node:path";
import { assert, assertEquals } from "../assert.ts";
import { ORIGIN, type ServerOptions, type TestServer } from "../helpers/test_server.ts";
import { goodHeaders } from "../helpers/client.ts";
import {
  assertClosed,
  connectAnyhow,
  crowd,
  operate,
  reasonOf,
  ROOMS,
  startRooms,
  tryHandshake,
} from "./modules/identity_kit.ts";
import { until } from "../helpers/until.ts";

const ROUNDS = 4;
const TICKETS = 40;
/** Fewer than the operators' server takes at a time. */
const OPERATORS = 8;

const OPTIONS: ServerOptions = {
  config: {
    server: { host: "127.0.0.1" },
    tls: undefined,
    store: { kind: "sqlite", path: "state.db" },
    limits: {
      handshake: { rate: 10_000, burst: 10_000 },
      ticket: { rate: 1_000, burst: 1_000 },
      connection: { rate: 0.01, burst: 3, bytes_rate: "1KiB", bytes_burst: "64KiB" },
      max_violations: 4,
      ban: "1h",
      adaptive: false,
    },
  },
};

/** Runs the body with a folder that servers can share one after the other. */
async function inFolder(body: (dir: string) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "sallyport-" });
  try {
    await body(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

async function kill(server: TestServer): Promise<void> {
  server.signal("SIGKILL");
  await server.exited();
}

const arrive = async (server: TestServer, token: string) =>
  reasonOf(await tryHandshake(server, goodHeaders(server, { subprotocol: ROOMS.subprotocol, token })));

async function buy(server: TestServer, user: string): Promise<string> {
  using client = await connectAnyhow(server);
  const headers = { origin: ORIGIN, authorization: `Bearer ${server.token(user)}` };
  const response = await client.request("/ticket", headers, { method: "POST", body: "" });
  assertEquals(response.status, 200, response.body);
  return JSON.parse(response.body).ticket;
}

const redeem = (server: TestServer, ticket: string) =>
  tryHandshake(server, { origin: ORIGIN, "sec-websocket-protocol": ROOMS.subprotocol }, `/ws?ticket=${ticket}`);

/** A token that was issued before all of this began. */
const old = (server: TestServer, user: string) =>
  server.token(user, { claims: { iat: Math.floor(Date.now() / 1000) - 120 } });

async function banUser(server: TestServer, user: string): Promise<void> {
  const [client] = await crowd(server, 1, () => server.token(user));
  for (let id = 0; id < 7; id++) {
    await client!.text(JSON.stringify({ jsonrpc: "2.0", id, method: "room.echo", params: { text: "x" } }));
  }
  await assertClosed([client!], 1008, "rate_limited");
  client!.close();
}

Deno.test("a killed server comes back with its bans, revocations and used tickets", async (t) => {
  await inFolder(async (dir) => {
    const past = Math.floor(Date.now() / 1000) - 500;
    const auth = {
      algorithms: ["ES256"],
      public_key_file: "es256.pub.pem",
      issuer: "https://id.example.com",
      audience: "sallyport",
      clock_skew: "0s",
    };
    const options = { ...OPTIONS, dir, config: { ...OPTIONS.config, auth } };
    let used = "", unused = "", until: unknown;
    const oldToken = (server: TestServer) => server.token("elder", { claims: { iat: past } });
    {
      await using server = await startRooms(options);
      [used, unused] = [await buy(server, "ann"), await buy(server, "ann")];
      assertEquals((await redeem(server, used))?.status, 101);
      await banUser(server, "flooder");
      until = (await operate(server, "GET", "/bans")).body.bans;
      for (const what of [{ jti: "stolen" }, { sub: "mallory" }, { before: past + 1 }]) {
        assertEquals((await operate(server, "POST", "/revocations", what)).status, 200);
      }
      const soon = Date.now() / 1000 + 0.2;
      assertEquals((await operate(server, "POST", "/revocations", { sub: "brief", expires_at: soon })).status, 200);
      await kill(server);
    }
    await using server = await startRooms(options);
    await t.step("the ban, with its end", async () => {
      assertEquals((await operate(server, "GET", "/bans")).body.bans, until);
      assertEquals(await arrive(server, server.token("flooder")), "banned");
    });
    await t.step("the used ticket is used, the other is good", async () => {
      assertEquals(reasonOf(await redeem(server, used)), "ticket_invalid");
      assertEquals(reasonOf(await redeem(server, unused)), "(let in)");
      assertEquals(reasonOf(await redeem(server, unused)), "ticket_invalid");
    });
    await t.step("every kind of revocation, and none that is over", async () => {
      assertEquals(await arrive(server, server.token("ann", { claims: { jti: "stolen" } })), "token_revoked");
      assertEquals(await arrive(server, old(server, "mallory")), "token_revoked");
      assertEquals(await arrive(server, oldToken(server)), "token_revoked");
      assertEquals(await arrive(server, server.token("ann")), "(let in)");
      assertEquals(await arrive(server, server.token("brief")), "(let in)");
    });
    await t.step("a lifted ban stays lifted", async () => {
      assertEquals((await operate(server, "DELETE", "/bans")).body, { lifted: 1 });
      await kill(server);
      await using next = await startRooms(options);
      assertEquals(await arrive(next, next.token("flooder")), "(let in)");
      assertEquals(await arrive(next, old(next, "mallory")), "token_revoked");
    });
    const { mode } = await Deno.stat(joinPath(dir, "state.db"));
    assertEquals((mode ?? 0) & 0o777, 0o600);
  });
});

Deno.test("an address' ban survives SIGKILL", async () => {
  await inFolder(async (dir) => {
    const limits = { ...OPTIONS.config?.limits, handshake: { rate: 0.01, burst: 20 }, max_violations: 3, ban: "1h" };
    // With TLS: loopback without it is never banned.
    const { tls: _, ...sections } = OPTIONS.config ?? {};
    const options = { dir, config: { ...sections, limits } };
    {
      await using server = await startRooms(options);
      await until(async () => await arrive(server, "x.y.z") === "banned", "the address is shut out");
      await kill(server);
    }
    await using server = await startRooms(options);
    assertEquals(await arrive(server, "x.y.z"), "banned");
    assertEquals((await operate(server, "DELETE", "/bans")).body, { lifted: 1 });
    assertEquals(await arrive(server, "x.y.z"), "token_invalid");
  });
});

Deno.test(`${ROUNDS} times SIGKILL at a random moment: what was answered is remembered`, async () => {
  await inFolder(async (dir) => {
    const redeemed: string[] = [];
    const revoked: string[] = [];
    const check = async (server: TestServer) => {
      for (const ticket of redeemed.splice(0)) assertEquals(reasonOf(await redeem(server, ticket)), "ticket_invalid");
      for (const jti of revoked) {
        assertEquals(await arrive(server, server.token("ann", { claims: { jti } })), "token_revoked");
      }
    };
    for (let round = 0; round < ROUNDS; round++) {
      await using server = await startRooms({ ...OPTIONS, dir });
      await check(server);
      const tickets = await Promise.all(Array.from({ length: TICKETS }, (_, i) => buy(server, `user-${i}`)));
      let done = 0;
      // The moment is a number of answers, not of milliseconds, so that it lies within the traffic on any machine.
      const last = 1 + Math.floor(Math.random() * (2 * TICKETS - 10));
      const answered = () => {
        if (++done === last) server.signal("SIGKILL");
      };
      const operators: Promise<unknown>[] = Array.from({ length: OPERATORS }, () => Promise.resolve());
      const revoke = (jti: string, i: number): Promise<boolean> => {
        const turn = operators[i % OPERATORS]!.then(() => operate(server, "POST", "/revocations", { jti }))
          .then(({ status }) => status === 200, () => false);
        operators[i % OPERATORS] = turn;
        return turn;
      };
      await Promise.all(tickets.map(async (ticket, i) => {
        const jti = `round-${round}-${i}`;
        const inTime = await Promise.all([
          redeem(server, ticket).then((answer) => answer?.status === 101, () => false),
          revoke(jti, i),
        ].map((answer) =>
          answer.then((good) => {
            if (good) answered();
            return good;
          })
        ));
        if (inTime[0]) redeemed.push(ticket);
        if (inTime[1]) revoked.push(jti);
      }));
      if (done < last) server.signal("SIGKILL");
      await server.exited();
      assert(done >= last, `killed after ${done} answers instead of ${last}`);
    }
    await using server = await startRooms({ ...OPTIONS, dir });
    await check(server);
  });
});

Deno.test("a file that goes away is said, and defended against from memory", async () => {
  await inFolder(async (dir) => {
    await using server = await startRooms({ ...OPTIONS, dir });
    await operate(server, "POST", "/revocations", { sub: "mallory" });
    const used = await buy(server, "ann");
    assertEquals((await redeem(server, used))?.status, 101);
    for (const name of ["state.db", "state.db-wal", "state.db-shm"]) await Deno.remove(joinPath(dir, name));
    await server.logged("store.failed");
    const ready = async () => {
      const response = await fetch(`${server.opsUrl}/readyz`);
      const { conditions } = await response.json();
      return [response.status, conditions.store];
    };
    assertEquals(await ready(), [503, false]);
    assertEquals(await arrive(server, old(server, "mallory")), "token_revoked");
    assertEquals(reasonOf(await redeem(server, used)), "ticket_invalid");
    await operate(server, "POST", "/revocations", { sub: "trudy" });
    await server.logged("store.recovered");
    assertEquals(await ready(), [200, true]);
    await kill(server);
    await using next = await startRooms({ ...OPTIONS, dir });
    for (const user of ["mallory", "trudy"]) assertEquals(await arrive(next, old(next, user)), "token_revoked");
  });
});

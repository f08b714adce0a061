/** Users, their sessions and the ends of these, through the real process. */
import { delay } from "@std/async/delay";
import { join as joinPath } from "node:path";
import { assert, assertEquals } from "../assert.ts";
import { ORIGIN, type TestServer } from "../helpers/test_server.ts";
import type { RawClient } from "../helpers/raw_client.ts";
import { call, connectTo, type Engine, ENGINES, goodHeaders, join } from "../helpers/client.ts";
import {
  ADMIN_TOKEN,
  assertAlive,
  assertClosed,
  closeAll,
  crowd,
  CROWDED,
  operate,
  reasonOf,
  ROOMS,
  startRooms,
  tryHandshake,
} from "./modules/identity_kit.ts";
import { until } from "../helpers/until.ts";

const CROWD = 500;
/** A deadline of a second, on a busy machine. */
const PROMPT_MS = 10_000;
const ALL_SOURCES = ["header", "subprotocol", "cookie", "ticket", "query"];
const BARE = { origin: ORIGIN, "sec-websocket-protocol": ROOMS.subprotocol };

const auth = (more: Record<string, unknown>) => ({
  algorithms: ["ES256"],
  public_key_file: "es256.pub.pem",
  issuer: "https://id.example.com",
  audience: "sallyport",
  ...more,
});

async function ticketFor(server: TestServer, token: string): Promise<string> {
  using client = await connectTo(server);
  const response = await client.request("/ticket", { origin: ORIGIN, authorization: `Bearer ${token}` }, {
    method: "POST",
    body: "",
  });
  assertEquals(response.status, 200, response.body);
  return JSON.parse(response.body).ticket;
}

type Carried = { headers?: Record<string, string>; path?: string };

/** A handshake with a token in one source or another. */
const CARRY: Record<string, (token: string) => Carried> = {
  header: (token) => ({ headers: { authorization: `Bearer ${token}` } }),
  subprotocol: (token) => ({ headers: { "sec-websocket-protocol": `${ROOMS.subprotocol}, bearer.${token}` } }),
  cookie: (token) => ({ headers: { cookie: `a=b; __Host-session=${token}; c=d` } }),
  query: (token) => ({ path: `/ws?access_token=${token}` }),
  ticket: (ticket) => ({ path: `/ws?ticket=${ticket}` }),
};

const attempt = (server: TestServer, ...carried: Carried[]) =>
  tryHandshake(
    server,
    Object.assign({ ...BARE }, ...carried.map(({ headers }) => headers)),
    carried.map(({ path }) => path).filter((path) => path !== undefined)
      .reduce((all, path) => `${all}&${path.split("?")[1]}`, "/ws?").replace("?&", "?"),
  );

async function whoComesIn(server: TestServer, { headers = {}, path = "/ws" }: Carried): Promise<string> {
  using client = await connectTo(server);
  assertEquals((await client.upgrade(path, { ...BARE, ...headers })).status, 101);
  return ((await call(client, "session.whoami")).result as { user: string }).user;
}

for (const engine of ENGINES) {
  Deno.test(`${engine}: a token is taken from every configured source, and from no other`, async (t) => {
    await using server = await startRooms({ engine, config: { auth: auth({ sources: ALL_SOURCES }) } });
    const kinds = ["header", "subprotocol", "cookie", "query"];

    for (const kind of kinds) {
      await t.step(kind, async () => {
        assertEquals(await whoComesIn(server, CARRY[kind]!(server.token(`by-${kind}`))), `by-${kind}`);
        assertEquals(reasonOf(await attempt(server, CARRY[kind]!("x.y.z"))), "token_invalid");
      });
    }
    await t.step("ticket", async () => {
      const ticket = await ticketFor(server, server.token("by-ticket"));
      assertEquals(await whoComesIn(server, CARRY.ticket!(ticket)), "by-ticket");
    });
    await t.step("two that agree are one, two that don't are a bad request", async () => {
      const [token, other] = [server.token("ann"), server.token("bob")];
      for (const [i, first] of kinds.entries()) {
        for (const second of kinds.slice(i + 1)) {
          const names = `${first} and ${second}`;
          assertEquals(reasonOf(await attempt(server, CARRY[first]!(token), CARRY[second]!(token))), "(let in)", names);
          const refused = await attempt(server, CARRY[first]!(token), CARRY[second]!(other));
          assertEquals([refused?.status, reasonOf(refused)], [400, "bad_request"], names);
        }
        const ticket = await ticketFor(server, token);
        assertEquals(reasonOf(await attempt(server, CARRY[first]!(token), CARRY.ticket!(ticket))), "bad_request");
      }
    });
    await t.step("one source with two values is a bad request as well", async () => {
      const [token, other] = [server.token("ann"), server.token("bob")];
      const cookies = { headers: { cookie: `__Host-session=${token}; __Host-session=${other}` } };
      const bearers = { headers: { "sec-websocket-protocol": `rooms.v1, bearer.${token}, bearer.${other}` } };
      const queries = { path: `/ws?access_token=${token}&access_token=${other}` };
      for (const carried of [cookies, bearers, queries]) {
        assertEquals(reasonOf(await attempt(server, carried)), "bad_request");
      }
    });
    await t.step("a cookie counts by its exact name", async () => {
      const token = server.token("ann");
      for (const name of ["__host-session", "session", "__Host-session2", "x__Host-session", "__Host-sessio\u00a0n"]) {
        const cookie = `${encodeURI(name)}=${token}`;
        assertEquals(reasonOf(await attempt(server, { headers: { cookie } })), "token_missing", name);
      }
    });
  });

  Deno.test(`${engine}: sources that are not configured are not looked at`, async () => {
    await using server = await startRooms({ engine, config: { auth: auth({ sources: ["header"] }) } });
    const token = server.token("ann");
    for (const kind of ["subprotocol", "cookie", "query"]) {
      assertEquals(reasonOf(await attempt(server, CARRY[kind]!(token))), "token_missing", kind);
      const planted = await attempt(server, CARRY.header!(token), CARRY[kind]!(server.token("mallory")));
      assertEquals(reasonOf(planted), "(let in)", kind);
    }
    const ticket = await ticketFor(server, token);
    assertEquals(reasonOf(await attempt(server, CARRY.ticket!(ticket))), "token_missing");
  });

  Deno.test(`${engine}: no secret reaches a log, a metric or an answer`, async () => {
    await leaveNoTrace(engine);
  });
}

/** Uses every kind of secret, rightly and wrongly, then looks for all of them in all that the server has said. */
async function leaveNoTrace(engine: Engine): Promise<void> {
  await using server = await startRooms({
    engine,
    config: { auth: auth({ sources: ALL_SOURCES, revoked_file: "revoked.txt" }) },
    files: { "revoked.txt": "jti:none\n" },
  });
  const secrets: string[] = [ADMIN_TOKEN];
  const said: string[] = [];
  const token = (user: string, options = {}) => {
    const made = server.token(user, options);
    // The first part is the same for all; nothing of the others may be seen, not even for a wrong signature.
    secrets.push(...made.split(".").slice(1));
    return made;
  };
  const secret = (name: string) => {
    const made = `${name}-${crypto.randomUUID()}`;
    secrets.push(made);
    return made;
  };
  const lines = (event: string) => server.log.filter((line) => line.event === event).length;
  /** Until its line is printed: more than ten of one event within a second are only counted. */
  const untilLogged = async (event: string, act: () => Promise<unknown>) => {
    await until(async () => {
      const before = lines(event);
      await act();
      const deadline = Date.now() + 300;
      while (lines(event) === before && Date.now() < deadline) await new Promise((wake) => setTimeout(wake, 5));
      return lines(event) > before;
    }, `a line of ${event}`);
  };
  const refused = (headers: Record<string, string>, path = "/ws") =>
    untilLogged("handshake.rejected", async () => {
      const response = await tryHandshake(server, { ...BARE, ...headers }, path);
      assert(response === null || response.status !== 101, path);
      said.push(JSON.stringify([...response?.headers ?? []]), response?.body ?? "");
    });

  for (const kind of ["header", "subprotocol", "cookie", "query"]) {
    const carry = CARRY[kind]!;
    using client = await connectTo(server);
    const { headers = {}, path = "/ws" } = carry(token(`good-${kind}`));
    const response = await client.upgrade(path, { ...BARE, ...headers });
    assertEquals(response.status, 101);
    said.push(JSON.stringify([...response.headers]));
    for (
      const bad of [
        token("old", { ttl: -300 }),
        token("stranger", { claims: { aud: "other" } }),
        `${token("forged").slice(0, -4)}AAAA`,
        secret("no-token"),
      ]
    ) {
      const { headers = {}, path } = carry(bad);
      await refused(headers, path);
    }
    const wrong = carry(token("elsewhere"));
    await refused({ ...wrong.headers, origin: "https://evil.example" }, wrong.path);
    await refused({ ...wrong.headers, "sec-websocket-version": "8" }, wrong.path);
  }
  await refused({ authorization: `Bearer ${token("ann")}`, cookie: `__Host-session=${token("bob")}` });
  await refused({ authorization: `Basic ${secret("basic")}`, cookie: `session=${secret("other-cookie")}` });
  await refused({ "sec-websocket-protocol": `rooms.v1, bearer.${token("ann")}, bearer.` + "x".repeat(9000) });

  const ticket = await ticketFor(server, token("buyer"));
  const burnt = await ticketFor(server, token("buyer"));
  secrets.push(ticket, burnt);
  assertEquals(await whoComesIn(server, CARRY.ticket!(ticket)), "buyer");
  await refused({}, `/ws?ticket=${ticket}`);
  await refused({ origin: "https://evil.example" }, `/ws?ticket=${burnt}`);
  await refused({}, `/ws?ticket=${secret("no-ticket")}`);
  for (const bad of [secret("no-token"), token("old", { ttl: -300 })]) {
    await untilLogged("handshake.rejected", async () => {
      using client = await connectTo(server);
      const response = await client.request("/ticket", { origin: ORIGIN, authorization: `Bearer ${bad}` }, {
        method: "POST",
        body: secret("ticket-body"),
      });
      said.push(response.body);
    });
  }
  for (const [method, path] of [["GET", "/elsewhere"], ["POST", "/ws"], ["GET", "/healthz"], ["TRACE", "/ws"]]) {
    using client = await connectTo(server);
    const response = await client.request(`${path}?ticket=${ticket}&access_token=${token("ann")}`, {
      cookie: `__Host-session=${token("ann")}`,
    }, { method: method! }).catch(() => null);
    said.push(response?.body ?? "");
  }
  {
    using client = await connectTo(server);
    await client.send(`GET /ws?ticket=${ticket} HTTP/1.1\nHost: localhost\nAuthorization: Bearer ${token("ann")}\n\n`);
    await client.response().then(({ body }) => said.push(body), () => {});
  }
  {
    using client = await join(server, { subprotocol: ROOMS.subprotocol, token: token("talker") });
    const send = async (text: string) => {
      await untilLogged("message.rejected", async () => {
        await client.text(text);
        said.push(await client.nextText());
      });
    };
    const request = (method: string, params: unknown) => JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
    await send(request("room.echo", { text: { [secret("key")]: secret("value") } }));
    await send(request("session.refresh", { token: token("somebody-else") }));
    await send(request("session.refresh", { token: [secret("refresh")] }));
    await send(request(secret("method"), {}));
    await send(`{"jsonrpc":"2.0","${secret("broken")}`);
    await call(client, "session.refresh", { token: token("talker", { ttl: 900 }) });
    await call(client, "room.enter", { room: "trace" });
    await call(client, "room.echo", { text: "still in" });
    await operate(server, "POST", "/publish", {
      topic: "room:trace",
      method: "news",
      params: { text: secret("news") },
    });
    assert((await client.nextText()).includes("news"));
    await untilLogged("message.rejected", () => client.text("x" + secret("large").repeat(4000)));
  }
  for (const [bearer, body] of [[secret("no-admin"), "{}"], [ADMIN_TOKEN, secret("no-json")], [ADMIN_TOKEN, "{}"]]) {
    await untilLogged("admin.rejected", async () => {
      const response = await fetch(`${server.opsUrl}/revocations`, {
        method: "POST",
        headers: { authorization: `Bearer ${bearer}`, "content-type": "application/json" },
        body: body!,
      });
      said.push(await response.text());
    });
  }
  await untilLogged(
    "revocations.rejected",
    () => Deno.writeTextFile(joinPath(server.dir, "revoked.txt"), `token:${secret("revoked")}-${Math.random()}\n`),
  );
  await untilLogged("config.rejected", async () => {
    await Deno.writeTextFile(joinPath(server.dir, "es256.pub.pem"), secret("key"));
    server.signal("SIGHUP");
  });

  said.push(
    await (await fetch(`${server.opsUrl}/metrics`)).text(),
    JSON.stringify(await operate(server, "GET", "/connections")),
  );
  server.signal("SIGTERM");
  assertEquals((await server.exited()).code, 0);
  const everything = [...server.log.map((line) => JSON.stringify(line)), ...server.noise, ...said].join("\n");
  for (const value of secrets) {
    const at = everything.indexOf(value);
    assert(at < 0, `"${value}" in: …${everything.slice(Math.max(0, at - 300), at + 300)}`);
  }
}

Deno.test("session.refresh keeps to its rules", async (t) => {
  await using server = await startRooms({ config: { auth: auth({ required_role: "user" }) } });
  using client = await join(server, { subprotocol: ROOMS.subprotocol });
  const refresh = async (token: string) => (await call(client, "session.refresh", { token })).error?.code ?? 0;
  const me = async () => (await call(client, "room.me", {})).result;

  await t.step("roles change at once, upwards and downwards, in the handler too", async () => {
    for (const roles of [["user", "admin"], ["user"]]) {
      assertEquals(await refresh(server.token("ann", { roles })), 0);
      assertEquals(await me(), { id: "ann", roles });
      assertEquals((await call(client, "room.close", {})).error?.code, roles.includes("admin") ? undefined : -32003);
    }
  });
  await t.step("another user's token changes nothing", async () => {
    assertEquals(await refresh(server.token("bob", { roles: ["user", "admin"] })), -32003);
    assertEquals(await me(), { id: "ann", roles: ["user"] });
  });
  await t.step("a revoked token changes nothing, and the session lives on with its own", async () => {
    await operate(server, "POST", "/revocations", { jti: "lost" });
    assertEquals(await refresh(server.token("ann", { roles: ["user", "admin"], claims: { jti: "lost" } })), -32003);
    assertEquals(await me(), { id: "ann", roles: ["user"] });
  });
  await t.step("a token that would not be let in is not taken either: auth.required_role", async () => {
    assertEquals(await refresh(server.token("ann", { roles: ["guest"] })), -32003);
    assertEquals(await me(), { id: "ann", roles: ["user"] });
  });
  await t.step("a token that the session has replaced is revoked without ending it", async () => {
    assertEquals(await refresh(server.token("ann", { claims: { jti: "first" } })), 0);
    assertEquals(await refresh(server.token("ann", { claims: { jti: "second" } })), 0);
    assertEquals((await operate(server, "POST", "/revocations", { jti: "first" })).body, { closed: 0 });
    await assertAlive([client]);
    assertEquals((await operate(server, "POST", "/revocations", { jti: "second" })).body, { closed: 1 });
    await assertClosed([client], 4401, "token_revoked");
  });
});

Deno.test(`${CROWD} sessions end with their tokens, all of the same second, but those that refreshed`, async () => {
  await using server = await startRooms({ config: CROWDED });
  // The first half comes in with tokens of another end; how long that takes says how long the second half may.
  const half = CROWD / 2;
  const started = Date.now();
  const clients = await crowd(server, half, (i) => server.token(`user-${i}`));
  const exp = Math.ceil((Date.now() + 3_000 + 6 * (Date.now() - started)) / 1000);
  const ending = (i: number) => server.token(`user-${i}`, { claims: { exp } });
  const refresh = async (i: number, token: string) =>
    assertEquals((await call(clients[i]!, "session.refresh", { token })).error, undefined);
  const everyOne = (part: (i: number) => boolean) => [...clients.keys()].filter(part);
  await Promise.all(everyOne(() => true).map((i) => refresh(i, ending(i))));
  clients.push(...await crowd(server, half, (i) => ending(half + i)));
  await Promise.all(everyOne((i) => i % 10 === 0).map((i) => refresh(i, server.token(`user-${i}`))));
  const refreshed = clients.filter((_, i) => i % 10 === 0);
  const expiring = clients.filter((_, i) => i % 10 !== 0);
  assert(Date.now() < exp * 1000, "the tokens were made to outlast the connecting");
  await assertClosed(expiring, 4401, "token_expired");
  await server.logged("connection.closed", (line) => line.reason === "token_expired");
  const at = server.log
    .filter((line) => line.event === "connection.closed" && line.reason === "token_expired")
    .map((line) => Date.parse(line.time) - exp * 1000);
  assert(at.length > 0 && at.every((ms) => ms >= 0), `none before exp: ${at}`);
  assert(at[0]! < PROMPT_MS, `the first ${at[0]} ms after exp`);
  await assertAlive(refreshed);
  assertEquals(((await operate(server, "GET", "/connections")).body.connections as unknown[]).length, refreshed.length);
  closeAll(clients);
});

Deno.test(`revocation among ${CROWD} live sessions`, async (t) => {
  const past = Math.floor(Date.now() / 1000) - 1_000;
  await using server = await startRooms({
    config: { ...CROWDED, auth: auth({ revoked_file: "revoked.txt" }) },
    files: { "revoked.txt": "# none yet\n" },
  });
  // Five sessions a user, each with a token of its own; those of every second user were issued long ago.
  const userOf = (i: number) => `user-${Math.floor(i / 5)}`;
  const isOld = (i: number) => Math.floor(i / 5) % 2 === 1;
  const tokenOf = (i: number) =>
    server.token(userOf(i), { claims: { jti: `token-${i}`, ...(isOld(i) ? { iat: past } : {}) } });
  const clients = await crowd(server, CROWD, tokenOf);
  const live = new Map<number, RawClient>(clients.entries());
  const takeOut = (which: (i: number) => boolean): RawClient[] => {
    const taken = [...live].filter(([i]) => which(i));
    for (const [i] of taken) live.delete(i);
    return taken.map(([, client]) => client);
  };
  const arrives = async (token: string) =>
    reasonOf(await tryHandshake(server, goodHeaders(server, { subprotocol: ROOMS.subprotocol, token })));
  /** Between the revocation and the end of the first connection by it, to the server's own log. */
  const assertPrompt = async (name: string, value: unknown) => {
    const revoked = await server.logged("token.revoked", (line) => line[name] === value);
    const from = server.log.indexOf(revoked);
    const closed = await server.logged(
      "connection.closed",
      (line) => line.reason === "token_revoked" && server.log.indexOf(line) > from,
    );
    const ms = Date.parse(closed.time) - Date.parse(revoked.time);
    assert(ms < PROMPT_MS, `${ms} ms`);
  };
  const revoke = (what: Record<string, unknown>) => operate(server, "POST", "/revocations", what);

  await t.step("by jti, from the ops interface", async () => {
    assertEquals(await revoke({ jti: "token-7" }), { status: 200, body: { closed: 1 } });
    await assertClosed(takeOut((i) => i === 7), 4401, "token_revoked");
    await assertPrompt("jti", "token-7");
    assertEquals(await arrives(tokenOf(7)), "token_revoked");
    assertEquals(await arrives(tokenOf(8)), "(let in)");
  });
  await t.step("by sub, from the ops interface", async () => {
    assertEquals((await revoke({ sub: "user-4" })).body, { closed: 5 });
    await assertClosed(takeOut((i) => userOf(i) === "user-4"), 4401, "token_revoked");
    const issued = (iat: number) => arrives(server.token("user-4", { claims: { iat } }));
    const seconds = Date.now() / 1000;
    assertEquals(await issued(Math.floor(seconds) - 10), "token_revoked", "what was issued until then");
    assertEquals(await issued(Math.ceil(seconds + 0.001)), "(let in)", "what is issued afterwards");
  });
  await t.step("and lifted again", async () => {
    const old = () => arrives(server.token("user-4", { claims: { iat: Math.floor(Date.now() / 1000) - 10 } }));
    const { body } = await operate(server, "GET", "/revocations");
    const keys = (body.revocations as { key: string }[]).map(({ key }) => key);
    assertEquals(keys.sort(), ["jti:token-7", "sub:user-4"]);
    assertEquals((await operate(server, "DELETE", "/revocations/sub:user-4")).body, { lifted: 1 });
    await server.logged("admin.action", (line) => line.action === "lift_revocation" && line.key === "sub:user-4");
    assertEquals(await old(), "(let in)");
    assertEquals((await operate(server, "DELETE", "/revocations/sub:user-4")).status, 404);
    assertEquals(await arrives(tokenOf(7)), "token_revoked", "the others stay");
  });
  await t.step("by jti and sub, from a revoked_file that is replaced", async () => {
    const file = joinPath(server.dir, "revoked.txt");
    await Deno.writeTextFile(`${file}.new`, "jti:token-100\nsub:user-30\nnonsense\n");
    const replaced = Date.now();
    await Deno.rename(`${file}.new`, file);
    await assertClosed(takeOut((i) => i === 100 || userOf(i) === "user-30"), 4401, "token_revoked");
    const line = await server.logged("token.revoked", (line) => line.sub === "user-30");
    const ms = Date.parse(line.time) - replaced;
    assert(ms < PROMPT_MS, `noticed after ${ms} ms`);
    assertEquals((await server.logged("revocations.rejected")).line, 3);
    assertEquals(await arrives(server.token("user-30")), "token_revoked");
    await Deno.writeTextFile(file, "jti:token-100\n");
    await until(
      async () => await arrives(server.token("user-30")) === "(let in)",
      "user-30 comes back with the line gone",
    );
    assertEquals(await arrives(tokenOf(100)), "token_revoked");
  });
  await t.step("by the moment of issue", async () => {
    const old = takeOut(isOld);
    assertEquals((await revoke({ before: past + 1 })).body, { closed: old.length });
    await assertClosed(old, 4401, "token_revoked");
    assertEquals(await arrives(tokenOf(5)), "token_revoked");
    assertEquals(await arrives(tokenOf(10)), "(let in)");
  });
  await t.step("all other sessions are still open", async () => {
    assert(live.size > CROWD / 3, String(live.size));
    await assertAlive([...live.values()]);
  });
  await t.step("a revocation that names nothing, or more than one, is refused", async () => {
    const nonsense = [{ before: "2126-01-01T00:00:00Z" }, { sub: "user-1", expires_at: 1 }];
    for (const what of [{}, { jti: "" }, { jti: "a", sub: "b" }, { before: "yesterday" }, { sub: 1 }, ...nonsense]) {
      assertEquals((await revoke(what)).status, 400, JSON.stringify(what));
    }
    assertEquals((await operate(server, "PUT", "/revocations")).status, 405);
  });
  closeAll(clients);
});

Deno.test("a reload that is refused leaves the revocations as they were", async () => {
  await using server = await startRooms({
    config: { auth: auth({ revoked_file: "revoked.txt" }) },
    files: { "revoked.txt": "sub:mallory\n", "other.txt": "sub:trudy\n" },
  });
  const arrives = async (user: string) =>
    reasonOf(await tryHandshake(server, goodHeaders(server, { subprotocol: ROOMS.subprotocol, user })));
  using trudy = await join(server, { subprotocol: ROOMS.subprotocol, user: "trudy" });
  const keyFile = joinPath(server.dir, "server.key");
  const key = await Deno.readTextFile(keyFile);
  const reload = async (event: string) => {
    server.signal("SIGHUP");
    await server.logged(event);
  };
  const text = await Deno.readTextFile(server.configFile);
  await Deno.writeTextFile(server.configFile, text.replace("revoked.txt", "other.txt"));
  await Deno.writeTextFile(keyFile, key.slice(0, 60));
  await reload("config.rejected");
  assertEquals([await arrives("mallory"), await arrives("trudy")], ["token_revoked", "(let in)"]);
  await assertAlive([trudy]);

  await Deno.writeTextFile(keyFile, key);
  await reload("config.reloaded");
  assertEquals(await arrives("trudy"), "token_revoked");
  // A line that is gone stays in force until its file is a second old.
  await until(async () => {
    await delay(200);
    return await arrives("mallory") === "(let in)";
  }, "mallory to be let in");
  await assertClosed([trudy], 4401, "token_revoked");
});

Deno.test("a token past exp, within clock_skew too, opens nothing and leaves an open session as it was", async () => {
  await using server = await startRooms();
  const exp = Math.floor(Date.now() / 1000) - 1;
  const expired = server.token("ann", { claims: { exp } });
  const headers = goodHeaders(server, { subprotocol: ROOMS.subprotocol, token: expired });
  const response = await tryHandshake(server, headers);
  assertEquals([response?.status, reasonOf(response)], [401, "token_expired"]);
  using client = await join(server, { subprotocol: ROOMS.subprotocol, user: "ann" });
  const before = (await call(client, "session.whoami")).result;
  const { error } = await call(client, "session.refresh", { token: expired });
  assertEquals([error?.code, error?.data], [-32003, { reason: "token_expired" }]);
  // A deadline that the refusal had moved would be over by then.
  await new Promise((resolve) => setTimeout(resolve, 600));
  await assertAlive([client]);
  assertEquals((await call(client, "session.whoami")).result, before);
});

Deno.test("an operator lists, kicks and tells", async (t) => {
  await using server = await startRooms();
  using ann = await join(server, { subprotocol: ROOMS.subprotocol, user: "ann" });
  using bob = await join(server, { subprotocol: ROOMS.subprotocol, user: "bob" });
  type Listed = { id: string; user: string; ip: string; since: string; subprotocol: string };
  const listed = async () => (await operate(server, "GET", "/connections")).body.connections as Listed[];

  await t.step("GET /connections", async () => {
    const connections = await listed();
    assertEquals(connections.map(({ user }) => user).sort(), ["ann", "bob"]);
    for (const { id, ip, since, subprotocol } of connections) {
      assert(/^[A-Za-z0-9_-]{22}$/.test(id) && Math.abs(Date.parse(since) - Date.now()) < 60_000);
      assertEquals([ip === "::1" || ip === "127.0.0.1", subprotocol], [true, "rooms.v1"]);
    }
  });
  await t.step("POST /publish reaches the subscribers, and no other client", async () => {
    await call(ann, "room.enter", { room: "hall" });
    assertEquals(
      (await operate(server, "POST", "/publish", {
        topic: "room:hall",
        method: "news",
        params: { text: "grüß Gott" },
      })).status,
      200,
    );
    assertEquals(JSON.parse(await ann.nextText()), { jsonrpc: "2.0", method: "news", params: { text: "grüß Gott" } });
    await assertAlive([bob]);
  });
  await t.step("DELETE /connections/ID closes 1008 kicked", async () => {
    const { id } = (await listed()).find(({ user }) => user === "ann")!;
    assertEquals((await operate(server, "DELETE", `/connections/${id}`)).status, 200);
    await assertClosed([ann], 1008, "kicked");
    await server.logged("connection.closed", (line) => line.user === "ann" && line.reason === "kicked");
    assertEquals((await operate(server, "DELETE", `/connections/${id}`)).status, 404);
    assertEquals((await listed()).map(({ user }) => user), ["bob"]);
    using _again = await join(server, { subprotocol: ROOMS.subprotocol, user: "ann" });
  });
  await t.step("a request without the admin token is refused", async () => {
    for (const authorization of [undefined, "Bearer wrong", `Basic ${ADMIN_TOKEN}`, `Bearer ${server.token("ann")}`]) {
      const headers = authorization === undefined ? {} : { authorization };
      for (const [method, path] of [["GET", "/connections"], ["POST", "/publish"], ["DELETE", "/bans"]]) {
        const response = await fetch(`${server.opsUrl}${path}`, { method: method!, headers });
        assertEquals(response.status, 401, `${method} ${path}`);
        await response.body?.cancel();
      }
    }
  });
});

/** A server whose log is at level info, as in production, writes what operators are promised. */
import { assert, assertEquals } from "../assert.ts";
import { startServer, type TestServer } from "../helpers/test_server.ts";
import { call, ENGINES, goodHeaders, handshake, join } from "../helpers/client.ts";

const SUBPROTOCOL = "trials.v1";
const ADMIN_TOKEN = "Zk3vR8tQ1wX6yB4nM9cL2hJ7gF5dS0pA";
/** So many characters next to each other are a part of the token. */
const PART = 6;

/** Does what an administrator does. */
async function operate(server: TestServer, method: string, path: string, body?: unknown): Promise<number> {
  const response = await fetch(server.opsUrl + path, {
    method,
    headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  await response.body?.cancel();
  return response.status;
}

for (const engine of ENGINES) {
  Deno.test(`${engine}: at level info the log names clients that open, close, are refused or banned, and operators`, async () => {
    await using server = await startServer({
      engine,
      handlers: [{ subprotocol: SUBPROTOCOL, module: "tests/e2e/modules/trials.ts", cells: 1 }],
      files: { "admin.token": `${ADMIN_TOKEN}\n` },
      config: {
        log: { level: "info" },
        ops: { host: "127.0.0.1", port: 0, admin_token_file: "admin.token" },
        limits: { max_violations: 3, ban: "1h", adaptive: false, types: { "trial.any": { rate: 0.001, burst: 1 } } },
      },
    });
    const info = (event: string, accept: (line: Record<string, unknown>) => boolean = () => true) =>
      server.logged(event, (line) => accept(line) && line.level === "info");

    using ann = await join(server, { subprotocol: SUBPROTOCOL, user: "ann" });
    const accepted = await info("handshake.accepted", ({ user }) => user === "ann");
    assertEquals([accepted.origin, accepted.subprotocol, typeof accepted.conn, typeof accepted.ip], [
      server.origin,
      SUBPROTOCOL,
      "string",
      "string",
    ]);
    await call(ann, "trial.echo", { text: "hello" });
    await ann.sendClose(1000);
    await ann.nextClose();
    const closed = await info("connection.closed", ({ user }) => user === "ann");
    assertEquals([closed.conn, closed.code, closed.messages_in, closed.messages_out], [accepted.conn, 1000, 1, 1]);
    for (const field of ["duration_ms", "bytes_in", "bytes_out", "reason"]) assert(field in closed, field);

    const foreign = goodHeaders(server, { subprotocol: SUBPROTOCOL, headers: { origin: "https://evil.example.com" } });
    assertEquals((await handshake(server, foreign)).status, 403);
    const refused = await info("handshake.rejected");
    assertEquals([refused.reason, refused.status, refused.origin], [
      "origin_not_allowed",
      403,
      "https://evil.example.com",
    ]);

    using flooder = await join(server, { subprotocol: SUBPROTOCOL, user: "flooder" });
    for (let number = 0; number < 4; number++) await flooder.text(request("trial.any", number));
    await server.logged("ban.added", ({ key }) => key === "user:flooder");
    await info("message.rejected", ({ user, reason }) => user === "flooder" && reason === "rate_limited");
    await info("connection.closed", ({ user, code }) => user === "flooder" && code === 1008);

    assertEquals(await operate(server, "DELETE", "/bans"), 200);
    const lifted = await info("admin.action", ({ action }) => action === "lift_all_bans");
    assertEquals([lifted.lifted, typeof lifted.admin], [1, "string"]);
    assertEquals(await operate(server, "POST", "/revocations", { sub: "mallory" }), 200);
    await info("admin.action", ({ action, sub }) => action === "revoke" && sub === "mallory");

    for (const line of [...server.log.map((line) => JSON.stringify(line)), ...server.noise]) {
      for (let at = 0; at + PART <= ADMIN_TOKEN.length; at++) {
        assert(!line.includes(ADMIN_TOKEN.slice(at, at + PART)), `a part of the admin token: ${line}`);
      }
    }
    assertEquals(server.log.filter(({ level }) => level === "debug"), [], "nothing below info is written");
    assertEquals(server.noise, []);
  });
}

function request(method: string, id: number): string {
  return JSON.stringify({ jsonrpc: "2.0", id, method, params: {} });
}

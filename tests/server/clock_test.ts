import type { CellStarter } from "../../lib/sandbox/sandbox.ts";
import { Server } from "../../lib/server/server.ts";
import { ALICE, configWith, memoryLog } from "../helpers/admission.ts";
import { assert, assertEquals } from "../assert.ts";

/** The server is never started. */
function noCells(): CellStarter {
  return {} as CellStarter;
}

const DAY_MS = 86_400_000;

Deno.test("a server whose wall clock is set forward and back ends no ban and forgets no revocation early", async () => {
  const real = Date.now;
  const folder = await Deno.makeTempDir({ prefix: "sallyport-" });
  const config = { ...configWith(), store: { kind: "sqlite" as const, path: `${folder}/state.db` } };
  const server = new Server({ config, log: memoryLog(), cells: noCells() });
  try {
    const identity = { ...ALICE, issuedAt: real() };
    server.limits.bans.add("user:mallory");
    server.rights.revoke({ jti: "t-1" }, real() + 60_000);
    const ticket = await server.tickets.issue(
      { ...identity, tokenId: "t-2", expiresAt: real() + 9 * DAY_MS },
      "https://a.example",
    );
    for (const jump of [2 * DAY_MS, -2 * DAY_MS, 2 * DAY_MS]) {
      Date.now = () => real() + jump;
      server.limits.tick();
      server.store.purge();
      assert(server.limits.bans.banned("user:mallory") > 0, `the ban, after ${jump} ms`);
      assert(server.limits.bans.banned("user:mallory") <= config.limits.ban, "and not for longer");
      assert(server.revocations.isRevoked(identity), `the revocation, after ${jump} ms`);
      assertEquals([server.store.list("ban").length, server.store.list("revocation").length], [1, 1]);
    }
    assert(await server.tickets.redeem(ticket!.ticket, "https://a.example") !== null, "the ticket");
  } finally {
    Date.now = real;
    server.store.close();
    await Deno.remove(folder, { recursive: true });
  }
});

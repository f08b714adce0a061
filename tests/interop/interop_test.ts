/** Clients that others wrote, over TLS, against both engines: let in with everything right, refused for each thing wrong. */
import { type LogLine, ORIGIN, startServer } from "../helpers/test_server.ts";
import { assertEquals } from "../assert.ts";
import { optional } from "../helpers/optional.ts";
import { CLIENTS, type Exchange } from "./clients.ts";

const WRONG: readonly {
  what: string;
  status: number;
  reason: string;
  change: (good: Exchange) => Partial<Exchange>;
}[] = [
  { what: "without a token", status: 401, reason: "token_missing", change: () => ({ protocols: ["chat.v1"] }) },
  {
    what: "from another origin",
    status: 403,
    reason: "origin_not_allowed",
    change: () => ({ origin: "https://evil.example.com" }),
  },
  {
    what: "with a subprotocol that is not served",
    status: 400,
    reason: "subprotocol_unsupported",
    change: ({ protocols }) => ({ protocols: ["chat.v9", ...protocols.slice(1)] }),
  },
];

for (const engine of ["edge", "serve"] as const) {
  for (const { name, present, start } of CLIENTS) {
    Deno.test(optional(
      { [name]: present },
      `${engine} serves ${name}`,
      async (t) => {
        await using server = await startServer({ engine });
        await using client = await start(server);
        const good: Exchange = {
          url: server.url,
          protocols: ["chat.v1", `bearer.${server.token("ada")}`],
          origin: ORIGIN,
          room: "interop",
          text: "Grüße, 世界",
        };
        await t.step("joins a room, says something and hears it", async () => {
          const { opened, subprotocol, result, message } = await client.run(good);
          assertEquals(
            { opened, subprotocol, result, message },
            { opened: true, subprotocol: "chat.v1", result: { ok: true }, message: { from: "ada", text: good.text } },
          );
        });
        for (const { what, status, reason, change } of WRONG) {
          await t.step(`is refused ${what}`, async () => {
            const lines = server.log.length;
            const outcome = await client.run({ ...good, ...change(good) });
            assertEquals(outcome.opened, false);
            assertEquals(outcome.status ?? status, status);
            const isNew = (line: LogLine) => server.log.indexOf(line) >= lines && line.reason === reason;
            assertEquals((await server.logged("handshake.rejected", isNew)).status, status);
          });
        }
      },
    ));
  }
}

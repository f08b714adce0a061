/** The cases through the whole server: its own process, handshake, limits, and a handler in its cell that echoes. */
import { type Engine as EngineName, join } from "../helpers/client.ts";
import { startServer, type TestServer } from "../helpers/test_server.ts";
import { type Gap, socketPeer, testAllCases } from "./engine.ts";
import { SERVE_GAPS } from "./gaps.ts";

/** Above what the cases send: 20,000 messages, fragments and pings a second, a MiB each. */
const RATE = { rate: 1_000_000, burst: 1_000_000 };

function start(engine: EngineName): Promise<TestServer> {
  return startServer({
    engine,
    handlers: [{ subprotocol: "echo.raw.v1", module: "examples/echo/raw.ts", cells: 1 }],
    config: {
      messages: { max_bytes: "1MiB", max_fragments: 16_384, max_invalid: 1_000_000 },
      server: { host: "localhost", port: 0, engine, send_queue: "8MiB", handshake_timeout: "1m" },
      limits: {
        handshake: RATE,
        ip: RATE,
        user: RATE,
        connection: { ...RATE, bytes_rate: "1GiB", bytes_burst: "1GiB" },
        adaptive: false,
        // The cases break frames by the hundred.
        never_ban: ["127.0.0.0/8", "::1"],
      },
    },
  });
}

/** The platform answers a close frame as soon as it reads it, while a whole server's answers are on their way from the cell. */
const CELL_GAPS: Record<string, Gap> = {
  ...SERVE_GAPS,
  "7.1.6": { behaviour: "lenient", reason: "the platform answers the close frame before the handler could answer" },
};

async function testServer(engine: EngineName, context: Deno.TestContext, gaps?: Record<string, Gap>): Promise<void> {
  await using server = await start(engine);
  const connect = async () => socketPeer(await join(server, { subprotocol: "echo.raw.v1" }));
  const lenience = gaps === undefined ? {} : { gaps, abrupt: "the platform fails connections without a close frame" };
  await testAllCases({ name: engine, connect, ...lenience }, context);
}

Deno.test("edge passes every case strictly, as a whole server", (context) => testServer("edge", context));

Deno.test("serve passes every case but the platform's gaps, as a whole server", (context) =>
  testServer("serve", context, CELL_GAPS));

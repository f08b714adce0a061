/** The library in Node, with npm's `ws`: connects, calls, is refused, comes back. Says on a line of JSON what it saw. */
import process from "node:process";
import { WebSocket as Ws } from "ws";
import { CallError, createClient } from "../../client/mod.ts";

interface Task {
  readonly url: string;
  readonly token: string;
  readonly origin: string;
  readonly via: "subprotocol" | "header";
}

const { url, token, origin, via }: Task = JSON.parse(process.argv[2] ?? "");

/** As `ws` declares it, with the origin a browser would send. */
class WithOrigin extends Ws {
  constructor(
    url: string,
    protocols: string[],
    options: Record<string, unknown>,
  ) {
    super(url, protocols, { ...options, origin });
  }
}

function report(line: Record<string, unknown>): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

const client = createClient(url, {
  subprotocol: "echo.v1",
  via,
  token: () => token,
  backoff: { min: 50, max: 500 },
  // deno-lint-ignore no-explicit-any -- npm's ws is a WebSocket in all that is used, if not in its types
  env: { WebSocket: WithOrigin as any },
});
client.on(
  "state",
  (state, why) => report({ state, why, user: client.user?.user ?? null }),
);
try {
  await client.connect();
  report({ echo: await client.call("echo", { text: "hello" }) });
  await client.call("nope", {}).catch((error: CallError) => report({ outcome: error.outcome, code: error.code }));
} catch (error) {
  const { code, message } = error as CallError;
  report({ refused: { code, message } });
}
process.stdin.once("data", async () => {
  await client.close();
  process.exit(0);
});

/** The library against the real server, over TLS: in Deno by every way a token travels, and in Node with npm's `ws`. */
import { CallError, type Client, createClient, type Options, type State, type Why } from "../../client/mod.ts";
import { run } from "../../tools/project.ts";
import { assert, assertEquals, assertRejects } from "../assert.ts";
import { optional, runs } from "../helpers/optional.ts";
import { ORIGIN, startServer, type TestServer } from "../helpers/test_server.ts";
import { until } from "../helpers/until.ts";

const DEADLINE_MS = 60_000;
const QUICK = { min: 20, max: 300 };

/** The origin that a page sends by itself, and the trust in the test's certificate. */
function environment(
  server: TestServer,
  http: Deno.HttpClient,
): NonNullable<Options["env"]> {
  class PageSocket extends WebSocket {
    constructor(
      url: string | URL,
      given?: string | string[] | WebSocketOptions,
    ) {
      const { protocols = [], headers } = Array.isArray(given) ? { protocols: given } : given as WebSocketOptions;
      const all = new Headers(headers);
      all.set("origin", server.origin);
      super(url, { protocols, headers: all, client: http });
    }
  }
  const withOrigin: typeof fetch = (input, init) => {
    const headers = new Headers(init?.headers);
    headers.set("origin", server.origin);
    return fetch(input, { ...init, headers, client: http });
  };
  return { WebSocket: PageSocket as typeof WebSocket, fetch: withOrigin };
}

interface Session extends AsyncDisposable {
  readonly client: Client;
  readonly states: [State, Why | null][];
}

function session(server: TestServer, options: Partial<Options>): Session {
  const http = Deno.createHttpClient({ caCerts: [server.caPem] });
  const client = createClient(server.url, {
    subprotocol: "echo.v1",
    backoff: QUICK,
    env: environment(server, http),
    ...options,
  });
  const states: [State, Why | null][] = [];
  client.on("state", (...change) => states.push(change));
  return {
    client,
    states,
    async [Symbol.asyncDispose]() {
      await client.close();
      http.close();
    },
  };
}

Deno.test("the client and the real server", async (t) => {
  await using server = await startServer({
    config: {
      limits: { handshake: { rate: 1000, burst: 1000 }, adaptive: false },
    },
  });

  for (const via of ["ticket", "subprotocol", "header"] as const) {
    await t.step(`${via}: connects, calls, is told of errors`, async () => {
      await using ann = session(server, {
        via,
        token: () => server.token("ann"),
      });
      await ann.client.connect();
      assertEquals([ann.client.user?.user, ann.client.user?.roles], ["ann", [
        "user",
      ]]);
      assertEquals(await ann.client.call("echo", { text: "hello" }), {
        text: "hello",
      });
      const error = await assertRejects(
        () => ann.client.call("nope", {}),
        CallError,
      );
      assertEquals([error.outcome, error.code], ["refused", -32601]);
      const invalid = await assertRejects(
        () => ann.client.call("echo", { text: 5 }),
        CallError,
      );
      assertEquals([invalid.code, typeof invalid.data], [-32602, "object"]);
    });
  }

  await t.step("ticket: refusals can be read", async () => {
    const tokens = ["x.y.z", "x.y.z"];
    await using forged = session(server, {
      via: "ticket",
      token: () => tokens.shift() ?? null,
    });
    const error = await assertRejects(() => forged.client.connect(), CallError);
    assertEquals([error.code, error.message, error.outcome], [
      401,
      "token_invalid",
      "not_sent",
    ]);

    await using late = session(server, {
      via: "ticket",
      token: ({ why }) => server.token("ann", { ttl: why === "refused" ? 60 : -60 }),
    });
    await late.client.connect();
    assertEquals(late.states.map(([state, why]) => [state, why?.reason]), [
      ["connecting", undefined],
      ["waiting", "token_expired"],
      ["connecting", undefined],
      ["open", undefined],
    ]);
  });

  await t.step("a token is refreshed in-band, before it expires", async () => {
    const asks: string[] = [];
    await using ann = session(server, {
      via: "subprotocol",
      token: ({ why }) => {
        asks.push(why);
        return server.token("ann", { ttl: why === "connect" ? 4 : 300 });
      },
    });
    await ann.client.connect();
    const first = ann.client.user!.expires_at;
    await until(() => ann.client.user!.expires_at > first, "the refresh");
    assertEquals([asks, ann.states.length], [["connect", "expiring"], 2]);
  });

  await t.step("a token that ends is replaced at once", async () => {
    const asks: string[] = [];
    await using ann = session(server, {
      via: "header",
      token: ({ why }) => {
        asks.push(why);
        if (why === "expiring") throw new Error("issuer down");
        return server.token("ann", { ttl: why === "connect" ? 3 : 300 });
      },
    });
    await ann.client.connect();
    await until(() => asks.includes("refused") && ann.client.state === "open", "the new connection");
    assertEquals(await ann.client.call("echo", { text: "still here" }), {
      text: "still here",
    });
  });
});

Deno.test("the client lives through a restart of the server, and loses no call without being told", async () => {
  const dir = await Deno.makeTempDir({ prefix: "sallyport-" });
  try {
    const first = await startServer({ dir });
    const { port } = first;
    await using ann = session(first, {
      via: "subprotocol",
      token: () => first.token("ann"),
    });
    await ann.client.connect();
    await ann.client.call("echo", { text: "before" });
    first.signal("SIGTERM");
    await first.exited();
    await until(() => ann.client.state !== "open", "the end of the first server");
    const waiting = ann.client.call("echo", { text: "across" }, {
      timeout: DEADLINE_MS,
    });
    const second = await startServer({
      dir,
      config: { server: { host: "localhost", port, engine: "edge" } },
    });
    try {
      assertEquals(await waiting, { text: "across" });
      const drained = ann.states.find(([, why]) => why?.code === 1001);
      assertEquals(drained?.[1]?.reason, "draining");
    } finally {
      await ann.client.close();
      await second.stop();
    }
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

/** Runs the client in Node; gives its lines as they come. */
class NodeClient implements AsyncDisposable {
  readonly lines: Record<string, unknown>[] = [];
  readonly #child: Deno.ChildProcess;
  readonly #read: Promise<void>;

  constructor(script: string, server: TestServer, via: string, token: string) {
    this.#child = new Deno.Command("node", {
      args: [
        "--no-warnings",
        script,
        JSON.stringify({ url: server.url, token, origin: ORIGIN, via }),
      ],
      env: { NODE_EXTRA_CA_CERTS: server.caFile },
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#read = this.#readLines(this.#child.stdout);
  }

  async #readLines(
    stdout: ReadableStream<Uint8Array<ArrayBuffer>>,
  ): Promise<void> {
    let rest = "";
    for await (const text of stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      this.lines.push(...lines.map((line) => JSON.parse(line)));
    }
  }

  seen(key: string): unknown {
    return this.lines.find((line) => key in line)?.[key];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const writer = this.#child.stdin.getWriter();
    await writer.write(new TextEncoder().encode("\n")).catch(() => {});
    await writer.close().catch(() => {});
    const { success } = await this.#child.status;
    await this.#read;
    assert(success, "Node ended with an error");
  }
}

Deno.test("subscriptions on the real server: events, presence, denial, the end of a right", async () => {
  await using server = await startServer();
  const token = (roles: string[]) => server.token("ann", { roles });
  await using ann = session(server, { subprotocol: "chat.v1", via: "header", token: () => token(["user"]) });
  await using bob = session(server, { subprotocol: "chat.v1", via: "header", token: () => server.token("bob") });
  const heard: unknown[] = [];
  const states: unknown[] = [];
  const lobby = ann.client.subscribe("room:lobby");
  lobby.on("message", (data) => heard.push(data));
  lobby.onState((...change) => states.push(change));
  const unknown = ann.client.subscribe("cellar:lobby");
  await Promise.all([ann.client.connect(), bob.client.connect()]);
  await until(() => lobby.state === "live" && unknown.state === "denied", "the answers");
  await bob.client.call("chat.send", { room: "lobby", text: "hello" });
  await until(() => heard.length === 1, "the event");
  assertEquals(heard, [{ from: "bob", text: "hello" }]);
  assertEquals(await lobby.presence(), [{ user: "ann", connections: 1 }]);
  await ann.client.call("session.refresh", { token: token(["guest"]) });
  await until(() => lobby.state === "ended", "the end of the right");
  assertEquals(states, [["live", undefined], ["ended", "forbidden"]]);
});

Deno.test(optional(
  { node: runs("node", "--version") },
  "Node with npm's ws: connects, calls, is refused, comes back after a restart",
  async (t) => {
    const dir = await Deno.makeTempDir({ prefix: "sallyport-" });
    try {
      const script = `${dir}/client.mjs`;
      const bundled = await run(Deno.execPath(), [
        "bundle",
        "--quiet",
        "--platform",
        "deno",
        "--packages",
        "bundle",
        "--output",
        script,
        "tests/client/node_client.ts",
      ], { quiet: true });
      assertEquals(bundled.code, 0, bundled.output);
      let server = await startServer({ dir });
      const { port } = server;
      try {
        for (const via of ["subprotocol", "header"]) {
          await t.step(via, async () => {
            await using node = new NodeClient(
              script,
              server,
              via,
              server.token("ann"),
            );
            await until(() => node.lines.some((line) => "outcome" in line), "the refused call");
            assertEquals(node.seen("echo"), { text: "hello" });
            assertEquals(node.lines.find((line) => "outcome" in line), {
              outcome: "refused",
              code: -32601,
            });
          });
        }
        await t.step("a restart", async () => {
          await using node = new NodeClient(
            script,
            server,
            "header",
            server.token("ann"),
          );
          await until(() => node.seen("echo") !== undefined, "the echo");
          const opens = () => node.lines.filter(({ state }) => state === "open").length;
          server.signal("SIGKILL");
          await server.exited();
          await until(() => node.lines.some(({ state }) => state === "waiting"), "the loss");
          server = await startServer({
            dir,
            config: { server: { host: "localhost", port, engine: "edge" } },
          });
          await until(() => opens() === 2, "the second connection");
        });
      } finally {
        await server.stop();
      }
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  },
));

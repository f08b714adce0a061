/** `sallyport connect`, as the program it is: what goes in, what comes out, and with which status it ends. */
import { join } from "node:path";
import { readLine } from "../../lib/cli/connect/lines.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../assert.ts";
import { ORIGIN, program, startServer, type TestServer } from "../helpers/test_server.ts";
import { optional } from "../helpers/optional.ts";

const DEADLINE_MS = 60_000;

/** One run of the program. */
class Run implements AsyncDisposable {
  out = "";
  err = "";
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #read: Promise<unknown>;
  #ended = false;

  constructor(command: readonly string[], env: Record<string, string> = {}) {
    const [name = "", ...args] = command;
    this.#child = new Deno.Command(name, { args, env, stdin: "piped", stdout: "piped", stderr: "piped" }).spawn();
    this.#input = this.#child.stdin.getWriter();
    const read = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>, take: (text: string) => void) => {
      for await (const text of stream.pipeThrough(new TextDecoderStream())) take(text);
    };
    this.#read = Promise.all([
      read(this.#child.stdout, (text) => this.out += text),
      read(this.#child.stderr, (text) => this.err += text),
    ]);
  }

  /** The lines of standard output as JSON. */
  get messages(): Record<string, unknown>[] {
    return this.out.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
  }

  async type(text: string): Promise<void> {
    await this.#input.write(new TextEncoder().encode(text));
  }

  async until(what: string, isSo: () => boolean): Promise<void> {
    for (const deadline = Date.now() + DEADLINE_MS; !isSo();) {
      assert(Date.now() < deadline, `waited for: ${what}\n${this.out}\n${this.err}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Ends the input, and gives the exit status. */
  async end(): Promise<number> {
    await this.#input.close().catch(() => {});
    return await this.exited();
  }

  async exited(): Promise<number> {
    const { code } = await this.#child.status;
    await this.#read;
    this.#ended = true;
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ended) return;
    this.#child.kill("SIGKILL");
    await this.#input.abort().catch(() => {});
    await this.exited();
  }
}

async function connect(...args: string[]): Promise<Run> {
  return new Run([...await program(), "connect", ...args]);
}

/** Connects as ann to the chat. */
function chat(server: TestServer, token = server.token("ann"), subprotocol = "chat.v1"): Promise<Run> {
  return connect(server.url, "--ca", server.caFile, "--origin", ORIGIN, "--token", token, "--subprotocol", subprotocol);
}

Deno.test("readLine() tells calls, messages and mistakes apart", () => {
  const table: [string, unknown][] = [
    ["", null],
    ["   ", null],
    ["chat.who", { kind: "call", method: "chat.who", params: undefined }],
    [' chat.who  {"room": "a b"} ', { kind: "call", method: "chat.who", params: { room: "a b" } }],
    ["echo [1, 2]", { kind: "call", method: "echo", params: [1, 2] }],
    ['{"jsonrpc":"2.0","id":"a","method":"m"}', { kind: "call", id: "a", method: "m", params: undefined }],
    ['{"jsonrpc":"2.0","id":0,"method":"m","params":[1]}', { kind: "call", id: 0, method: "m", params: [1] }],
  ];
  for (const [line, expected] of table) assertEquals(readLine(line), expected as ReturnType<typeof readLine>, line);
  for (
    const [text, answered] of [
      ['{"jsonrpc":"2.0","method":"m"}', false],
      ['{"jsonrpc":"2.0","id":null,"method":"m"}', true],
      ['{"jsonrpc":"2.0","id":1,"method":"m","params":3}', true],
      ['{"jsonrpc":"2.0","id":1,"method":"m","more":3}', true],
      ['{"id":1,"method":"m"}', true],
      ["[]", true],
      ["{", true],
    ] as const
  ) assertEquals(readLine(text), { kind: "text", text, answered });
  assertEquals(readLine("chat.send {room}")?.kind, "faulty");
});

Deno.test("connect: lines in, messages out, and the status is that of what became of them", async (t) => {
  await using server = await startServer();

  await t.step("calls, notifications, batches and events; nothing but messages on standard output", async () => {
    await using ann = await chat(server);
    await ann.type('topic.subscribe {"topic":"room:lobby"}\n');
    await ann.type('{"jsonrpc":"2.0","id":"mine","method":"session.whoami"}\r\n');
    await ann.type('{"jsonrpc":"2.0","method":"chat.send","params":{"room":"lobby","text":"\\u001b[31mhi"}}\n');
    await ann.type('[{"jsonrpc":"2.0","id":7,"method":"session.whoami"}]'); // no newline at the end
    assertEquals([await ann.end(), ann.err], [0, "Connected as ann, roles: user.\n"]);
    const { messages } = ann;
    const byId = (id: unknown) => messages.find((message) => message.id === id);
    assertEquals(byId(1)?.result, {});
    assertEquals((byId("mine")?.result as { user: string }).user, "ann");
    assertEquals(messages.some(({ method }) => method === "topic.event"), true);
    assertEquals((messages.find(Array.isArray)?.[0] as { id: number }).id, 7);
    // deno-lint-ignore no-control-regex -- control characters are what is meant
    assertEquals(/[\x00-\x09\x0b-\x1f\x7f-\x9f]/.test(ann.out), false, "control characters on standard output");
  });

  for (
    const [what, line, says] of [
      ["a refused call", "no.such", /refused with -32601: There is no such method/],
      ["parameters that don't fit", 'chat.send {"room":1}', /refused with -32602/],
      ["parameters that are no JSON", "chat.send {room}", /are no JSON/],
      ["a malformed message", "{", /Connected/],
    ] as const
  ) {
    await t.step(`${what}: status 1`, async () => {
      await using ann = await chat(server);
      await ann.type(`${line}\n`);
      assertEquals(await ann.end(), 1);
      assertMatch(ann.err, says);
    });
  }

  for (
    const [what, args, says] of [
      ["a forged token", ["--token", "a.b.c", "--subprotocol", "chat.v1"], /Refused with 401 token_invalid: The token/],
      ["no token", ["--subprotocol", "chat.v1"], /Refused with 401 token_missing/],
      ["no subprotocol", ["--token", server.token("ann")], /Refused with 400 subprotocol_required/],
      [
        "a subprotocol that is not served",
        ["--token", server.token("ann"), "--subprotocol", "other"],
        /Refused with 400 subprotocol_unsupported/,
      ],
      ["a foreign origin", ["--origin", "https://evil.example"], /Refused with 403 origin_not_allowed/],
    ] as const
  ) {
    await t.step(`${what}: said in words, status 1`, async () => {
      const origin = args.some((word) => word === "--origin") ? [] : ["--origin", ORIGIN];
      await using run = await connect(server.url, "--ca", server.caFile, ...origin, ...args);
      assertEquals([await run.exited(), run.out], [1, ""]);
      assertMatch(run.err, says);
    });
  }

  await t.step(
    "an unknown path, a closed port, an untrusted certificate: status 1",
    async () => {
      await using lost = await connect(
        server.url.replace("/ws", "/nowhere"),
        "--ca",
        server.caFile,
        "--origin",
        ORIGIN,
      );
      assertEquals(await lost.exited(), 1);
      assertStringIncludes(lost.err, "Refused with 404 not_found");
      await using strange = await connect(server.url, "--origin", ORIGIN);
      assertEquals(await strange.exited(), 1);
      assertMatch(strange.err, /does not answer: .*certificate.*--ca FILE/);
      const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      const { port } = listener.addr;
      listener.close();
      await using closed = await connect(`ws://127.0.0.1:${port}/ws`);
      assertEquals(await closed.exited(), 1);
      assertMatch(closed.err, /does not answer: .*ECONNREFUSED/);
    },
  );

  await t.step("a subprotocol that is not JSON-RPC: lines go out and come in as they are", async () => {
    const token = server.token("ann");
    const args = ["--ca", server.caFile, "--origin", ORIGIN, "--token", token, "--subprotocol", "echo.raw.v1", "--raw"];
    await using raw = await connect(server.url, ...args);
    await raw.type("hello\n{not json\n");
    await raw.until("the echo", () => raw.out === "hello\n{not json\n");
    assertEquals([await raw.end(), raw.err], [0, "Connected.\n"]);
  });

  await t.step("a session that ends: said in words, status 1, with the input still open", async () => {
    await using ann = await chat(server, server.token("ann", { ttl: 10 }));
    assertEquals(await ann.exited(), 1);
    assertMatch(ann.err, /Closed: 4401 token_expired: .* Come back with a new token/);
  });
});

Deno.test("connect: wrong usage is status 2", async (t) => {
  for (
    const [args, says] of [
      [[], "connect needs a URL"],
      [["localhost"], "needs the URL of a server"],
      [["ftp://localhost/"], "needs the URL of a server"],
      [["wss://localhost/ws", "wss://localhost/ws"], "connect takes no"],
      [["wss://localhost/ws", "--tok", "x"], "has no option"],
      [["wss://localhost/ws", "--token", "a\nb"], "characters that a header can't carry"],
      [["wss://localhost/ws", "--ca", "/nowhere/ca.pem"], "can't be read"],
    ] as const
  ) {
    await t.step(args.join(" ") || "no URL", async () => {
      await using run = await connect(...args);
      assertEquals([await run.exited(), run.out], [2, ""]);
      assertStringIncludes(run.err, says);
    });
  }
});

Deno.test("connect: comes back after a restart, and says so", async () => {
  const dir = await Deno.makeTempDir({ prefix: "sallyport-" });
  try {
    const first = await startServer({ dir });
    const { port } = first;
    await using ann = await chat(first);
    await ann.until("a connection", () => ann.err.includes("Connected as ann"));
    first.signal("SIGKILL");
    await first.exited();
    await ann.until("the loss", () => ann.err.includes("Connection lost: 1006"));
    await using _second = await startServer({
      dir,
      config: { server: { host: "localhost", port, engine: "edge" } },
    });
    await ann.until("the second connection", () => ann.err.split("Connected as ann").length === 3);
    await ann.type('chat.send {"room":"lobby","text":"again"}\n');
    await ann.until("the answer", () => ann.out.includes('"ok":true'));
    assertEquals(await ann.end(), 0);
  } finally {
    await Deno.remove(dir, { recursive: true }).catch(() => {});
  }
});

Deno.test("connect: a hostile server can't reach the terminal, nor keep the program", async () => {
  const abort = new AbortController();
  const hostile = Deno.serve({ hostname: "127.0.0.1", port: 0, signal: abort.signal, onListen() {} }, (request) => {
    const { socket, response } = Deno.upgradeWebSocket(request, { protocol: "x" });
    socket.onmessage = ({ data }) => {
      const { id } = JSON.parse(data);
      socket.send("\x1b]0;owned\x07 no JSON \u202e");
      socket.send('{"__proto__":{"polluted":1},"id":"__proto__","result":1}');
      for (let n = 0; n < 2_000; n++) socket.send(`{"id":${id + 1 + n},"result":"forged"}`);
      socket.send(new Uint8Array(7));
      socket.send(JSON.stringify({ id, result: { user: "\x1b[2Jann", roles: [], expires_at: 4e9 } }));
    };
    return response;
  });
  await using run = await connect(`ws://127.0.0.1:${hostile.addr.port}/ws`, "--subprotocol", "x");
  await run.until("the welcome", () => run.err.includes("Connected as"));
  assertEquals(await run.end(), 0);
  // deno-lint-ignore no-control-regex -- control characters are what is meant
  assertEquals(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/.test(run.out + run.err), false);
  assertStringIncludes(run.err, "7 bytes, binary");
  abort.abort();
  await hostile.finished;
});

const SCRIPT = "/usr/bin/script";
const scriptPresent = await Deno.stat(SCRIPT).then(() => true, () => false);

Deno.test(optional({ "script(1)": scriptPresent }, "connect: on a terminal, a prompt and colours", async (t) => {
  await using server = await startServer();
  const words = ["connect", server.url, "--ca", server.caFile, "--origin", ORIGIN, "--token", server.token("ann")];
  const command = [...await program(), ...words, "--subprotocol", "chat.v1"].join(" ");
  const inTerminal = (env: Record<string, string>) =>
    new Run([SCRIPT, "--quiet", "--flush", "--return", "--command", command, "/dev/null"], { TERM: "xterm", ...env });

  await t.step("Ctrl+D ends it with 0", async () => {
    await using ann = inTerminal({ NO_COLOR: "" });
    await ann.until("the prompt", () => ann.out.includes("> "));
    await ann.type('topic.subscribe {"topic":"room:lobby"}\r');
    await ann.until("the answer, in green", () => ann.out.includes('\x1b[32m{"jsonrpc":"2.0","id":1,"result"'));
    await ann.type('chat.send {"room":"lobby","text":"hi"}\r');
    await ann.until("the event, in cyan", () => ann.out.includes('\x1b[36m{"jsonrpc":"2.0","method":"topic.event"'));
    await ann.type("\x04");
    assertEquals(await ann.exited(), 0);
  });

  await t.step("NO_COLOR is obeyed, and Ctrl+C ends it with 130", async () => {
    await using ann = inTerminal({ NO_COLOR: "1" });
    await ann.until("the prompt", () => ann.out.includes("> "));
    await ann.type('topic.subscribe {"topic":"room:lobby"}\r');
    await ann.until("the answer", () => ann.out.includes('"id":1,"result"'));
    assertEquals(ann.out.includes("\x1b[32m"), false);
    await ann.type("\x03");
    assertEquals(await ann.exited(), 130);
  });
}));

Deno.test("token --dev signs for serve --dev, and only where that has run", async () => {
  const dir = await Deno.makeTempDir({ prefix: "sallyport-" });
  try {
    const [command = "", ...before] = await program();
    const token = async (...args: string[]) => {
      const { code, stdout, stderr } = await new Deno.Command(command, {
        args: [...before, "token", "--sub", "bob", ...args],
        cwd: dir,
      }).output();
      return { code, out: new TextDecoder().decode(stdout).trim(), err: new TextDecoder().decode(stderr) };
    };
    assertEquals([(await token()).code, (await token("--dev")).code], [2, 1]);
    await Deno.mkdir(join(dir, "certs"));
    await Deno.writeTextFile(join(dir, "certs/dev.secret"), "s".repeat(43), { mode: 0o600 });
    for (const args of [[], ["--dev"], ["--dev", "--role", "admin"]]) {
      const { code, out, err } = await token(...args);
      assertEquals([code, err], [0, ""]);
      const claims = JSON.parse(atob((out.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/")));
      assertEquals([claims.sub, claims.roles, claims.iss], [
        "bob",
        args.includes("admin") ? ["admin"] : ["user"],
        "sallyport-dev",
      ]);
    }
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

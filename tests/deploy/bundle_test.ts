import { WebSocket } from "ws";
import { ROOT, run } from "../../tools/project.ts";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { type Answer, call, nextAnswer } from "../helpers/client.ts";
import { RawClient } from "../helpers/raw_client.ts";

const ROOT_USER = Deno.uid() === 0;
const NOBODY = 65534;

/** Hands a folder to an ordinary user, where the tests run as root. */
async function own(path: string): Promise<void> {
  if (!ROOT_USER) return;
  await Deno.chown(path, NOBODY, NOBODY);
  if ((await Deno.stat(path)).isDirectory) {
    for await (const entry of Deno.readDir(path)) await own(`${path}/${entry.name}`);
  }
}

/** Deno where an ordinary user may run it. */
async function denoFor(directory: string): Promise<string> {
  const path = `${directory}/deno`;
  await Deno.copyFile(Deno.execPath(), path);
  return path;
}

/** Reads a stream until what was read matches; fails when it ends before. */
async function readUntil(stream: ReadableStream<Uint8Array>, pattern: RegExp): Promise<RegExpExecArray> {
  const decoder = new TextDecoder();
  const reader = stream.getReader();
  let text = "";
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      text += decoder.decode(next.value, { stream: true });
      const match = pattern.exec(text);
      if (match) return match;
    }
  } finally {
    reader.releaseLock();
  }
  throw new Error(`The output ended without ${pattern}: ${text}`);
}

const said = ({ method }: Answer) => method === "topic.event";

Deno.test("bundle runs from an empty folder as an ordinary user with only its permissions, and serves as the source does", async () => {
  const directory = await Deno.makeTempDir();
  // What the bundle can't have: the repository, packages, another user's cache.
  const home = await Deno.makeTempDir();
  const options = {
    cwd: home,
    clearEnv: true,
    env: { DENO: await denoFor(home), HOME: home, DENO_DIR: `${home}/cache`, NO_COLOR: "1", PATH: "/usr/bin:/bin" },
    ...(ROOT_USER ? { uid: NOBODY, gid: NOBODY } : {}),
  };
  try {
    const made = await run(Deno.execPath(), ["run", "-A", "tools/bundle.ts", "--output", directory], { quiet: true });
    assertEquals(made.code, 0, made.output);
    const script = await Deno.readTextFile(`${directory}/sallyport.js`);
    assert(!script.includes(`${ROOT}/`), "paths of the machine that made it are in it");
    await own(directory);
    await own(home);

    const version = await new Deno.Command(`${directory}/run`, { args: ["version"], ...options }).output();
    assertMatch(
      new TextDecoder().decode(version.stdout),
      /^sallyport \d+\.\d+\.\d+ /,
      new TextDecoder().decode(version.stderr),
    );

    const child = new Deno.Command(`${directory}/run`, {
      args: ["serve", "--dev", "--port", "0"],
      ...options,
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    try {
      const [, origin, token] = await readUntil(child.stdout, /listening on (https:\S+)[^]*Token:\s+(\S+)\n/);
      const ca = await Deno.readTextFile(`${home}/certs/server.crt`);
      const socket = new WebSocket(`${origin!.replace("https", "wss")}/ws`, ["echo.v1"], {
        ca,
        origin,
        headers: { authorization: `Bearer ${token}` },
      });
      const answer = new Promise<string>((resolve, reject) => {
        socket.on("open", () => socket.send('{"jsonrpc":"2.0","id":1,"method":"session.whoami"}'));
        socket.on("message", (data: Uint8Array) => resolve(data.toString()));
        socket.on("error", reject);
      });
      assertEquals(JSON.parse(await answer).result.roles, ["user"]);
      socket.terminate();

      const connect = () => RawClient.connect({ port: Number(new URL(origin!).port || 443), caCerts: [ca] });
      const good = { origin: origin!, authorization: `Bearer ${token}`, "sec-websocket-protocol": "chat.v1" };
      for (
        const [change, status, reason] of [
          [{ authorization: null }, 401, "token_missing"],
          [{ authorization: `Bearer ${token}x` }, 401, "token_invalid"],
          [{ origin: "https://evil.example.com" }, 403, "origin_not_allowed"],
          [{ "sec-websocket-protocol": "other.v1" }, 400, "subprotocol_unsupported"],
          [{ "sec-websocket-version": "7" }, 426, "upgrade_required"],
        ] as const
      ) {
        using client = await connect();
        const response = await client.upgrade("/ws", { ...good, ...change });
        assertEquals([response.status, response.body], [status, `{"error":"${reason}"}`]);
      }
      using client = await connect();
      assertEquals((await client.upgrade("/ws", good)).status, 101);
      assertEquals((await call(client, "topic.subscribe", { topic: "room:lobby" })).error, undefined);
      // The cell's notice may come before its answer, or after it.
      await client.text('{"jsonrpc":"2.0","id":2,"method":"chat.send","params":{"room":"lobby","text":"hello"}}');
      const heard: Answer[] = [];
      while (heard.length < 20 && !(heard.some(({ id }) => id === 2) && heard.some(said))) {
        heard.push(await nextAnswer(client));
      }
      assertEquals(heard.find(({ id }) => id === 2)?.error, undefined);
      assertEquals((heard.find(said)?.params as { data: { text: string } }).data.text, "hello");
      assertEquals((await call(client, "chat.send", { room: "lobby", text: 1 }, 3)).error?.code, -32602);
      await client.text("no JSON");
      assertEquals((await nextAnswer(client)).error?.code, -32700);

      child.kill("SIGTERM");
      assertEquals((await nextAnswer(client)).method, "session.reconnect");
      assertEquals(await client.nextClose(), { code: 1001, reason: "draining" });
      client.close();
      const reader = child.stdout.getReader();
      while (!(await reader.read()).done);
      assertEquals((await child.status).code, 0);
    } finally {
      try {
        child.kill("SIGKILL");
      } catch {
        // has ended, as it should
      }
      await child.stdout.cancel().catch(() => {});
      await child.status;
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
    await Deno.remove(home, { recursive: true });
  }
});

Deno.test("bundle's unit starts Deno with the declared permissions", async () => {
  const directory = await Deno.makeTempDir();
  try {
    await run(Deno.execPath(), ["run", "-A", "tools/bundle.ts", "--output", directory], { quiet: true });
    const unit = await Deno.readTextFile(`${directory}/deploy/sallyport.service`);
    const start = /^ExecStart=(.*)$/m.exec(unit)![1]!;
    assertMatch(
      start,
      /^\/usr\/local\/bin\/deno run .*--allow-read=\/ .*\/usr\/local\/lib\/sallyport\/sallyport\.js serve --config /,
    );
    assert(!/--allow-(all|ffi)|-A\b/.test(start), start);
    assertEquals(start.match(/--allow-(run|sys)\S*/g), ["--allow-sys", "--allow-run=/usr/local/bin/deno"]);
    assertMatch(unit, /^ExecPaths=.*\/usr\/local\/bin\/deno$/m);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

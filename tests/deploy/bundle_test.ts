import { WebSocket } from "ws";
import { ROOT, run } from "../../tools/project.ts";
import { assert, assertEquals, assertMatch } from "../assert.ts";

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

Deno.test("bundle runs from an empty folder as an ordinary user with only its permissions, and answers over TLS", async () => {
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
    } finally {
      child.kill("SIGTERM");
      const reader = child.stdout.getReader();
      while (!(await reader.read()).done);
      assertEquals((await child.status).code, 0);
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
    assert(!/--allow-(all|run|ffi|sys)|-A\b/.test(start), start);
    assertMatch(unit, /^ExecPaths=.*\/usr\/local\/bin\/deno$/m);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

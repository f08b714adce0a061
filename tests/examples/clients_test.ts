/** The examples that are clients, as they stand, against the real server. */
import { join } from "node:path";
import { buildClient } from "../../tools/client.ts";
import { DENO, ROOT } from "../../tools/project.ts";
import { assert, assertEquals, assertStringIncludes } from "../assert.ts";
import { chromiumPresent, launchChromium } from "../helpers/chromium.ts";
import { ORIGIN, program, startServer, type TestServer, writeConfigFor } from "../helpers/test_server.ts";
import { optional, runs } from "../helpers/optional.ts";

const SAID = 'message {"from":"ann","text":"Good morning"}';

async function run(program: string, args: string[], server: TestServer, cwd: string) {
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args: [...args, server.url],
    cwd,
    env: {
      TOKEN: server.token("ann"),
      ORIGIN,
      NODE_EXTRA_CA_CERTS: server.caFile,
      DENO_CERT: server.caFile,
      NO_COLOR: "1",
    },
  }).output();
  const text = new TextDecoder();
  assertEquals(code, 0, text.decode(stderr));
  return text.decode(stdout);
}

async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "sallyport-" });
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("the script for Deno says something and hears it", async () => {
  await using server = await startServer();
  const out = await run(DENO, ["run", "--no-prompt", "-NE", join(ROOT, "examples/chat/deno.ts")], server, ROOT);
  assertStringIncludes(out, SAID);
});

Deno.test(optional({ node: runs("node", "--version") }, "the script for Node says something and hears it", async () => {
  await using server = await startServer();
  await withFolder(async (folder) => {
    const packages = join(folder, "node_modules");
    await buildClient(join(packages, "@sallyport/client/dist"));
    await Deno.copyFile(join(ROOT, "client/package.json"), join(packages, "@sallyport/client/package.json"));
    await Deno.symlink(await packageFolder("ws"), join(packages, "ws"));
    await Deno.copyFile(join(ROOT, "examples/chat/node.mjs"), join(folder, "node.mjs"));
    assertStringIncludes(await run("node", ["node.mjs"], server, folder), SAID);
  });
}));

Deno.test("examples/chat/contract.ts is the output of contract --format types", async () => {
  await withFolder(async (folder) => {
    await writeConfigFor(folder, {
      handlers: [{ subprotocol: "chat.v1", module: join(ROOT, "examples/chat/chat.ts") }],
    });
    const [command = "", ...args] = await program();
    const { code, stdout } = await new Deno.Command(command, {
      args: [...args, "contract", "--config", join(folder, "sallyport.toml"), "--format", "types"],
      cwd: ROOT,
      env: { DENO },
    }).output();
    assertEquals(code, 0);
    assertEquals(new TextDecoder().decode(stdout), await Deno.readTextFile(join(ROOT, "examples/chat/contract.ts")));
  });
});

for (const name of ["node.mjs", "web/chat.js", "deno.ts"]) {
  Deno.test(`examples/chat/${name} is typed by the contract of the chat`, async () => {
    const source = await Deno.readTextFile(join(ROOT, "examples/chat", name));
    assertEquals(await checkExample(name, source), "");
    const method = await checkExample(name, source.replace('"chat.send"', '"chat.sent"'));
    assertStringIncludes(method, '"chat.sent"\' is not assignable');
    const event = await checkExample(name, source.replace('on("message"', 'on("massage"'));
    assertStringIncludes(event, '"massage"\' is not assignable');
  });
}

/** Checks the types of an example as an editor does, JavaScript included. Resolves to the errors. */
async function checkExample(name: string, source: string): Promise<string> {
  let errors = "";
  await withFolder(async (folder) => {
    await Deno.mkdir(join(folder, "web"));
    await Deno.copyFile(join(ROOT, "examples/chat/contract.ts"), join(folder, "contract.ts"));
    await Deno.writeTextFile(join(folder, name), source);
    await Deno.writeTextFile(join(folder, "ws.d.ts"), "declare const WebSocket: any;\nexport default WebSocket;\n");
    const lib = name.startsWith("web/") ? ["dom", "dom.iterable", "esnext"] : ["deno.window", "deno.unstable"];
    await Deno.writeTextFile(
      join(folder, "deno.json"),
      JSON.stringify({
        compilerOptions: { lib, checkJs: true, strict: false },
        imports: { "@sallyport/client": join(ROOT, "client/mod.ts"), ws: "./ws.d.ts" },
      }),
    );
    const { code, stderr } = await new Deno.Command(DENO, {
      args: ["check", "--quiet", name],
      cwd: folder,
      env: { NO_COLOR: "1" },
    }).output();
    errors = code === 0 ? "" : new TextDecoder().decode(stderr);
  });
  return errors;
}

/** Where Deno keeps a package of npm. */
async function packageFolder(name: string): Promise<string> {
  const { stdout } = await new Deno.Command(DENO, { args: ["info", "--json"], cwd: ROOT }).output();
  const { npmCache } = JSON.parse(new TextDecoder().decode(stdout));
  const { imports } = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json")));
  const version = String(imports[name]).split("@").at(-1) ?? "";
  for await (const { name: registry } of Deno.readDir(npmCache)) {
    const folder = join(npmCache, registry, name, version);
    if (await Deno.stat(folder).then(() => true, () => false)) return folder;
  }
  throw new Error(`${name} ${version} is not in ${npmCache}`);
}

Deno.test(optional({ chromium: chromiumPresent() }, "the page of the chat", async (t) => {
  const folder = join(ROOT, "examples/chat/web");
  const texts = await Promise.all(["index.html", "chat.js"].map((name) => Deno.readTextFile(join(folder, name))));
  const lines = texts.join("").split("\n").length;
  assert(lines < 100, `${lines} lines`);

  await withFolder(async (dist) => {
    await buildClient(dist);
    const client = await Deno.readTextFile(join(dist, "mod.js"));
    const files: Record<string, [string, string]> = {
      "/": ["text/html", texts[0]!],
      "/chat.js": ["text/javascript", texts[1]!],
      "/client.js": ["text/javascript", client],
    };
    let signedIn = true;
    let sign = (): string => "";
    const abort = new AbortController();
    const site = Deno.serve({ hostname: "127.0.0.1", port: 0, signal: abort.signal, onListen() {} }, (request) => {
      const { pathname } = new URL(request.url);
      if (pathname === "/token") return new Response(signedIn ? sign() : null, { status: signedIn ? 200 : 401 });
      const [type, body] = files[pathname] ?? ["text/plain", ""];
      const text = type === "text/html" ? body.replace("<html ", `<html data-server="${server.url}" `) : body;
      return new Response(text, { headers: { "content-type": `${type}; charset=utf-8` } });
    });
    const origin = `http://127.0.0.1:${site.addr.port}`;
    await using server = await startServer({ config: { admission: { origins: [origin] } } });
    sign = () => server.token("ann");
    await using browser = await launchChromium(server.caPem);
    const text = (id: string) => `document.getElementById("${id}").textContent`;

    await t.step("says something and hears it", async () => {
      const page = await browser.newPage();
      await page.goto(origin);
      await page.until(`${text("state")} === "open"`, "the connection");
      const say = (words: string) =>
        page.evaluate(
          `document.getElementById("text").value = "${words}"; document.querySelector("button").click()`,
        );
      await say("Good morning");
      await page.until(`${text("messages")}.includes("ann: Good morning")`, "the message");
      assertEquals(page.complaints, []);
      await page.close();
    });

    await t.step("a user that is signed out is told so", async () => {
      signedIn = false;
      const page = await browser.newPage();
      await page.goto(origin);
      await page.until(`${text("state")} === "closed: 1000 signed_out"`, "the end");
      await page.close();
    });
    abort.abort();
    await site.finished;
  });
}));

/** The examples that are clients, as they stand, against the real server. */
import { join } from "node:path";
import { buildClient } from "../../tools/client.ts";
import { DENO, ROOT } from "../../tools/project.ts";
import { assert, assertEquals, assertStringIncludes } from "../assert.ts";
import { chromiumPresent, launchChromium } from "../helpers/chromium.ts";
import { ORIGIN, startServer, type TestServer } from "../helpers/test_server.ts";
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

/** The library in Chromium, against the real server: tickets, offline, a hidden tab, a frozen one, back and forward. */
import { join } from "node:path";
import { buildClient } from "../../tools/client.ts";
import { assert, assertEquals } from "../assert.ts";
import { type Browser, chromiumPresent, launchChromium, type Page } from "../helpers/chromium.ts";
import { startServer, type TestServer } from "../helpers/test_server.ts";
import { optional } from "../helpers/optional.ts";

/** A page that has the library and a client; what it sees is in `seen`. `?away` is a page without. */
const PAGE = (server: string, token: string) =>
  `<!DOCTYPE html><title>client</title><script type="module">
  import { createClient } from "/client.js";
  if (!location.search) {
    window.seen = [];
    window.shows = [];
    addEventListener("pageshow", ({ persisted }) => shows.push(persisted));
    window.client = createClient(${JSON.stringify(server)}, {
      subprotocol: "echo.v1", token: () => window.token ?? ${JSON.stringify(token)}, backoff: { min: 50, max: 500 },
    });
    client.on("state", (state, why) => seen.push([state, why]));
    client.connect().catch(() => {});
  }
</script>`;

interface Site {
  readonly origin: string;
  readonly server: TestServer;
  readonly browser: Browser;
  /** Starts the server again, on its port, after it was killed. */
  restart(): Promise<TestServer>;
}

/** A server, a site whose pages may use it, and a browser. */
async function withSite(use: (site: Site) => Promise<void>): Promise<void> {
  const dist = await Deno.makeTempDir({ prefix: "sallyport-client-" });
  const dir = await Deno.makeTempDir({ prefix: "sallyport-" });
  const abort = new AbortController();
  try {
    await buildClient(dist);
    const client = await Deno.readTextFile(join(dist, "mod.js"));
    let html = "";
    const site = Deno.serve({ hostname: "127.0.0.1", port: 0, signal: abort.signal, onListen() {} }, (request) => {
      const script = new URL(request.url).pathname === "/client.js";
      const type = script ? "text/javascript" : "text/html; charset=utf-8";
      return new Response(script ? client : html, { headers: { "content-type": type } });
    });
    const origin = `http://127.0.0.1:${site.addr.port}`;
    const admission = { origins: [origin] };
    await using server = await startServer({ dir, config: { admission } });
    const { url, port } = server;
    const restart = () =>
      startServer({ dir, config: { admission, server: { host: "localhost", port, engine: "edge" } } });
    html = PAGE(url, server.token("ann"));
    await using browser = await launchChromium(server.caPem);
    await use({ origin, server, browser, restart });
    abort.abort();
    await site.finished;
  } finally {
    abort.abort();
    for (const folder of [dist, dir]) await Deno.remove(folder, { recursive: true });
  }
}

async function opened({ browser, origin }: Site): Promise<Page> {
  const page = await browser.newPage();
  await page.goto(origin);
  await page.until(`client.state === "open"`, "the connection");
  return page;
}

const states = (page: Page) => page.evaluate<string[]>("seen.map(([state]) => state)");

Deno.test(optional({ chromium: chromiumPresent() }, "the client in Chromium", (t) =>
  withSite(async (site) => {
    const { server, browser, origin } = site;
    /** How many connections have ended, by the server's log. */
    const closes = () => server.log.filter(({ event }) => event === "connection.closed").length;

    await t.step("calls, and is told of errors and of the refusal of a ticket", async () => {
      const page = await opened(site);
      assertEquals(await page.evaluate(`client.call("echo", { text: "hello" })`), { text: "hello" });
      const error = await page.evaluate<unknown[]>(
        `client.call("nope", {}).catch(({ name, outcome, code }) => [name, outcome, code])`,
      );
      assertEquals(error, ["CallError", "refused", -32601]);
      await page.evaluate(`client.close()`);
      const refused = await page.evaluate<unknown[]>(
        `(window.token = "a.b.c", client.connect().catch(({ code, message }) => [code, message]))`,
      );
      assertEquals(refused, [401, "token_invalid"]);
      assertEquals(await states(page), [
        "connecting",
        "open",
        "closed",
        "connecting",
        "waiting",
        "connecting",
        "closed",
      ]);
      await page.close();
    });

    await t.step("back online: makes sure that the connection lives, and keeps it", async () => {
      const page = await opened(site);
      const network = (offline: boolean) =>
        page.command("Network.emulateNetworkConditions", {
          offline,
          latency: 0,
          downloadThroughput: -1,
          uploadThroughput: -1,
        });
      await page.evaluate(`void addEventListener("online", () => window.wasOnline = true)`);
      await network(true);
      await page.until("navigator.onLine === false", "the page offline");
      await network(false);
      await page.until("window.wasOnline", "the page online");
      assertEquals(await page.evaluate(`client.call("echo", { text: "still" })`), { text: "still" });
      assertEquals(await page.evaluate("client.state"), "open");
      await page.close();
    });

    await t.step("frozen: closes the socket, and opens another one when it runs again", async () => {
      const page = await opened(site);
      const before = closes();
      await page.command("Page.setWebLifecycleState", { state: "frozen" });
      await server.logged("connection.closed", ({ code }) => closes() > before && code === 1000);
      await page.command("Page.setWebLifecycleState", { state: "active" });
      await page.until(`client.state === "open"`, "the connection after the freeze");
      const why = await page.evaluate<{ code: number; reason: string; final: boolean }>(
        `seen.find(([state]) => state === "waiting")[1]`,
      );
      assertEquals([why.code, why.reason, why.final], [1000, "suspended", false]);
      await page.close();
    });

    await t.step("put away and taken out again: the browser keeps the page, and the client comes back", async () => {
      const page = await opened(site);
      await page.evaluate(`void (window.marker = "kept")`);
      const before = closes();
      await page.evaluate(`void setTimeout(() => location.href = "${origin}/?away")`);
      await page.until(`location.search === "?away" && document.readyState === "complete"`, "the other page");
      await server.logged("connection.closed", ({ code }) => closes() > before && code === 1000);
      await page.evaluate("void setTimeout(() => history.back())");
      await page.until(`location.search === "" && window.client?.state === "open"`, "the first page, connected");
      assertEquals(await page.evaluate("[window.marker, shows]"), ["kept", [false, true]]);
      assert((await states(page)).includes("waiting"));
      await page.close();
    });

    await t.step("hidden: comes back late, or as soon as it is seen", async () => {
      const page = await opened(site);
      const other = await browser.newPage();
      await other.command("Page.bringToFront");
      await page.until("document.hidden", "a hidden page");
      server.signal("SIGKILL");
      await server.exited();
      await page.until(`client.state === "waiting"`, "the loss");
      const { code, retryInMs } = await page.evaluate<{ code: number; retryInMs: number }>("seen.at(-1)[1]");
      assertEquals(code, 1006);
      assert(retryInMs >= 30_000 && retryInMs <= 300_000, `the next attempt is in ${retryInMs} ms`);
      await using _second = await site.restart();
      await other.close();
      await page.command("Page.bringToFront");
      await page.until(`client.state === "open"`, "the connection, now that the page is seen", 25_000);
      await page.close();
    });
  })));

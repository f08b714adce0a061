/** `serve --dev` and its page, in a real browser. */
import { join } from "node:path";
import { DENO, readProject, ROOT, serverFlags } from "../../tools/project.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../assert.ts";
import { optional } from "../optional.ts";
import { type Browser, chromiumPresent, launchChromium, type Page } from "./chromium.ts";

const START_DEADLINE_MS = 60_000;

/** A development server in a folder of its own, so that its keys are not left in the repository. */
class DevelopmentServer implements AsyncDisposable {
  #output = "";
  readonly #read: Promise<void>[];

  private constructor(readonly directory: string, readonly process: Deno.ChildProcess) {
    const read = async (stream: ReadableStream<Uint8Array>) => {
      for await (const text of stream.pipeThrough(new TextDecoderStream())) this.#output += text;
    };
    this.#read = [read(process.stdout), read(process.stderr)];
  }

  static async start(): Promise<DevelopmentServer> {
    const directory = await Deno.makeTempDir({ prefix: "sallyport-page-" });
    const process = new Deno.Command(DENO, {
      args: ["run", ...serverFlags(await readProject()), join(ROOT, "main.ts"), "serve", "--dev", "--port", "0"],
      cwd: directory,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    return new DevelopmentServer(directory, process);
  }

  get output(): string {
    return this.#output;
  }

  get certificate(): string {
    return Deno.readTextFileSync(join(this.directory, "certs", "server.crt"));
  }

  /** The address that fills the token field, as the server prints it. */
  async address(): Promise<string> {
    const deadline = Date.now() + START_DEADLINE_MS;
    for (;;) {
      const address = /https:\/\/localhost:\d+\/#token=\S+/.exec(this.#output)?.[0];
      if (address !== undefined) return address;
      if (Date.now() > deadline) throw new Error(`No address was printed:\n${this.#output}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (let signals = 0; signals < 2; signals++) {
      try {
        this.process.kill("SIGINT"); // the second doesn't wait for the drain
      } catch {
        break; // it has ended
      }
    }
    await Promise.all([this.process.status, ...this.#read]);
    await Deno.remove(this.directory, { recursive: true });
  }
}

const text = (id: string) => `document.getElementById("${id}").textContent`;
const click = (page: Page, id: string) => page.evaluate(`document.getElementById("${id}").click()`);
const fill = (page: Page, id: string, value: string) =>
  page.evaluate(`void (document.getElementById("${id}").value = ${JSON.stringify(value)})`);

async function opened(browser: Browser, address: string): Promise<Page> {
  const page = await browser.newPage();
  await page.goto(address);
  await page.until(`document.getElementById("attempts").children.length > 0`, "a page that runs");
  return page;
}

async function connected(browser: Browser, address: string): Promise<Page> {
  const page = await opened(browser, address);
  await click(page, "open");
  await page.until(`${text("status")}.startsWith("connected")`, "a connection");
  return page;
}

Deno.test(optional(
  { chromium: chromiumPresent() },
  "the development page in Chromium",
  async (t) => {
    await using server = await DevelopmentServer.start();
    const address = await server.address();
    const token = address.split("#token=")[1] ?? "";
    await using browser = await launchChromium(server.certificate);

    await t.step("takes the token from the fragment, and out of the address", async () => {
      const page = await opened(browser, address);
      assertEquals(await page.evaluate(`document.getElementById("token").value`), token);
      assertEquals(await page.evaluate("location.href"), address.replace(/#.*/, ""));
      assertEquals(page.complaints, []);
    });

    await t.step("joins a room, says something, hears it and sees who is there", async () => {
      const page = await connected(browser, address);
      await click(page, "join");
      await page.until(`${text("present")}.includes("dev")`, "dev among those present");
      await fill(page, "text", "Good morning");
      await click(page, "send");
      await page.until(`${text("messages")}.includes("Good morning")`, "the message");
      assertEquals(page.complaints, []);
    });

    await t.step("shows markup in a message as text", async () => {
      const page = await connected(browser, address);
      await click(page, "join");
      await fill(page, "text", "<img src=x onerror=alert(1)>");
      await click(page, "send");
      await page.until(`${text("messages")}.includes("onerror")`, "the message");
      assertEquals(await page.evaluate(`document.querySelectorAll("#messages img").length`), 0);
      assertEquals(page.complaints, []);
    });

    await t.step("connects with a one-time ticket", async () => {
      const page = await opened(browser, address);
      await fill(page, "carrier", "ticket");
      await click(page, "open");
      await page.until(`${text("status")}.startsWith("connected")`, "a connection");
      assertEquals(page.complaints, []);
    });

    for (
      const [attempt, answer] of [
        ["bad-json", "-32700"],
        ["invalid-request", "-32600"],
        ["unknown-method", "-32601"],
        ["invalid-params", "-32602"],
        ["too-big", "Closed: 1009 message_too_big"],
        ["binary", "Closed: 1003"],
      ] as const
    ) {
      await t.step(`shows that ${attempt} is refused, and with what`, async () => {
        const page = await connected(browser, address);
        await click(page, attempt);
        await page.until(`document.querySelector("#traffic .refused code")?.textContent.includes("${answer}")`, answer);
        const explained = await page.evaluate<string>(`document.querySelector("#traffic .refused p").textContent`);
        assert(!explained.includes("Not a code of this server"), explained);
      });
    }

    for (
      const [what, field, value, said] of [
        ["a token that is none", "token", "a.b.c", "401 token_invalid"],
        ["no token", "carrier", "nothing", "401 token_missing"],
        ["a subprotocol nobody serves", "subprotocol", "nonsense.v9", "nonsense.v9 was refused"],
      ] as const
    ) {
      await t.step(`tells why ${what} is refused`, async () => {
        const page = await opened(browser, address);
        await fill(page, field, value);
        await click(page, "open");
        await page.until(`${text("refusal")}.includes("${said}")`, said);
        assertStringIncludes(await page.evaluate(text("status")), "not connected");
      });
    }

    await t.step("runs no script that is put into it", async () => {
      const page = await opened(browser, address);
      await page.evaluate(`(() => {
        for (const put of [
          () => { const script = document.createElement("script"); script.append("window.ran = 1"); document.body.append(script); },
          () => { document.body.innerHTML = "<img src=x onerror='window.ran = 1'>"; },
          () => { setTimeout("window.ran = 1"); },
        ]) try { put(); } catch { /* refused by trusted types */ }
      })()`);
      await page.until(`new Promise((resolve) => setTimeout(() => resolve(true), 200))`, "a moment");
      assertEquals(await page.evaluate("window.ran ?? null"), null);
      assert(page.complaints.length > 0);
    });

    await t.step("shows a flood being limited, then cut off", async () => {
      const page = await connected(browser, address);
      await click(page, "flood");
      await page.until(`${text("refusal")}.includes("1008 rate_limited")`, "the end of the flood");
      assertMatch(await page.evaluate<string>(text("traffic")), /-32001/);
    });

    await t.step("leaves no token in what the server prints besides its welcome", () => {
      const log = server.output.split("\n").filter((line) => !/Try it:|Token:/.test(line)).join("\n");
      assert(!log.includes(token));
    });
  },
));

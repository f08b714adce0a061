/** `serve --dev` and its page, in a real browser. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../assert.ts";
import { type Browser, chromiumPresent, launchChromium, type Page } from "../helpers/chromium.ts";
import { DevelopmentServer } from "./development_server.ts";
import { optional } from "../helpers/optional.ts";

const text = (id: string) => `document.getElementById("${id}").textContent`;
const click = (page: Page, id: string) => page.evaluate(`document.getElementById("${id}").click()`);
const fill = (page: Page, id: string, value: string) =>
  page.evaluate(`void (document.getElementById("${id}").value = ${JSON.stringify(value)})`);
const CONNECTED = `${text("status")}.startsWith("Connected as")`;

/** Opens the page without a token, so that it does not connect by itself. */
async function opened(browser: Browser, address: string): Promise<Page> {
  const page = await browser.newPage();
  await page.goto(address.replace(/#.*/, ""));
  await page.until(`document.getElementById("attempts").children.length > 0`, "a page that runs");
  return page;
}

/** Opens the page as its address says: it connects and enters the lobby. */
async function connected(browser: Browser, address: string): Promise<Page> {
  const page = await browser.newPage();
  await page.goto(address);
  await page.until(CONNECTED, "a connection");
  await page.until(`${text("present")}.includes("dev")`, "dev among those present");
  return page;
}

async function say(page: Page, message: string): Promise<void> {
  await fill(page, "text", message);
  await click(page, "send");
}

Deno.test(optional({ chromium: chromiumPresent() }, "the development page in Chromium", async (t) => {
  await using server = await DevelopmentServer.start();
  const address = await server.address();
  const token = address.split("#token=")[1] ?? "";
  await using browser = await launchChromium(server.certificate);

  await t.step("takes the token from the fragment, and out of the address; a reload keeps it", async () => {
    const page = await connected(browser, address);
    assertEquals(await page.evaluate(`document.getElementById("token").value`), token);
    assertEquals(await page.evaluate("location.href"), address.replace(/#.*/, ""));
    await page.evaluate("location.reload()").catch(() => {});
    await page.until(CONNECTED, "a connection after a reload");
    assertEquals(page.complaints, []);
    await page.close();
  });

  await t.step("two users talk, each sees the users present, and that the other has left", async () => {
    const dev = await connected(browser, address);
    await dev.until(`!document.getElementById("second-link").hidden`, "the offer to open a second user");
    const bob = await browser.newPage();
    await bob.goto(await dev.evaluate<string>(`document.getElementById("second-link").href`));
    await bob.until(`${text("status")} === "Connected as bob"`, "bob's connection");
    for (const page of [dev, bob]) {
      await page.until(`${text("present")} === "bob, dev" || ${text("present")} === "dev, bob"`, "both present");
    }
    await say(dev, "Good morning, bob");
    await bob.until(`${text("messages")}.includes("Good morning, bob")`, "dev's message");
    await say(bob, "Good morning, dev");
    await dev.until(`${text("messages")}.includes("Good morning, dev")`, "bob's message");
    await click(bob, "close");
    await dev.until(`${text("present")} === "dev"`, "dev alone");
    await dev.until(`${text("messages")}.includes("bobhas left")`, "word that bob has left");
    for (const page of [dev, bob]) {
      assertEquals(page.complaints, []);
      await page.close();
    }
  });

  await t.step("comes back when the connection breaks, and hears what is said from then on", async () => {
    const page = await connected(browser, address);
    await click(page, "break");
    await page.until(`${text("status")} === "Connection lost, trying again"`, "the loss");
    await say(page, "said while away");
    await page.until(CONNECTED, "the second connection");
    await page.until(`${text("messages")}.includes("said while away")`, "what waited for the connection");
    await say(page, "said after");
    await page.until(`${text("messages")}.includes("said after")`, "a message after the reconnect");
    await page.close();
  });

  await t.step("shows markup in a message as text", async () => {
    const page = await connected(browser, address);
    await say(page, "<img src=x onerror=alert(1)>");
    await page.until(`${text("messages")}.includes("onerror")`, "the message");
    assertEquals(await page.evaluate(`document.querySelectorAll("#messages img").length`), 0);
    assertEquals(page.complaints, []);
    await page.close();
  });

  await t.step("is used by keyboard alone", async () => {
    const page = await connected(browser, address);
    await page.evaluate(`document.getElementById("text").focus()`);
    await page.command("Input.insertText", { text: "typed" });
    await page.press("Enter");
    await page.until(`${text("messages")}.includes("typed")`, "what was typed");
    const reached = new Set<string>();
    for (let n = 0; n < 40; n++) {
      await page.press("Tab");
      const [id, visible] = await page.evaluate<[string, boolean]>(
        `[document.activeElement.id, document.activeElement.matches(":focus-visible")]`,
      );
      if (id !== "") assert(visible, `${id} shows no focus`);
      reached.add(id);
    }
    for (const id of ["send", "second", "second-link", "token", "open", "close", "bad-json", "flood", "traffic"]) {
      assert(reached.has(id), `${id} is not reached by Tab, only ${[...reached].join(", ")}`);
    }
    await page.close();
  });

  for (const carrier of ["subprotocol", "ticket"]) {
    await t.step(`connects with the token as ${carrier}`, async () => {
      const page = await opened(browser, address);
      await fill(page, "token", token);
      await fill(page, "carrier", carrier);
      await click(page, "open");
      await page.until(CONNECTED, "a connection");
      assertEquals(page.complaints, []);
      await page.close();
    });
  }

  for (
    const [attempt, answer] of [
      ["bad-json", "Answered with -32700"],
      ["invalid-request", "Answered with -32600"],
      ["unknown-method", "Answered with -32601"],
      ["invalid-params", "Answered with -32602"],
      ["too-big", "Closed with 1009 message_too_big"],
      ["binary", "Closed with 1003"],
    ] as const
  ) {
    await t.step(`shows that ${attempt} is refused, with what, and what it means`, async () => {
      const page = await connected(browser, address);
      await click(page, attempt);
      await page.until(`${text("answer")}.startsWith("${answer}")`, answer);
      assert(!(await page.evaluate<string>(text("answer"))).includes("Not a code of this server"));
      await page.close();
    });
  }

  for (
    const [what, field, value, said] of [
      ["a token that is none", "token", "a.b.c", "401 token_invalid"],
      ["no token", "carrier", "nothing", "401 token_missing"],
      ["a subprotocol that is not served", "subprotocol", "nonsense.v9", "nonsense.v9 was refused"],
    ] as const
  ) {
    await t.step(`tells why ${what} is refused, and stays so`, async () => {
      const page = await opened(browser, address);
      await fill(page, "token", token);
      await fill(page, field, value);
      await click(page, "open");
      await page.until(`${text("notice")}.includes("${said}")`, said);
      await page.until(`${text("status")} === "Not connected"`, "the end of the attempts");
      assertEquals(await page.evaluate(`document.getElementById("notice").className`), "notice refused");
      await page.close();
    });
  }

  await t.step("a clean close is told, and is no refusal", async () => {
    const page = await connected(browser, address);
    await click(page, "close");
    await page.until(`${text("status")} === "Not connected"`, "the end");
    assertEquals(await page.evaluate(text("notice")), "Disconnected.");
    assertEquals(await page.evaluate(`document.getElementById("notice").className`), "notice told");
    assertEquals(await page.evaluate(`document.querySelectorAll("#traffic .refused").length`), 0);
    await page.close();
  });

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
    await page.close();
  });

  await t.step("a token for another user needs a token", async () => {
    const page = await opened(browser, address);
    const ask = (headers: Record<string, string>, name = "bob", method = "POST") =>
      page.evaluate<[number, Record<string, string>]>(
        `fetch("/dev/token?sub=" + encodeURIComponent(${JSON.stringify(name)}), ` +
          `{ method: "${method}", headers: ${JSON.stringify(headers)} })` +
          `.then(async (response) => [response.status, await response.json()])`,
      );
    const bearer = { Authorization: `Bearer ${token}` };
    assertEquals((await ask({}))[0], 401);
    assertEquals((await ask({ Authorization: "Bearer a.b.c" }))[0], 401);
    assertEquals((await ask(bearer, "bob", "GET"))[0], 405);
    for (const name of ["", "a b", "x".repeat(65), "<b>", "a\n"]) {
      assertEquals((await ask(bearer, name))[0], 400, name);
    }
    const [status, answer] = await ask(bearer, "Bärbel");
    assertEquals(status, 200);
    assertMatch(answer.token ?? "", /^eyJ/);
    await page.close();
  });

  await t.step("shows a flood being limited, then cut off", async () => {
    const page = await connected(browser, address);
    await click(page, "flood");
    await page.until(`${text("notice")}.includes("1008 rate_limited")`, "the end of the flood");
    assertMatch(await page.evaluate<string>(text("traffic")), /-32001/);
    assertStringIncludes(await page.evaluate(text("answer")), "1008 rate_limited");
    await page.close();
  });

  await t.step("leaves no token in what the server prints besides its welcome", () => {
    const log = server.output.split("\n").filter((line) => !/Try it:|Token:/.test(line)).join("\n");
    assert(!log.includes(token));
  });
}));

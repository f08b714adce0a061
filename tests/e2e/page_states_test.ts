/**
 * The development page in each of its states, on a large and a small screen, light and dark: axe-core finds nothing serious,
 * every target is large enough for a finger, nothing is wider than the screen. `SALLYPORT_SCREENSHOTS=DIR` keeps a picture of
 * each.
 */
import axe from "axe-core";
import { join } from "node:path";
import { assert, assertEquals } from "../assert.ts";
import { type Browser, chromiumPresent, launchChromium, type Page } from "../helpers/chromium.ts";
import { DevelopmentServer } from "./development_server.ts";
import { optional } from "../helpers/optional.ts";

const SCREENS = [1280, 390].flatMap((width) =>
  [false, true].map((dark) => ({ width, height: width > 600 ? 900 : 844, dark }))
);
/** Colours depend on dark, places on the width: two screens have all of both. */
const INSPECTED = SCREENS.filter(({ width, dark }) => (width === 390) === dark);
/** WCAG 2.2, 2.5.5 (AAA). */
const TARGET_PX = 44;
/** A line of text may be a target that small (WCAG 2.2, 2.5.5, exception "inline"); there is none on this page. */
const TARGETS = "button, input, select, textarea, summary, a";

const text = (id: string) => `document.getElementById("${id}").textContent`;
const click = (page: Page, id: string) => page.evaluate(`document.getElementById("${id}").click()`);

interface Violation {
  readonly id: string;
  readonly impact: string | null;
  readonly nodes: string[];
}

/** The violations that axe-core calls serious or critical. */
async function violations(page: Page): Promise<Violation[]> {
  if (!await page.evaluate<boolean>(`"axe" in window`)) await page.evaluate(`${axe.source}; 0`);
  return await page.evaluate<Violation[]>(`axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) =>
    violations.filter(({ impact }) => impact === "serious" || impact === "critical").map(({ id, impact, nodes }) =>
      ({ id, impact, nodes: nodes.map(({ html, failureSummary }) => html + " " + failureSummary) })))`);
}

/** Visible targets that are too small, and elements that stick out of the screen. */
function misfits(page: Page): Promise<string[]> {
  return page.evaluate<string[]>(`(() => {
    const found = [];
    for (const one of document.querySelectorAll(${JSON.stringify(TARGETS)})) {
      const { width, height } = one.getBoundingClientRect();
      if (width > 0 && (width < ${TARGET_PX} || height < ${TARGET_PX})) found.push(one.id + " is " + width + " x " + height);
    }
    const { scrollWidth, clientWidth } = document.documentElement;
    if (scrollWidth > clientWidth) found.push("the page is " + scrollWidth + " wide, the screen " + clientWidth);
    return found;
  })()`);
}

/** Looks at a state on every screen. */
async function inspect(page: Page, state: string): Promise<void> {
  const folder = Deno.env.get("SALLYPORT_SCREENSHOTS");
  await page.command("Page.bringToFront");
  for (const screen of folder ? SCREENS : INSPECTED) {
    const name = `${state}-${screen.width}-${screen.dark ? "dark" : "light"}`;
    await page.emulate(screen);
    await page.evaluate("scrollTo(0, 0)");
    if (folder) await Deno.writeFile(join(folder, `${name}.png`), await page.screenshot());
    assertEquals(await violations(page), [], name);
    assertEquals(await misfits(page), [], name);
  }
}

async function opened(browser: Browser, address: string): Promise<Page> {
  const page = await browser.newPage();
  await page.emulate(SCREENS[0]!);
  await page.goto(address);
  await page.until(`document.getElementById("attempts").children.length > 0`, "a page that runs");
  return page;
}

async function connected(browser: Browser, address: string): Promise<Page> {
  const page = await opened(browser, address);
  await page.until(`${text("present")}.includes("dev")`, "dev among those present");
  return page;
}

Deno.test(optional({ chromium: chromiumPresent() }, "each state of the development page", async (t) => {
  await using server = await DevelopmentServer.start();
  const address = await server.address();
  await using browser = await launchChromium(server.certificate);

  await t.step("without a token", async () => {
    const page = await opened(browser, address.replace(/#.*/, ""));
    await page.until(`${text("notice")}.includes("paste a token")`, "what to do");
    await inspect(page, "no-token");
    await page.close();
  });

  await t.step("refused", async () => {
    const page = await opened(browser, address.replace(/#token=.*/, "#token=a.b.c"));
    await page.until(`/token_invalid.*Sign a new one/.test(${text("notice")})`, "the refusal");
    await inspect(page, "refused");
    await page.close();
  });

  await t.step("two users in a room", async () => {
    const page = await connected(browser, address);
    await page.until(`!document.getElementById("second-link").hidden`, "the second user's link");
    const bob = await opened(browser, await page.evaluate<string>(`document.getElementById("second-link").href`));
    await page.until(`${text("present")}.includes("bob")`, "bob among those present");
    for (const [who, words] of [[page, "Good morning"], [bob, `${"long ".repeat(60)}${"x".repeat(200)}`]] as const) {
      await who.evaluate(`document.getElementById("text").value = ${JSON.stringify(words)}`);
      await click(who, "send");
    }
    await page.until(`${text("messages")}.includes("xxx")`, "bob's message");
    await inspect(page, "chat");
    await bob.close();
    await page.close();
  });

  await t.step("an attempt that was refused; on a phone its answer is in view", async () => {
    const page = await connected(browser, address);
    await page.emulate({ width: 390, height: 844, dark: false });
    await page.evaluate(`document.getElementById("flood").scrollIntoView({ block: "end" })`);
    await click(page, "invalid-params");
    await page.until(`${text("answer")}.includes("-32602")`, "the answer");
    const { top, bottom, header } = await page.evaluate<{ top: number; bottom: number; header: number }>(`(() => {
        const { top, bottom } = document.getElementById("answer").getBoundingClientRect();
        return { top, bottom, header: document.querySelector("header").getBoundingClientRect().bottom };
      })()`);
    assert(top >= header && bottom <= 844, `the answer is from ${top} to ${bottom}, under a header of ${header}`);
    await inspect(page, "attempt");
    await page.close();
  });

  await t.step("closed for good by the server", async () => {
    const page = await connected(browser, address);
    await click(page, "too-big");
    await page.until(`${text("notice")}.includes("1009 message_too_big")`, "the close");
    await inspect(page, "closed");
    await page.close();
  });

  await t.step("every code explained", async () => {
    const page = await connected(browser, address);
    await page.evaluate(`for (const one of document.querySelectorAll("details")) one.open = true`);
    await inspect(page, "codes");
    await page.close();
  });

  await t.step("a drain, the loss behind it, and the return", async () => {
    const page = await connected(browser, address);
    await page.evaluate(`void (window.seen = [], new MutationObserver(() => {
        window.seen.push(${text("status")} + " | " + ${text("notice")});
      }).observe(document.querySelector("header"), { childList: true, characterData: true, subtree: true, attributes: true }))`);
    await server.restart(async () => {
      await page.until(`${text("status")} === "Connection lost, trying again"`, "the loss", 30_000);
      await inspect(page, "waiting");
    });
    await page.until(`${text("status")} === "Connected as dev"`, "the return", 90_000);
    const seen = await page.evaluate<string[]>("window.seen");
    assert(seen.some((line) => /moving to a new connection \| The server restarts/.test(line)), seen.join("\n"));
    await page.until(`${text("notice")} === "Connected again."`, "word of the return");
    await inspect(page, "returned");
    await page.evaluate(`document.getElementById("text").value = "after the restart"`);
    await click(page, "send");
    await page.until(`${text("messages")}.includes("after the restart")`, "a message after the restart");
    await page.close();
  });
}));

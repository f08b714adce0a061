/** A real Chromium, driven over its DevTools protocol: enough to open a page, run code in it and hear its complaints. */
import { createHash, X509Certificate } from "node:crypto";

const CHROMIUM = "/usr/bin/chromium";
const START_DEADLINE_MS = 30_000;

/** Whether this machine has one; tests that need it are ignored otherwise. */
export function chromiumPresent(): boolean {
  try {
    return Deno.statSync(CHROMIUM).isFile;
  } catch {
    return false;
  }
}

interface Answer {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
}

/** One tab. `complaints` are uncaught exceptions and whatever the browser logs as an error, policy violations among them. */
export interface Page {
  readonly complaints: string[];
  goto(url: string): Promise<void>;
  /** Runs an expression in the page and gives its value; a promise is awaited. */
  evaluate<T>(expression: string): Promise<T>;
  /** Waits until an expression is true in the page. @throws {Error} with `what` and the text of the page at the deadline */
  until(expression: string, what: string, deadlineMs?: number): Promise<void>;
  screenshot(): Promise<Uint8Array>;
  /** A command of the DevTools protocol for this tab. */
  command(method: string, params?: unknown): Promise<Record<string, unknown>>;
  /** Presses and releases a key, such as Enter or Tab. */
  press(key: "Enter" | "Tab"): Promise<void>;
  close(): Promise<void>;
  /** Shows the page as on a screen of that size, in pixels of CSS. */
  emulate(screen: { width: number; height: number; dark: boolean }): Promise<void>;
}

/** A running Chromium; its end removes the profile. */
export interface Browser extends AsyncDisposable {
  newPage(): Promise<Page>;
}

/** Starts a headless Chromium with an empty profile that trusts exactly the given certificate, whatever name it is for. */
export async function launchChromium(certificatePem: string, flags: readonly string[] = []): Promise<Browser> {
  const profile = await Deno.makeTempDir({ prefix: "sallyport-chromium-" });
  const key = new X509Certificate(certificatePem).publicKey.export({ type: "spki", format: "der" });
  const child = new Deno.Command(CHROMIUM, {
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--disable-dev-shm-usage",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--remote-debugging-port=0",
      `--user-data-dir=${profile}`,
      `--ignore-certificate-errors-spki-list=${createHash("sha256").update(key).digest("base64")}`,
      ...flags,
      "about:blank",
    ],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const end = async () => {
    try {
      child.kill("SIGKILL");
    } catch {
      // it ended by itself
    }
    await child.status;
    await removeProfile(profile);
  };
  try {
    const { url, drained } = await devToolsUrl(child);
    const connection = await DevTools.connect(url);
    return {
      newPage: () => newPage(connection),
      async [Symbol.asyncDispose]() {
        await connection.send("Browser.close").catch(() => {});
        await connection.close();
        await end();
        await drained;
      },
    };
  } catch (error) {
    await end();
    throw error;
  }
}

/** Its helpers outlive it by a moment and still write to the profile. */
async function removeProfile(profile: string): Promise<void> {
  for (let attempt = 1;; attempt++) {
    try {
      return await Deno.remove(profile, { recursive: true });
    } catch (error) {
      if (attempt === 20) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

async function devToolsUrl(child: Deno.ChildProcess): Promise<{ url: string; drained: Promise<void> }> {
  const found = Promise.withResolvers<string>();
  let said = "";
  const drained = (async () => {
    for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
      said = (said + text).slice(-20_000);
      const url = /DevTools listening on (ws:\/\/\S+)/.exec(said)?.[1];
      if (url !== undefined) found.resolve(url);
    }
    found.reject(new Error(`Chromium ended before it listened:\n${said}`));
  })();
  const timer = setTimeout(() => found.reject(new Error(`Chromium did not start:\n${said}`)), START_DEADLINE_MS);
  try {
    return { url: await found.promise, drained };
  } finally {
    clearTimeout(timer);
  }
}

/** Commands and events of the protocol over one WebSocket; each tab is a session. */
class DevTools {
  readonly #pending = new Map<number, { resolve(result: Record<string, unknown>): void; reject(error: Error): void }>();
  readonly #listeners: ((event: Answer) => void)[] = [];
  #nextId = 1;

  private constructor(readonly socket: WebSocket) {
    socket.onmessage = ({ data }) => this.#receive(JSON.parse(data));
    socket.onclose = () => {
      for (const { reject } of this.#pending.values()) reject(new Error("Chromium is gone"));
      this.#pending.clear();
    };
  }

  static async connect(url: string): Promise<DevTools> {
    const socket = new WebSocket(url);
    await new Promise<void>((resolve, reject) => {
      socket.onopen = () => resolve();
      socket.onerror = () => reject(new Error("Chromium does not take a DevTools connection"));
    });
    return new DevTools(socket);
  }

  listen(listener: (event: Answer) => void): void {
    this.#listeners.push(listener);
  }

  send(method: string, params: unknown = {}, sessionId?: string): Promise<Record<string, unknown>> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.socket.send(JSON.stringify({ id, method, params, sessionId }));
    });
  }

  close(): Promise<void> {
    if (this.socket.readyState === WebSocket.CLOSED) return Promise.resolve();
    return new Promise((resolve) => {
      this.socket.addEventListener("close", () => resolve());
      this.socket.close();
    });
  }

  #receive(answer: Answer): void {
    if (answer.id === undefined) {
      for (const listener of this.#listeners) listener(answer);
      return;
    }
    const waiting = this.#pending.get(answer.id);
    this.#pending.delete(answer.id);
    if (answer.error !== undefined) waiting?.reject(new Error(answer.error.message));
    else waiting?.resolve(answer.result ?? {});
  }
}

async function newPage(connection: DevTools): Promise<Page> {
  const { targetId } = await connection.send("Target.createTarget", { url: "about:blank" });
  const { sessionId } = await connection.send("Target.attachToTarget", { targetId, flatten: true });
  const send = (method: string, params: unknown = {}) => connection.send(method, params, sessionId as string);
  const complaints: string[] = [];
  connection.listen(({ method, params }) => {
    if (method === "Runtime.exceptionThrown") complaints.push(JSON.stringify(params?.exceptionDetails));
    const entry = params?.entry as { level: string; text: string } | undefined;
    if (method === "Log.entryAdded" && entry?.level === "error") complaints.push(entry.text);
  });
  for (const domain of ["Page", "Runtime", "Log"]) await send(`${domain}.enable`);

  const evaluate = async <T>(expression: string): Promise<T> => {
    const { result, exceptionDetails } = await send("Runtime.evaluate", {
      expression,
      awaitPromise: true,
      returnByValue: true,
    });
    if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails));
    return (result as { value: T }).value;
  };
  const until = async (expression: string, what: string, deadlineMs = 15_000) => {
    const deadline = Date.now() + deadlineMs;
    while (await evaluate<boolean>(`Boolean(${expression})`).catch(() => false) === false) {
      if (Date.now() > deadline) {
        throw new Error(`Not seen: ${what}. The page says:\n${await evaluate("document.body.innerText")}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  return {
    complaints,
    evaluate,
    until,
    command: send,
    async press(key) {
      const windowsVirtualKeyCode = { Enter: 13, Tab: 9 }[key];
      const pressed = { key, code: key, windowsVirtualKeyCode, ...(key === "Enter" ? { text: "\r" } : {}) };
      await send("Input.dispatchKeyEvent", { type: "keyDown", ...pressed });
      await send("Input.dispatchKeyEvent", { type: "keyUp", ...pressed });
    },
    async close() {
      await connection.send("Target.closeTarget", { targetId });
    },
    async emulate({ width, height, dark }) {
      await send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: width < 600 });
      const features = [{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }];
      await send("Emulation.setEmulatedMedia", { features });
    },
    async goto(url) {
      const { errorText } = await send("Page.navigate", { url });
      if (errorText !== undefined) throw new Error(`${url}: ${errorText}`);
      await until(`location.href !== "about:blank" && document.readyState === "complete"`, url);
    },
    async screenshot() {
      const { data } = await send("Page.captureScreenshot", { captureBeyondViewport: true });
      return Uint8Array.fromBase64(data as string);
    },
  };
}

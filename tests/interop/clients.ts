/** Independent WebSocket clients, each doing the same exchange: join a room, say something, hear it. */
import { WebSocket as Ws } from "ws";
import { type Browser, chromiumPresent, launchChromium } from "../helpers/chromium.ts";
import { ORIGIN, type TestServer } from "../helpers/test_server.ts";

export interface Exchange {
  readonly url: string;
  readonly protocols: readonly string[];
  readonly origin: string;
  readonly room: string;
  readonly text: string;
}

/** The result of the client. `status` only from clients that can see the answer to a failed handshake. */
export interface Outcome {
  readonly opened: boolean;
  readonly subprotocol: string;
  readonly result?: unknown;
  readonly message?: unknown;
  readonly status?: number;
}

export interface InteropClient extends AsyncDisposable {
  run(exchange: Exchange): Promise<Outcome>;
}

export interface ClientKind {
  readonly name: string;
  readonly present: boolean;
  /** Clients that need a process of their own start it here. */
  start(server: TestServer): Promise<InteropClient>;
}

const NODE_PATH = find("node");
const PYTHON = "/usr/bin/python3";
const DEADLINE_MS = 30_000;

function find(program: string): string | undefined {
  const folders = (Deno.env.get("PATH") ?? "").split(":");
  return folders.map((folder) => `${folder}/${program}`).find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
}

function succeeds(command: string, args: string[]): boolean {
  try {
    return new Deno.Command(command, { args, stdout: "null", stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
}

/** A client that is a program: the exchange is its last argument, its outcome what it prints. */
function program(command: string, args: readonly string[], env: Record<string, string>): InteropClient["run"] {
  return async (exchange) => {
    const { success, stdout, stderr } = await new Deno.Command(command, {
      args: [...args, JSON.stringify(exchange)],
      env,
      signal: AbortSignal.timeout(DEADLINE_MS),
    }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    return JSON.parse(new TextDecoder().decode(stdout));
  };
}

function withoutEnd(run: InteropClient["run"]): InteropClient {
  return { run, [Symbol.asyncDispose]: () => Promise.resolve() };
}

function script(name: string): string {
  return new URL(`clients/${name}`, import.meta.url).pathname;
}

/** npm:ws, in this process. */
function runWs(caPem: string): InteropClient["run"] {
  return ({ url, protocols, origin, room, text }) =>
    new Promise((resolve, reject) => {
      const socket = new Ws(url, [...protocols], { origin, ca: caPem, handshakeTimeout: DEADLINE_MS });
      const seen: { opened: boolean; subprotocol: string; result?: unknown; message?: unknown } = {
        opened: false,
        subprotocol: "",
      };
      const call = (id: number, method: string, params: unknown) =>
        socket.send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
      socket.on("open", () => {
        seen.opened = true;
        seen.subprotocol = socket.protocol;
        call(1, "topic.subscribe", { topic: "room:" + room });
      });
      socket.on("message", (data: { toString(): string }) => {
        const { id, method, params, result } = JSON.parse(data.toString());
        if (id === 1) call(2, "chat.send", { room, text });
        if (id === 2) seen.result = result;
        if (method === "topic.event") seen.message = params.data;
        if (seen.result !== undefined && seen.message !== undefined) socket.close(1000);
      });
      socket.on("unexpected-response", (request: { destroy(): void }, response: { statusCode: number }) => {
        request.destroy();
        resolve({ ...seen, status: response.statusCode });
      });
      socket.on("error", reject);
      socket.on("close", () => resolve(seen));
    });
}

/** In a page of the exchange's origin: the allowed one is mapped to the server, any other is the server's own address. */
async function chromium(server: TestServer): Promise<InteropClient> {
  const mapped = `MAP ${new URL(ORIGIN).host}:443 127.0.0.1:${server.port}`;
  const browser: Browser = await launchChromium(server.caPem, [`--host-resolver-rules=${mapped}`]);
  return {
    async run({ url, protocols, origin, room, text }) {
      const page = await browser.newPage();
      const home = origin === ORIGIN ? ORIGIN : `https://localhost:${server.port}`;
      await page.goto(`${home}/healthz`);
      const target = new URL(new URL(url).pathname, home.replace("https:", "wss:")).href;
      return await page.evaluate(`(${inPage})(${JSON.stringify({ url: target, protocols, room, text })})`);
    },
    [Symbol.asyncDispose]: () => browser[Symbol.asyncDispose](),
  };
}

/** Runs inside the browser: the source of a function, so that nothing here is bound to this process. */
const inPage = `({ url, protocols, room, text }) => new Promise((resolve) => {
  const socket = new WebSocket(url, protocols);
  const seen = { opened: false, subprotocol: "" };
  const call = (id, method, params) => socket.send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
  socket.onopen = () => {
    seen.opened = true;
    seen.subprotocol = socket.protocol;
    call(1, "topic.subscribe", { topic: "room:" + room });
  };
  socket.onmessage = ({ data }) => {
    const { id, method, params, result } = JSON.parse(data);
    if (id === 1) call(2, "chat.send", { room, text });
    if (id === 2) seen.result = result;
    if (method === "topic.event") seen.message = params.data;
    if (seen.result && seen.message) socket.close(1000);
  };
  socket.onclose = () => resolve(seen);
})`;

export const CLIENTS: readonly ClientKind[] = [
  {
    name: "Deno WebSocket",
    present: true,
    start: ({ caFile }) =>
      Promise.resolve(withoutEnd(program(
        Deno.execPath(),
        ["run", "--quiet", "--no-prompt", "--allow-net", "--cert", caFile, script("web_socket.mjs")],
        {},
      ))),
  },
  {
    name: "npm:ws",
    present: true,
    start: ({ caPem }) => Promise.resolve(withoutEnd(runWs(caPem))),
  },
  {
    name: "Node WebSocket (undici)",
    present: NODE_PATH !== undefined &&
      succeeds(NODE_PATH, ["--experimental-websocket", "--eval", "if (typeof WebSocket !== 'function') throw 1"]),
    start: ({ caFile }) =>
      Promise.resolve(withoutEnd(program(
        NODE_PATH ?? "node",
        ["--no-warnings", "--experimental-websocket", script("web_socket.mjs")],
        { NODE_EXTRA_CA_CERTS: caFile },
      ))),
  },
  {
    name: "python3-websockets",
    present: succeeds(PYTHON, ["-c", "import websockets"]),
    start({ caFile }) {
      const run = (exchange: Exchange) =>
        program(PYTHON, [script("python_client.py")], {})({ ...exchange, caFile } as Exchange);
      return Promise.resolve(withoutEnd(run));
    },
  },
  { name: "Chromium", present: chromiumPresent(), start: chromium },
];

/** The proxies' configurations in deploy/, with the real programs where they are installed. */
import { freePort } from "../helpers/free_port.ts";
import { parse } from "@std/toml";
import { ROOT } from "../../tools/project.ts";
import { assert, assertEquals } from "../assert.ts";
import { optional, runs } from "../helpers/optional.ts";
import { call, goodHeaders } from "../helpers/client.ts";
import { ORIGIN, startServer, type TestServer } from "../helpers/test_server.ts";
import { RawClient } from "../helpers/raw_client.ts";

const DEADLINE_MS = 30_000;
/** Clients at addresses of their own: all of 127.0.0.0/8 is this machine. */
const [ANN, MALLORY] = ["127.0.0.1", "127.0.0.2"];
const CLAIMED = "198.51.100.7";

interface Proxy {
  readonly program: string;
  readonly file: string;
  /** Whether the server behind it ends TLS itself. */
  readonly passesTls: boolean;
  /** The shipped file with this test's addresses and files in it. */
  adapt(text: string, at: Places): string;
  /** How to run it in the foreground. */
  run(config: string): string[];
}

interface Places {
  readonly port: number;
  readonly server: TestServer;
  readonly folder: string;
  /** Certificate and key, and both in one file. */
  readonly cert: string;
  readonly key: string;
}

const PROXIES: readonly Proxy[] = [
  {
    program: "nginx",
    file: "nginx.conf",
    passesTls: false,
    adapt: (text, { port, server, folder, cert, key }) =>
      `daemon off; pid ${folder}/nginx.pid; error_log stderr; events {}\nhttp {\n` +
      ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${folder}/${name};\n`).join(
        "",
      ) +
      text.replace("listen 443 ssl;", `listen 127.0.0.1:${port} ssl;`)
        .replace("listen [::]:443 ssl;", "")
        .replace(/\/etc\/letsencrypt\/\S+fullchain.pem/, cert)
        .replace(/\/etc\/letsencrypt\/\S+privkey.pem/, key)
        .replaceAll("127.0.0.1:8443", `127.0.0.1:${server.port}`) +
      "}\n",
    run: (config) => ["nginx", "-e", "stderr", "-c", config],
  },
  {
    program: "haproxy",
    file: "haproxy.cfg",
    passesTls: true,
    adapt: (text, { port, server }) =>
      text.replace("bind :443,:::443", `bind 127.0.0.1:${port}`).replace("127.0.0.1:8443", `127.0.0.1:${server.port}`),
    run: (config) => ["haproxy", "-db", "-f", config],
  },
  {
    program: "caddy",
    file: "Caddyfile",
    passesTls: false,
    adapt: (text, { port, server, cert, key }) =>
      `{\n\tadmin off\n\tauto_https off\n}\n` +
      text.replace("ws.example.com {", `https://localhost:${port}, https://127.0.0.1:${port} {\n\ttls ${cert} ${key}`)
        .replace("reverse_proxy 127.0.0.1:8443", `reverse_proxy 127.0.0.1:${server.port}`),
    run: (config) => ["caddy", "run", "--adapter", "caddyfile", "--config", config],
  },
];

/** The `[server]` table that the file's own first comment asks for. */
function serverTable(text: string): Record<string, unknown> {
  const comment = text.split("\n\n")[0]!;
  const lines = comment.split("\n").filter((line) => line.startsWith("#   ")).map((line) => line.slice(4));
  return (parse as (text: string) => { server: Record<string, unknown> })(lines.join("\n")).server;
}

async function startBehind(text: string, passesTls: boolean): Promise<TestServer> {
  return await startServer({
    config: {
      server: { ...serverTable(text), port: 0 },
      limits: { handshake: { rate: 5, burst: 20 }, adaptive: false },
      ...(passesTls ? {} : { tls: undefined }),
    },
  });
}

async function withProxy(proxy: Proxy, test: (port: number, server: TestServer) => Promise<void>): Promise<void> {
  const text = await Deno.readTextFile(`${ROOT}/deploy/${proxy.file}`);
  await using server = await startBehind(text, proxy.passesTls);
  const [cert, key] = [`${server.dir}/server.crt`, `${server.dir}/server.key`];
  const folder = await Deno.makeTempDir({ prefix: "sallyport-proxy-" });
  const port = freePort();
  const config = `${folder}/${proxy.file}`;
  await Deno.writeTextFile(config, proxy.adapt(text, { port, server, folder, cert, key }));
  const [program, ...args] = proxy.run(config);
  const process = new Deno.Command(program!, {
    args,
    env: { XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder, HOME: folder },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const said = Promise.all([new Response(process.stdout).text(), new Response(process.stderr).text()]);
  let ended = false;
  const status = process.status.then((status) => (ended = true, status));
  try {
    await listening(port, () => ended, said);
    await test(port, server);
  } finally {
    if (!ended) process.kill("SIGTERM");
    await status;
    await said;
    await Deno.remove(folder, { recursive: true });
  }
}

async function listening(port: number, ended: () => boolean, said: Promise<string[]>): Promise<void> {
  const deadline = Date.now() + DEADLINE_MS;
  for (;;) {
    if (ended()) throw new Error(`The proxy ended: ${(await said).join("\n")}`);
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** Handshakes by curl from an address of one's own, one after another; gives the statuses. */
async function curl(from: string, url: string, headers: Record<string, string>): Promise<string[]> {
  const { stdout, stderr } = await new Deno.Command("curl", {
    args: ["-ks", "--http1.1", "--interface", from, "-o", "/dev/null", "-w", "%{http_code}\\n", "-m", "20"]
      .concat(Object.entries(headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`]), url),
  }).output();
  const decoder = new TextDecoder();
  const text = decoder.decode(stdout).trim();
  if (text === "") throw new Error(decoder.decode(stderr));
  return text.split("\n");
}

const UPGRADE = {
  connection: "Upgrade",
  upgrade: "websocket",
  "sec-websocket-version": "13",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
  "sec-websocket-protocol": "echo.v1",
  origin: ORIGIN,
};

for (const proxy of PROXIES) {
  Deno.test(optional(
    {
      [proxy.program]: runs(proxy.program, proxy.program === "caddy" ? "version" : "-v"),
      curl: runs("curl", "--version"),
    },
    `deploy/${proxy.file}: handshakes, messages and tickets pass, each client under its own address`,
    () =>
      withProxy(proxy, async (port, server) => {
        const connect = () => RawClient.connect({ port, caCerts: [server.caPem] });
        using client = await connect();
        const response = await client.upgrade("/ws", { host: "localhost", ...goodHeaders(server) });
        assertEquals(response.status, 101, response.body);
        assertEquals((await call(client, "echo", { text: "hello" })).error, undefined);
        assertEquals((await server.logged("handshake.accepted")).ip, ANN);

        const authorization = `Bearer ${server.token("ann")}`;
        using buyer = await connect();
        const bought = await buyer.request("/ticket", { origin: ORIGIN, authorization }, { method: "POST", body: "" });
        assertEquals(bought.status, 200, bought.body);
        using browser = await connect();
        const { ticket } = JSON.parse(bought.body);
        const { authorization: _, ...bare } = goodHeaders(server);
        assertEquals((await browser.upgrade(`/ws?ticket=${ticket}`, bare)).status, 101);

        // An address that a client claims is not believed, and what one client does is not held against another.
        const url = `https://127.0.0.1:${port}/ws`;
        const forged = { ...UPGRADE, "x-forwarded-for": CLAIMED, authorization: "Bearer x.y.z" };
        const statuses = await curl(MALLORY, `${url}?[1-60]`, forged);
        assertEquals([statuses.length, statuses[0]], [60, "401"]);
        const rejected = server.log.filter(({ reason }) => reason === "token_invalid");
        assert(rejected.length > 0 && rejected.every(({ ip }) => ip === MALLORY), JSON.stringify(rejected.slice(0, 3)));
        using next = await connect();
        assertEquals((await next.upgrade("/ws", goodHeaders(server, { user: "bob" }))).status, 101);
        assertEquals((await call(client, "echo", { text: "still here" })).error, undefined);
      }),
  ));
}

Deno.test("the proxies' files name every path that clients use, or pass them all", async () => {
  for (const { file, passesTls } of PROXIES) {
    const text = await Deno.readTextFile(`${ROOT}/deploy/${file}`);
    if (passesTls) assert(/^\s*mode tcp$/m.test(text), file);
    else {for (const path of ["/ws", "/ticket", "/healthz"]) {
        assert(text.split(/[\s{]+/).includes(path), `${file}: ${path}`);
      }}
  }
});

import { makeCertificate } from "../../lib/tls/certificate.ts";
import { assert, assertEquals, assertStringIncludes } from "../assert.ts";
import { startServer, type TestServer } from "../helpers/test_server.ts";
import { parseScrape, value } from "../helpers/prometheus.ts";
import { until } from "../helpers/until.ts";

const OPS = { host: "127.0.0.1", port: 0 };

/** A service manager's socket and everything that came over it. */
class Manager implements AsyncDisposable {
  readonly directory = Deno.makeTempDirSync({ prefix: "sallyport-" });
  readonly path = `${this.directory}/notify`;
  readonly received: string[] = [];
  private readonly socket = Deno.listenDatagram({ transport: "unixpacket", path: this.path });
  private readonly reading = this.read();

  /** The number of `assignment`s received so far. */
  count(assignment: string): number {
    return this.received.filter((text) => text.split("\n").includes(assignment)).length;
  }

  /** Waits until `assignment` has come `times` times. */
  async has(assignment: string, times = 1): Promise<void> {
    await until(() => this.count(assignment) >= times, () => `${assignment} in ${JSON.stringify(this.received)}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.close();
    await this.reading;
    await Deno.remove(this.directory, { recursive: true });
  }

  private async read(): Promise<void> {
    for await (const [datagram] of this.socket) this.received.push(new TextDecoder().decode(datagram));
  }
}

/** A process' state as `ps` shows it: `T` while it is stopped. */
async function stateOf(pid: number): Promise<string> {
  const { stdout } = await new Deno.Command("ps", { args: ["-o", "stat=", "-p", String(pid)] }).output();
  return new TextDecoder().decode(stdout).trim();
}

async function ops(server: TestServer, path: string): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(server.opsUrl + path);
  return { status: response.status, body: await response.json() };
}

Deno.test("serve tells the service manager READY, STATUS, WATCHDOG, RELOADING and STOPPING in this order", async () => {
  await using manager = new Manager();
  await using server = await startServer({
    env: { NOTIFY_SOCKET: manager.path, WATCHDOG_USEC: "200000", RUNTIME_DIRECTORY: manager.directory },
  });
  await manager.has("READY=1");
  assertStringIncludes(manager.received[0]!, "READY=1\nSTATUS=");
  await manager.has("WATCHDOG=1", 2);
  server.signal("SIGHUP");
  await manager.has("RELOADING=1");
  const reloading = manager.received.find((text) => text.startsWith("RELOADING=1"));
  assert(/^RELOADING=1\nMONOTONIC_USEC=[1-9]\d*$/.test(reloading!), reloading);
  await manager.has("READY=1", 2);
  server.signal("SIGTERM");
  await manager.has("STOPPING=1");
  assertEquals((await server.exited()).code, 0);
  const order = manager.received.map((text) => text.split("\n")[0]).filter((line) => line !== "WATCHDOG=1");
  assertEquals(order.filter((line) => !line!.startsWith("STATUS=")), [
    "READY=1",
    "RELOADING=1",
    "READY=1",
    "STOPPING=1",
  ]);
});

Deno.test("serve leaves the watchdog unfed while it is frozen", async () => {
  await using manager = new Manager();
  await using server = await startServer({
    env: { NOTIFY_SOCKET: manager.path, WATCHDOG_USEC: "100000", RUNTIME_DIRECTORY: manager.directory },
  });
  await manager.has("WATCHDOG=1", 2);
  server.signal("SIGSTOP");
  try {
    await until(async () => (await stateOf(server.pid)).startsWith("T"), () => "SIGSTOP");
    // What was sent before it stopped may still be in the socket.
    await new Promise((resolve) => setTimeout(resolve, 100));
    const before = manager.count("WATCHDOG=1");
    await new Promise((resolve) => setTimeout(resolve, 500));
    assertEquals(manager.count("WATCHDOG=1"), before);
  } finally {
    server.signal("SIGCONT");
  }
  await manager.has("WATCHDOG=1", manager.count("WATCHDOG=1") + 2);
});

Deno.test("a running server's readiness, metrics and log tell the truth", async () => {
  await using server = await startServer({ config: { ops: OPS } });
  const { status, body } = await ops(server, "/readyz");
  assertEquals([status, body["ready"]], [200, true]);
  const client = Deno.createHttpClient({ caCerts: [server.caPem] });
  const page = new URL(server.url.replace("wss", "https"));
  for (let i = 0; i < 30; i++) {
    const response = await fetch(page, { client, headers: { upgrade: "websocket" } });
    assertEquals(response.status >= 400, true);
    await response.body?.cancel();
  }
  client.close();
  const { samples } = parseScrape(await (await fetch(`${server.opsUrl}/metrics`)).text());
  assertEquals(value(samples, "sallyport_connections"), 0);
  assert(value(samples, "sallyport_certificate_expiry_seconds")! > 80 * 86_400);
  const rejected = samples.filter(({ name, labels }) =>
    name === "sallyport_handshakes_total" && labels["result"] === "rejected"
  );
  assertEquals(rejected.reduce((sum, sample) => sum + sample.value, 0), 30);
  // On a slow machine the thirty take more than a second, and there is a summary for each second.
  const counted = () => {
    const lines = server.log.filter(({ event }) => event === "handshake.rejected");
    return lines.reduce((sum, line) => sum + ("suppressed" in line ? Number(line["suppressed"]) : 1), 0);
  };
  await until(() => counted() >= 30, () => `30 lines or counts of handshake.rejected, there are ${counted()}`);
  assertEquals(counted(), 30);
});

Deno.test("a running server can't start programs, and reads and writes only what it still needs", async () => {
  await using server = await startServer({ config: { ops: OPS } });
  const { permissions } = (await ops(server, "/healthz")).body as { permissions: Record<string, unknown> };
  for (const kind of ["env", "run", "ffi", "sys", "import"]) assertEquals(permissions[kind], "none", kind);
  // The folder of the socket for cells, which goes with the front.
  const [folder, ...more] = permissions["write"] as string[];
  assertEquals([(await Deno.stat(folder!)).mode! & 0o777, more], [0o700, []]);
  const readable = permissions["read"] as string[];
  assert(Array.isArray(readable) && readable.includes(server.dir), JSON.stringify(permissions));
  assert(!readable.includes("/") && !readable.includes("/etc"), JSON.stringify(readable));
});

Deno.test("a certificate that can't be used is refused at reload, and the old one stays", async () => {
  await using server = await startServer({ config: { ops: OPS } });
  const other = await makeCertificate({ hosts: ["localhost"] });
  const past = { notBefore: new Date(Date.now() - 2e9), notAfter: new Date(Date.now() - 1e9) };
  const expired = await makeCertificate({ hosts: ["localhost"], ...past });
  const before = await Deno.readTextFile(`${server.dir}/server.crt`);
  for (
    const [what, files] of Object.entries({
      "another's key": { "server.key": other.key },
      "no certificate": { "server.crt": "rubbish" },
      "an expired pair": { "server.crt": expired.cert, "server.key": expired.key },
    })
  ) {
    const seen = server.log.length;
    for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(`${server.dir}/${name}`, text);
    server.signal("SIGHUP");
    await server.logged("config.rejected", (line) => server.log.indexOf(line) >= seen);
    const client = Deno.createHttpClient({ caCerts: [before] });
    const answer = await fetch(new URL("/healthz", server.url.replace("wss", "https")), { client });
    assertEquals([what, await answer.text()], [what, "ok"]);
    client.close();
  }
});

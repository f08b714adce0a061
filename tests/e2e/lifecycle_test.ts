/** Start, drain, reload and end of a real process. */
import { assert, assertEquals, assertStringIncludes } from "../assert.ts";
import { type ServerOptions, startServer } from "../helpers/test_server.ts";
import { makeCertificate } from "../../lib/tls/certificate.ts";
import { RawClient } from "../helpers/raw_client.ts";
import { call, connectTo, ENGINES, goodHeaders, handshake, join, nextAnswer } from "../helpers/client.ts";

const TRIALS = [{ subprotocol: "trials.v1", module: "tests/e2e/modules/trials.ts", cells: 1 }];

for (const engine of ENGINES) {
  Deno.test(`${engine}: SIGTERM drains: in-flight requests are answered, then 1001, exit 0`, async () => {
    await using server = await startServer({ engine, handlers: TRIALS });
    using client = await join(server, { subprotocol: "trials.v1" });
    using idle = await join(server, { subprotocol: "trials.v1", user: "idle" });
    await client.text('{"jsonrpc":"2.0","id":7,"method":"trial.slow","params":{"ms":500}}');
    await call(client, "trial.echo", { text: "x" }, 8); // the slow one, before it, is in its cell by now
    server.signal("SIGTERM");
    const messages = [await nextAnswer(client), await nextAnswer(client)];
    const reconnect = messages.find(({ method }) => method === "session.reconnect");
    // How the times are spread is tested in drain_test.ts.
    assert(Number.isInteger(reconnect?.params?.after_ms), JSON.stringify(reconnect));
    assertEquals(messages.find(({ id }) => id === 7)?.result, { atOnce: 1 });
    assertEquals(await client.nextClose(), { code: 1001, reason: "draining" });
    assertEquals((await nextAnswer(idle)).method, "session.reconnect");
    assertEquals(await idle.nextClose(), { code: 1001, reason: "draining" });
    assertEquals((await server.exited()).code, 0);
    await server.logged("drain.started");
    await server.logged("drain.finished");
  });

  Deno.test(`${engine}: a second signal ends the process at once with 130`, async () => {
    await using server = await startServer({ engine, handlers: TRIALS });
    using client = await join(server, { subprotocol: "trials.v1" });
    await client.text('{"jsonrpc":"2.0","id":7,"method":"trial.hang","params":{}}');
    await call(client, "trial.echo", { text: "x" }, 8);
    server.signal("SIGINT");
    await server.logged("drain.started");
    await new Promise((resolve) => setTimeout(resolve, 200)); // sooner it would count as the same one
    server.signal("SIGINT");
    assertEquals((await server.exited()).code, 130);
  });

  Deno.test(`${engine}: SIGHUP takes over what a running server can change, or nothing`, async (t) => {
    await using server = await startServer({ engine });
    using client = await join(server);
    const original = await Deno.readTextFile(server.configFile);
    const reload = async (text: string, event: string) => {
      const before = server.log.filter((line) => line.event === event).length;
      await Deno.writeTextFile(server.configFile, text);
      server.signal("SIGHUP");
      await server.logged(event, () => server.log.filter((line) => line.event === event).length > before);
      return server.log.findLast((line) => line.event === event)!;
    };

    await t.step("origins", async () => {
      await reload(original.replace("https://app.example.com", "https://new.example.com"), "config.reloaded");
      assertEquals((await handshake(server, goodHeaders(server))).status, 403);
      using fresh = await connectTo(server);
      const good = goodHeaders(server, { headers: { origin: "https://new.example.com" } });
      assertEquals((await fresh.upgrade("/ws", good)).status, 101);
    });
    await t.step("an invalid file is refused whole", async () => {
      const line = await reload(
        original.replace("https://app.example.com", "https://*.example.com"),
        "config.rejected",
      );
      assertStringIncludes(JSON.stringify(line), "admission.origins");
      const good = goodHeaders(server, { headers: { origin: "https://new.example.com" } });
      assertEquals((await handshake(server, good)).status, 101);
    });
    await t.step("a change that needs a restart is refused whole", async () => {
      const line = await reload(
        original.replace('path = "/ws"', "").replace("[server]", '[server]\npath = "/other"'),
        "config.rejected",
      );
      assertStringIncludes(JSON.stringify(line), "server.path");
    });
    await t.step("a key that does not fit the certificate is refused, the old certificate stays", async () => {
      const key = await Deno.readTextFile(`${server.dir}/server.key`);
      await Deno.writeTextFile(`${server.dir}/server.key`, key.slice(0, 60));
      await reload(original, "config.rejected");
      using fresh = await connectTo(server);
      assertEquals(
        (await fresh.upgrade("/ws", goodHeaders(server, { headers: { origin: "https://new.example.com" } }))).status,
        101,
      );
      await Deno.writeTextFile(`${server.dir}/server.key`, key);
    });
    await t.step("open connections stay through all of it", async () => {
      assertEquals((await call(client, "echo", { text: "still here" })).error, undefined);
    });
  });
}

Deno.test("serve exits with 2 and every problem on a line when the configuration is wrong", async () => {
  const error = await startServer({
    config: { server: { host: "localhost", port: 0, engine: "fast", surprise: 1 }, admission: { origins: ["*"] } },
  }).then(() => "", (error: Error) => error.message);
  assertStringIncludes(error, "ended with 2");
  for (const key of ["server.engine", "server.surprise", "admission.origins"]) assertStringIncludes(error, key);
});

Deno.test("serve exits with 1 when its port is taken", async () => {
  await using server = await startServer();
  const error = await startServer({ config: { server: { host: "localhost", port: server.port } } })
    .then(() => "", (error: Error) => error.message);
  assertStringIncludes(error, "ended with 1");
  assertStringIncludes(error, "start.failed");
});

Deno.test("edge: a certificate that is replaced on disk is taken up by itself, open connections stay", async () => {
  await using server = await startServer();
  using before = await join(server);
  const renewed = await makeCertificate({ hosts: ["localhost"] });
  await Deno.writeTextFile(`${server.dir}/server.crt`, renewed.cert);
  await Deno.writeTextFile(`${server.dir}/server.key`, renewed.key);
  await server.logged("tls.reloaded");
  using after = await RawClient.connect({ port: server.port, caCerts: [renewed.cert] });
  assertEquals((await after.upgrade("/ws", goodHeaders(server))).status, 101);
  assertEquals((await call(before, "echo", { text: "still here" })).error, undefined);
});

Deno.test("a signal that comes while the server starts is acted on, and one that comes twice at once is one", async () => {
  await using server = await startServer();
  server.signal("SIGTERM");
  server.signal("SIGTERM");
  assertEquals((await server.exited()).code, 0);
  assert(server.log.some(({ event }) => event === "drain.finished"));
});

Deno.test("a reload is reported with each log level that it sets", async () => {
  await using server = await startServer();
  const text = await Deno.readTextFile(server.configFile);
  for (const level of ["error", "debug", "warn"]) {
    const before = server.log.filter(({ event }) => event === "config.reloaded").length;
    await Deno.writeTextFile(server.configFile, text.replace(/level = "\w+"/, `level = "${level}"`));
    server.signal("SIGHUP");
    const reloads = () => server.log.filter(({ event }) => event === "config.reloaded").length;
    await server.logged("config.reloaded", () => reloads() > before);
  }
});

Deno.test("serve exits with 2 and names the key when a file it names can't be used", async () => {
  const start = (options: ServerOptions) => startServer(options).then(() => "", (error: Error) => error.message);
  const weak = await start({
    config: { auth: { algorithms: ["HS256"], secret_file: "weak.secret", public_key_file: undefined } },
    files: { "weak.secret": "abc" },
  });
  assertStringIncludes(weak, "ended with 2");
  assertStringIncludes(weak, "auth.secret_file");
  const module = await start({ handlers: [{ subprotocol: "x.v1", module: "LICENSE" }] });
  assertStringIncludes(module, "ended with 2");
  assertStringIncludes(module, "handlers[0].module");
  const certificate = await start({ config: { tls: { cert_file: "server.key", key_file: "server.key" } } });
  assertStringIncludes(certificate, "ended with 2");
  assertStringIncludes(certificate, "tls.cert_file");
});

Deno.test("a certificate that is not valid yet is taken up as soon as it is, and what is refused is said once", async () => {
  await using server = await startServer();
  using before = await join(server);
  const install = async ({ cert, key }: { cert: string; key: string }) => {
    await Deno.writeTextFile(`${server.dir}/server.key`, key);
    await Deno.writeTextFile(`${server.dir}/server.crt`, cert);
  };
  const notBefore = new Date(Math.ceil(Date.now() / 1000) * 1000 + 6_000);
  const next = await makeCertificate({ hosts: ["localhost"], notBefore });
  await install(next);
  const rejected = await server.logged("config.rejected");
  assertStringIncludes(JSON.stringify(rejected), "Is valid only from");
  const reloaded = await server.logged("tls.reloaded", () => true, 60_000);
  assert(Date.parse(reloaded.time) >= notBefore.getTime(), "not before its time");
  assertEquals(server.log.filter(({ event }) => event === "config.rejected").length, 1);
  assertEquals((await call(before, "echo", { text: "still here" })).error, undefined);
  using after = await RawClient.connect({ port: server.port, caCerts: [next.cert] });
  assertEquals((await after.upgrade("/ws", goodHeaders(server))).status, 101);
});

import { assertEquals, assertRejects } from "../assert.ts";
import { RawClient, RawClientError } from "./raw_client.ts";

const decoder = new TextDecoder();

/** The platform's own server: an independent partner. */
function answer(request: Request): Response {
  if (request.headers.get("upgrade") !== "websocket") {
    return new Response(`${request.method} ${new URL(request.url).pathname}`, { headers: { "x-test": "yes" } });
  }
  const { socket, response } = Deno.upgradeWebSocket(request);
  socket.onmessage = (event) => socket.send(event.data);
  return response;
}

function echoServer(): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, answer);
}

async function exchange(client: RawClient): Promise<void> {
  const response = await client.upgrade("/ws");
  assertEquals([response.status, response.headers.get("sec-websocket-accept")], [101, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="]);
  await client.text("hello");
  assertEquals(await client.nextText(), "hello");
  await client.frame({ opcode: 9, payload: "p" });
  const { fin, opcode, payload } = await client.nextFrame();
  assertEquals([fin, opcode, decoder.decode(payload)], [true, 10, "p"]);
  await client.sendClose(1000, "bye");
  assertEquals((await client.nextClose()).code, 1000);
  await client.closed();
}

Deno.test("RawClient speaks WebSocket over TCP", async () => {
  const server = echoServer();
  using client = await RawClient.connect({ port: server.addr.port });
  await exchange(client);
  await server.shutdown();
});

Deno.test("RawClient speaks WebSocket over a unix socket", async () => {
  const folder = await Deno.makeTempDir();
  const server = Deno.serve({ path: `${folder}/socket`, onListen: () => {} }, answer);
  using client = await RawClient.connect({ unix: `${folder}/socket` });
  await exchange(client);
  await server.shutdown();
  await Deno.remove(folder, { recursive: true });
});

Deno.test("RawClient.request() reads several answers from one connection", async () => {
  const server = echoServer();
  using client = await RawClient.connect({ port: server.addr.port });
  for (const path of ["/a", "/b"]) {
    const response = await client.request(path, { "x-one": "1" });
    assertEquals([response.status, response.headers.get("x-test"), response.body], [200, "yes", `GET ${path}`]);
  }
  client.close();
  await server.shutdown();
});

Deno.test("RawClient.nextFrame() rejects at its deadline and goes on afterwards", async () => {
  const server = echoServer();
  using client = await RawClient.connect({ port: server.addr.port });
  await client.upgrade("/ws");
  const error = await assertRejects(() => client.nextFrame(20), RawClientError);
  assertEquals(error.kind, "deadline");
  await client.text("still here");
  assertEquals(await client.nextText(), "still here");
  client.close();
  await server.shutdown();
});

Deno.test("RawClient.closed() resolves and nextFrame() rejects once the server is gone", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using client = await RawClient.connect({ port: listener.addr.port });
  const connection = await listener.accept();
  connection.close();
  await client.closed();
  const error = await assertRejects(() => client.nextFrame(), RawClientError);
  assertEquals(error.kind, "ended");
  listener.close();
});

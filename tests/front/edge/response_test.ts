import { serialiseResponse, serialiseUpgrade } from "../../../lib/front/edge/response.ts";
import { assertEquals, assertMatch } from "../../assert.ts";

const decoder = new TextDecoder();
const text = async (response: Response, withoutBody = false) =>
  decoder.decode(await serialiseResponse(response, withoutBody)).replace(/Date: [^\r]*\r\n/, "");

Deno.test("serialiseResponse(): status line, headers, length, body, always Connection: close", async () => {
  const headers = { "X-One": "1", "Connection": "keep-alive", "Server": "x", "Content-Length": "99" };
  assertEquals(
    await text(new Response("grüße", { status: 404, headers })),
    "HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Type: text/plain;charset=UTF-8\r\nX-One: 1\r\n" +
      "Content-Length: 7\r\n\r\ngrüße",
  );
});

Deno.test("serialiseResponse() for HEAD keeps the length and leaves the body out", async () => {
  const response = new Response("body", { headers: { "Content-Type": "text/plain" } });
  assertEquals(
    await text(response, true),
    "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\n",
  );
});

Deno.test("serialiseResponse(): 204 has no length", async () => {
  assertEquals(await text(new Response(null, { status: 204 })), "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
});

Deno.test("serialiseResponse() keeps every Set-Cookie apart, and dates the answer", async () => {
  const response = new Response(null, { headers: [["Set-Cookie", "a=1"], ["Set-Cookie", "b=2"]] });
  const whole = decoder.decode(await serialiseResponse(response, false));
  assertMatch(whole, /\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n/);
  assertMatch(whole, /\r\nDate: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\n/);
});

Deno.test("serialiseUpgrade(): RFC 6455 4.2.2", () => {
  assertEquals(
    decoder.decode(serialiseUpgrade("accept=", "chat.v1", { "X-A": "b" })),
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      "Sec-WebSocket-Accept: accept=\r\nSec-WebSocket-Protocol: chat.v1\r\nX-A: b\r\n\r\n",
  );
  assertEquals(decoder.decode(serialiseUpgrade("a", null, {})).includes("Sec-WebSocket-Protocol"), false);
});

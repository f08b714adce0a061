import { SharedText } from "../../../lib/websocket/websocket.ts";
import { assert, assertEquals } from "../../assert.ts";
import { closePayload, concat, frame } from "../../helpers/client_frames.ts";
import { type Session, startTestFront } from "../../helpers/front.ts";
import { until } from "../../helpers/until.ts";

Deno.test("close(): frame, their echo, our FIN; closed once with our code", async () => {
  await using fixture = await startTestFront();
  using client = await fixture.open();
  const [session] = fixture.sessions;
  session!.socket.sendText("last words");
  session!.socket.close(4401, "token_expired");
  session!.socket.close(1000, "again");
  session!.socket.sendText("too late");
  assertEquals(session!.socket.open, false);
  assertEquals(await client.nextText(), "last words");
  assertEquals(await client.nextClose(), { code: 4401, reason: "token_expired" });
  assertEquals(session!.closes, []);
  await client.text("ignored");
  await client.sendClose(4401);
  await client.closed();
  await until(() => session!.closes.length > 0, "closed");
  assertEquals(session!.closes, [{ code: 4401, reason: "token_expired" }]);
  client.close();
  await fixture.empty();
});

Deno.test("close(): a peer that never answers is cut at the deadline", async () => {
  await using fixture = await startTestFront();
  using client = await fixture.open();
  const [session] = fixture.sessions;
  session!.socket.close(1001, "draining");
  assertEquals(await client.nextClose(), { code: 1001, reason: "draining" });
  await client.closed(6000);
  await until(() => session!.closes.length > 0, "closed");
  assertEquals(session!.closes, [{ code: 1001, reason: "draining" }]);
  await fixture.empty();
});

const CLOSES: [string, number | null, string, number][] = [
  ["with a code", 4000, "bye", 4000],
  ["with 1000", 1000, "", 1000],
  ["without a code", null, "", 1005],
];
for (const [name, code, reason, seen] of CLOSES) {
  Deno.test(`the peer closes ${name}: echoed, FIN, closed once`, async () => {
    await using fixture = await startTestFront();
    using client = await fixture.open();
    if (code === null) await client.frame({ opcode: 8 });
    else await client.sendClose(code, reason);
    assertEquals((await client.nextClose()).code, seen);
    await client.closed();
    await until(() => fixture.sessions[0]!.closes.length > 0, "closed");
    assertEquals(fixture.sessions[0]!.closes, [{ code: seen, reason }]);
    client.close();
    await fixture.empty();
  });
}

Deno.test("messages before a close frame are answered before it is echoed; those behind it are dropped", async () => {
  await using fixture = await startTestFront();
  using client = await fixture.open();
  await client.send(concat(
    frame({ opcode: 1, payload: "before" }),
    frame({ opcode: 8, payload: Uint8Array.of(3, 232) }),
    frame({ opcode: 1, payload: "behind" }),
  ));
  assertEquals(await client.nextText(), "before");
  assertEquals((await client.nextFrame()).opcode, 8);
  await client.closed();
});

for (const tls of [true, false]) {
  const over = tls ? "TLS" : "TCP";
  Deno.test(`a FIN right behind the close frame: the answers owed and the close frame still arrive, over ${over}`, async () => {
    await using fixture = await startTestFront({
      tls,
      sink: ({ socket }) => ({
        finish: (done) =>
          void setTimeout(() => {
            socket.sendText("owed");
            done();
          }, 50),
      }),
    });
    using client = await fixture.open();
    await client.send(concat(frame({ opcode: 1, payload: "last" }), frame({ opcode: 8, payload: closePayload(1000) })));
    await client.connection.closeWrite();
    assertEquals([await client.nextText(), await client.nextText()], ["last", "owed"]);
    assertEquals((await client.nextClose()).code, 1000);
    await client.closed();
    await fixture.empty();
    assertEquals(fixture.sessions[0]!.closes, [{ code: 1000, reason: "" }]);
  });

  Deno.test(`a FIN while reading is paused: all before it is still heard and answered, over ${over}`, async () => {
    let paused = true;
    await using fixture = await startTestFront({
      tls,
      sink: ({ socket, messages }) => ({
        message(data) {
          messages.push(data as string);
          socket.sendText(data as string);
          if (!paused) return;
          paused = false;
          socket.pause();
          setTimeout(() => socket.resume(), 100);
        },
      }),
    });
    using client = await fixture.open();
    const text = (payload: string) => frame({ opcode: 1, payload });
    await client.send(concat(text("1"), text("2"), text("3"), frame({ opcode: 8, payload: closePayload(1000) })));
    await client.connection.closeWrite();
    assertEquals([await client.nextText(), await client.nextText(), await client.nextText()], ["1", "2", "3"]);
    assertEquals((await client.nextClose()).code, 1000);
    await fixture.empty();
    assertEquals(fixture.sessions[0]!.closes, [{ code: 1000, reason: "" }]);
  });

  Deno.test(`a FIN in answer to our close frame: what was sent before it still arrives, over ${over}`, async () => {
    await using fixture = await startTestFront({ tls, server: { send_queue: 4 * 1024 * 1024 } });
    using client = await fixture.open();
    const [session] = fixture.sessions;
    await client.connection.closeWrite();
    session!.socket.sendText("x".repeat(500_000));
    session!.socket.close(1001, "draining");
    assertEquals((await client.nextText()).length, 500_000);
    assertEquals(await client.nextClose(), { code: 1001, reason: "draining" });
    await client.closed();
    await fixture.empty();
    assertEquals(session!.closes, [{ code: 1001, reason: "draining" }]);
  });
}

Deno.test("a broken rule: failed, the close frame with its code, FIN, closed once", async () => {
  await using fixture = await startTestFront();
  using client = await fixture.open();
  await client.frame({ opcode: 1, payload: "unmasked", mask: null });
  assertEquals((await client.nextClose()).code, 1002);
  await client.closed();
  assertEquals(fixture.sessions[0]!.events, ["failed protocol_error"]);
  assertEquals(fixture.sessions[0]!.closes, [{ code: 1002, reason: "" }]);
  client.close();
  await fixture.empty();
});

Deno.test("a broken rule while more pours in: the close frame still arrives", async () => {
  await using fixture = await startTestFront({ messages: { max_bytes: 100 } });
  using client = await fixture.open();
  const pouring = client.send(concat(frame({ opcode: 2, payload: new Uint8Array(1_000_000) }))).catch(() => {});
  assertEquals(await client.nextClose(), { code: 1009, reason: "message_too_big" });
  await pouring;
  client.close();
  await fixture.empty();
});

Deno.test("vanishing without a close frame is 1006: FIN, half-close, reset", async () => {
  await using fixture = await startTestFront();
  using half = await fixture.open();
  await half.connection.closeWrite();
  await half.closed();
  const reset = await fixture.open();
  await fixture.sessions[1]!.socket.sendText("unread");
  reset.close();
  await fixture.empty();
  assertEquals(fixture.sessions.map((session) => session.closes), [
    [{ code: 1006, reason: "" }],
    [{ code: 1006, reason: "" }],
  ]);
});

Deno.test("ping() sends a ping; pongs are reported and not answered", async () => {
  await using fixture = await startTestFront();
  using client = await fixture.open();
  assertEquals(fixture.sessions[0]!.socket.ping(), true);
  assertEquals((await client.nextFrame()).opcode, 9);
  await client.frame({ opcode: 10, payload: "p" });
  await client.frame({ opcode: 9, payload: "payload" });
  const pong = await client.nextFrame();
  assertEquals([pong.opcode, new TextDecoder().decode(pong.payload)], [10, "payload"]);
  assertEquals(fixture.sessions[0]!.events, ["pong 1", "ping 7"]);
});

Deno.test("tiny fragments are reported", async () => {
  await using fixture = await startTestFront();
  using client = await fixture.open();
  await client.frame({ opcode: 1, payload: "a", fin: false });
  await client.frame({ opcode: 0, fin: false });
  await client.frame({ opcode: 0, payload: "b" });
  assertEquals(await client.nextText(), "ab");
  assertEquals(fixture.sessions[0]!.events, ["fragment 1", "fragment 0"]);
});

Deno.test("sendShared() and sendBinary()", async () => {
  await using fixture = await startTestFront();
  using client = await fixture.open();
  const { socket } = fixture.sessions[0]!;
  socket.sendShared(new SharedText("to all"));
  const data = Uint8Array.of(1, 2, 3);
  socket.sendBinary(data);
  data.fill(0);
  assertEquals(await client.nextText(), "to all");
  assertEquals([...(await client.nextFrame()).payload], [1, 2, 3]);
});

for (const tls of [true, false]) {
  Deno.test(`pause() in the midst of a chunk: nothing more comes, nothing is lost (${tls ? "TLS" : "plain"})`, async () => {
    const received: string[] = [];
    await using fixture = await startTestFront({
      tls,
      sink: ({ socket }) => ({
        message: (data) => {
          received.push(data as string);
          if (received.length % 3 === 0) socket.pause();
        },
      }),
    });
    using client = await fixture.open();
    const frames = Array.from({ length: 10 }, (_, index) => frame({ opcode: 1, payload: `m${index}` }));
    await client.send(concat(...frames));
    const { socket } = fixture.sessions[0]!;
    for (const count of [3, 6, 9]) {
      await until(() => received.length === count, `${count} messages`);
      await new Promise((resolve) => setTimeout(resolve, 20));
      assertEquals(received.length, count);
      socket.resume();
    }
    await until(() => received.length === 10, "the rest");
    assertEquals(received, Array.from({ length: 10 }, (_, index) => `m${index}`));
  });

  Deno.test(`pause() makes the peer feel TCP and the memory stay flat (${tls ? "TLS" : "plain"})`, async () => {
    let bytes = 0;
    await using fixture = await startTestFront({
      tls,
      sink: () => ({ message: (data) => void (bytes += data.length) }),
    });
    using client = await fixture.open();
    const { socket } = fixture.sessions[0]!;
    socket.pause();
    const chunk = frame({ opcode: 2, payload: new Uint8Array(60_000) });
    let sent = 0;
    const pouring = (async () => {
      for (; sent < 1000; sent++) await client.send(chunk.slice());
    })();
    await stuck(() => sent);
    const before = Deno.memoryUsage().rss;
    assert(sent < 500, `${sent} messages of 60,000 bytes were taken in`);
    assertEquals(bytes, 0);
    socket.resume();
    await pouring;
    await until(() => bytes === 60_000_000, "all bytes");
    assert(Deno.memoryUsage().rss - before < 200_000_000);
  });
}

/** Waits until a count has not changed for a while. */
async function stuck(count: () => number): Promise<void> {
  for (let last = -1, same = 0; same < 10;) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    same = count() === last ? same + 1 : 0;
    last = count();
  }
}

Deno.test("resume() within message() goes on with the same chunk", async () => {
  await using fixture = await startTestFront({
    sink: ({ socket }) => ({
      message: (data) => {
        socket.pause();
        socket.sendText(data as string);
        socket.resume();
      },
    }),
  });
  using client = await fixture.open();
  await client.send(concat(frame({ opcode: 1, payload: "a" }), frame({ opcode: 1, payload: "b" })));
  assertEquals([await client.nextText(), await client.nextText()], ["a", "b"]);
});

Deno.test("close() while paused still sees the peer's answer", async () => {
  const sink = (session: Session) => ({
    message: (data: string | Uint8Array) => {
      session.messages.push(data);
      session.socket.pause();
    },
  });
  await using fixture = await startTestFront({ sink });
  using client = await fixture.open();
  await client.send(concat(frame({ opcode: 1, payload: "a" }), frame({ opcode: 1, payload: "b" })));
  const [session] = fixture.sessions;
  await until(() => session!.messages.length === 1, "the message");
  session!.socket.close(1001, "draining");
  await client.nextClose();
  await client.sendClose(1001);
  await client.closed();
  assertEquals(session!.messages, ["a"]);
  assertEquals(session!.closes, [{ code: 1001, reason: "draining" }]);
});

Deno.test("replies of one chunk, and sends of one tick, leave in order", async () => {
  await using fixture = await startTestFront();
  using client = await fixture.open();
  const frames = Array.from({ length: 200 }, (_, index) => frame({ opcode: 1, payload: `${index}` }));
  await client.send(concat(...frames));
  for (let index = 0; index < 200; index++) assertEquals(await client.nextText(), `${index}`);
  const { socket } = fixture.sessions[0]!;
  for (let index = 0; index < 200; index++) socket.sendText(`${index}`);
  for (let index = 0; index < 200; index++) assertEquals(await client.nextText(), `${index}`);
});

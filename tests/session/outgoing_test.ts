/** The outgoing side of a session on a socket of the test's own. */
import type { Socket } from "../../lib/gate/gate.ts";
import { Batch } from "../../lib/session/batch.ts";
import { Outgoing } from "../../lib/session/outgoing.ts";
import type { SessionServices } from "../../lib/session/services.ts";
import { Telemetry } from "../../lib/telemetry/telemetry.ts";
import { SharedText } from "../../lib/websocket/websocket.ts";
import { assertEquals } from "../assert.ts";

const SEND_QUEUE = 100;
const utf8 = (text: string) => new TextEncoder().encode(text);

function make() {
  const sent: string[] = [];
  const state = { open: true, queued: 0, slow: 0 };
  const socket = {
    get open() {
      return state.open;
    },
    get queued() {
      return state.queued;
    },
    sendText: (text: string) => sent.push(`text ${text}`),
    sendTextAround: (head: string, body: Uint8Array, tail: string) =>
      sent.push(`text ${head}${new TextDecoder().decode(body)}${tail}`),
    sendBinary: (bytes: Uint8Array) => sent.push(`binary ${bytes.join()}`),
    sendShared: (message: SharedText) => sent.push(`shared ${message.text}`),
  } as unknown as Socket;
  const telemetry = new Telemetry();
  const services = { config: { server: { send_queue: SEND_QUEUE } }, telemetry } as unknown as SessionServices;
  const outgoing = new Outgoing(socket, services, () => state.slow++);
  const counted = () =>
    Object.fromEntries([...telemetry.messages.entries()].map(([way, result, n]) => [`${way} ${result}`, n]));
  return { outgoing, sent, state, counted };
}

Deno.test("Outgoing sends texts, bytes and shared messages, and counts each", () => {
  const { outgoing, sent, counted } = make();
  outgoing.send("one");
  outgoing.send(new Uint8Array([1, 2]));
  outgoing.sendAround("[", utf8("é"), "]");
  outgoing.sendShared(new SharedText("all"));
  assertEquals(sent, ["text one", "binary 1,2", "text [é]", "shared all"]);
  assertEquals([outgoing.messages, outgoing.bytes], [4, 3 + 2 + 4 + 3]);
  assertEquals(counted(), { "out ok": 4 });
});

Deno.test("Outgoing sends and counts nothing on a socket that is closing", () => {
  const { outgoing, sent, state, counted } = make();
  state.open = false;
  outgoing.send("one");
  outgoing.sendAround("", utf8("two"), "");
  outgoing.sendShared(new SharedText("three"));
  outgoing.answer(null, "four");
  assertEquals([sent, outgoing.messages, outgoing.bytes, state.slow, counted()], [[], 0, 0, 0, {}]);
});

Deno.test("Outgoing reports a slow client above server.send_queue, not at it", () => {
  const { outgoing, state, counted } = make();
  state.queued = SEND_QUEUE;
  outgoing.send("just inside");
  assertEquals(state.slow, 0);
  state.queued = SEND_QUEUE + 1;
  outgoing.send("just outside");
  assertEquals(state.slow, 1);
  assertEquals(counted(), { "out ok": 2, "out dropped": 1 });
});

Deno.test("Outgoing.answer() sends an answer at once, a batch when it is whole, and nothing for notifications", () => {
  const { outgoing, sent } = make();
  outgoing.answer(null, "1");
  outgoing.answer(null, { head: "<", body: utf8("2"), tail: ">" });
  outgoing.answer(null, null);
  const batch = new Batch(3);
  outgoing.answer(batch, "3");
  outgoing.answer(batch, null);
  assertEquals(sent, ["text 1", "text <2>"]);
  outgoing.answer(batch, "4");
  assertEquals(sent.slice(2), ["text [3,4]"]);
  const notifications = new Batch(1);
  outgoing.answer(notifications, null);
  assertEquals(sent.length, 3);
});

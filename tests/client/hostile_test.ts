/** Servers that break every rule: the client settles each call once, believes nothing, and its neighbour notices nothing. */
import { createHash } from "node:crypto";
import { CallError, type Client, createClient, type State, type Why } from "../../client/mod.ts";
import { assert, assertEquals, assertRejects } from "../assert.ts";
import { TopicServer } from "./topic_server.ts";
import { until } from "../helpers/until.ts";

const DEADLINE_MS = 30_000;
const FLOOD = 20_000;

interface Watched extends AsyncDisposable {
  readonly client: Client;
  readonly states: [State, Why | null][];
  readonly errors: unknown[];
  readonly notified: [string, unknown][];
}

function watched(url: string): Watched {
  const client = createClient(url, { subprotocol: "topics.v1", backoff: { min: 10, max: 50 } });
  const [states, errors, notified] = [[], [], []] as [Watched["states"], unknown[], Watched["notified"]];
  client.on("state", (...change) => states.push(change));
  client.on("error", (error) => errors.push(error));
  client.on("notification", (...one) => notified.push(one));
  return { client, states, errors, notified, [Symbol.asyncDispose]: () => client.close() };
}

/** A WebSocket server whose every answer is `hostile`'s; it admits every client. */
function serve(hostile: (socket: WebSocket, message: { id: number; method: string }) => void) {
  const abort = new AbortController();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, signal: abort.signal, onListen() {} }, (request) => {
    const { socket, response } = Deno.upgradeWebSocket(request, { protocol: "topics.v1" });
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      const user = { user: "ann", roles: [], expires_at: 4_000_000_000 };
      if (message.method === "session.whoami") socket.send(JSON.stringify({ id: message.id, result: user }));
      else hostile(socket, message);
    };
    return response;
  });
  return {
    url: `ws://127.0.0.1:${server.addr.port}/ws`,
    async [Symbol.asyncDispose]() {
      abort.abort();
      await server.finished;
    },
  };
}

/** A TCP server that upgrades, then sends these bytes and ends. */
function serveBytes(bytes: Uint8Array, upgraded = true) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const done = (async () => {
    for await (const conn of listener) {
      try {
        const buffer = new Uint8Array(4096);
        const read = await conn.read(buffer) ?? 0;
        const key = /sec-websocket-key: (\S+)/i.exec(new TextDecoder().decode(buffer.subarray(0, read)))?.[1] ?? "";
        const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
        const head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
          `Sec-WebSocket-Protocol: topics.v1\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`;
        if (upgraded) await conn.write(new TextEncoder().encode(head));
        await conn.write(bytes);
        conn.close();
      } catch {
        // the client is gone
      }
    }
  })();
  return {
    url: `ws://127.0.0.1:${listener.addr.port}/ws`,
    async [Symbol.asyncDispose]() {
      listener.close();
      await done;
    },
  };
}

/** Runs `attack` beside a client of an honest server, which must go on as if nothing were. */
async function besideNeighbour(attack: () => Promise<void>): Promise<void> {
  await using honest = new TopicServer();
  await using neighbour = watched(honest.url);
  await neighbour.client.connect();
  const heard: unknown[] = [];
  const room = neighbour.client.subscribe("room");
  room.on("message", (data) => heard.push(data));
  await until(() => room.state === "live", "the neighbour's subscription");
  await attack();
  honest.publish("room", "message", "still here");
  await until(() => heard.length === 1, "the neighbour's event");
  assertEquals(neighbour.states.map(([state]) => state), ["connecting", "open"]);
  assertEquals(neighbour.errors, []);
}

Deno.test("answers with wrong ids settle nothing, and the right one after them does", () =>
  besideNeighbour(async () => {
    const wrong = [-1, 0, 1e999, 1.5, null, true, [], {}, "1", "__proto__", "constructor", "toString"];
    await using server = serve((socket, { id }) => {
      for (const one of [...wrong, id + 1, id - 1, String(id), [id], { id }]) {
        socket.send(JSON.stringify({ jsonrpc: "2.0", id: one, result: "forged" }));
      }
      socket.send(JSON.stringify({ jsonrpc: "2.0", result: "without an id" }));
      socket.send(JSON.stringify({ jsonrpc: "2.0", id, result: "right" }));
      socket.send(JSON.stringify({ jsonrpc: "2.0", id, result: "twice" }));
    });
    await using ann = watched(server.url);
    await ann.client.connect();
    for (let n = 0; n < 20; n++) assertEquals(await ann.client.call("m", {}), "right");
    assertEquals([ann.client.state, ann.errors], ["open", []]);
  }));

Deno.test("__proto__ at any place changes no prototype", () =>
  besideNeighbour(async () => {
    const evil = '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}';
    await using server = serve((socket, { id }) => {
      socket.send(evil);
      socket.send(`{"method":"__proto__","params":${evil}}`);
      socket.send(`{"method":"topic.event","params":{"topic":"__proto__","event":"__proto__","data":${evil}}}`);
      socket.send(`{"id":${id},"result":${evil},"__proto__":{"error":{"code":1}}}`);
    });
    await using ann = watched(server.url);
    ann.client.subscribe("__proto__");
    await ann.client.connect();
    await ann.client.call("m", {});
    assertEquals([({} as { polluted?: boolean }).polluted, "polluted" in Array.prototype], [undefined, false]);
  }));

Deno.test("no JSON, no objects, and members of other types are told as errors at most", () =>
  besideNeighbour(async () => {
    const texts = ["", "{", "null", "1", '"text"', "[]", "[null]", '{"method":5}', '{"method":"topic.event"}'];
    const more = [
      '{"method":"topic.ended","params":null}',
      '{"method":"session.reconnect","params":[]}',
      '{"id":1,"error":5}',
      "\u0000".repeat(1000),
    ];
    await using server = serve((socket, { id }) => {
      for (const text of [...texts, ...more.filter((text) => !text.includes("reconnect"))]) socket.send(text);
      socket.send(new Uint8Array(100));
      socket.send(`{"id":${id},"error":{"code":"not a number","message":{"not":"a text"}}}`);
    });
    await using ann = watched(server.url);
    await ann.client.connect();
    const error = await assertRejects(() => ann.client.call("m", {}), CallError);
    assertEquals(error.outcome, "refused");
    assertEquals(ann.client.state, "open");
    assert(ann.errors.length > 0 && ann.errors.length <= texts.length + more.length + 1, `${ann.errors.length} errors`);
  }));

Deno.test("a flood of unasked answers and events keeps no memory and stops no call", () =>
  besideNeighbour(async () => {
    await using server = serve((socket, { id }) => {
      for (let n = 0; n < FLOOD; n++) socket.send(`{"id":${1_000_000 + n},"result":"${"x".repeat(20)}"}`);
      for (let n = 0; n < FLOOD; n++) {
        socket.send(`{"method":"topic.event","params":{"topic":"other${n}","event":"e","data":1}}`);
      }
      socket.send(`{"id":${id},"result":"right"}`);
    });
    await using ann = watched(server.url);
    await ann.client.connect();
    const heard: unknown[] = [];
    ann.client.subscribe("mine").on("e", (data) => heard.push(data));
    assertEquals(await ann.client.call("m", {}, { timeout: DEADLINE_MS }), "right");
    assertEquals([heard, ann.notified, ann.client.state], [[], [], "open"]);
  }));

for (
  const [what, bytes, upgraded] of [
    ["half a frame", [0x81, 0x7e, 0x01], true],
    ["a frame that announces more than it brings", [0x81, 0x7f, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0x7b], true],
    ["a masked frame", [0x81, 0x82, 1, 2, 3, 4, 5, 6], true],
    ["text that is not UTF-8", [0x81, 0x02, 0xc3, 0x28], true],
    ["a reserved opcode", [0x83, 0x00], true],
    ["no HTTP", [0x00, 0xff, 0x0a, 0x0d], false],
    ["half a head", [...new TextEncoder().encode("HTTP/1.1 101 Switch")], false],
    ["nothing", [], false],
  ] as const
) {
  Deno.test(`${what}: the attempt fails, and is repeated with delays`, () =>
    besideNeighbour(async () => {
      await using server = serveBytes(new Uint8Array(bytes), upgraded);
      await using ann = watched(server.url);
      ann.client.connect().catch(() => {});
      const call = ann.client.call("m", {}, { timeout: 300 }).catch((error) => error);
      const lost = () => ann.states.filter(([state]) => state === "waiting" || state === "closed");
      await until(() => lost().length > 0, "a failed attempt");
      const { outcome } = await call as CallError;
      assertEquals(outcome, "not_sent");
      assertEquals(ann.client.user, null);
      assert(ann.states.every(([state]) => state !== "open"), "it was never open");
    }));
}

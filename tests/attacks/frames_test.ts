/** Attacks with frames after the 101: messages that never end, floods of control frames, frames in the smallest pieces. */
import { assertEquals, assertGreater, assertLess } from "../assert.ts";
import { join, nextAnswer } from "../helpers/client.ts";
import { concat, frame } from "../helpers/client_frames.ts";
import type { RawClient } from "../helpers/raw_client.ts";
import { MIB, pour, Target, times } from "./target.ts";

/** Of each kind. */
const CLIENTS = 4;
/** More than anyone may send unheard; a client that gets here was not stopped. */
const FAR_TOO_MUCH = 512 * MIB;

const start = (bytes: Uint8Array | string) => frame({ opcode: 2, fin: false, payload: bytes });
const more = (bytes: Uint8Array | string) => frame({ opcode: 0, fin: false, payload: bytes });
const repeated = (bytes: Uint8Array, count: number) => concat(...new Array<Uint8Array>(count).fill(bytes));
const header = (announcedLength: bigint) => frame({ opcode: 2, announcedLength, lengthEncoding: 64 });

interface Endless {
  readonly name: string;
  readonly first: Uint8Array;
  /** Sent again and again. */
  readonly then: Uint8Array;
  readonly code: number;
  readonly reason: string;
}

const ENDLESS: readonly Endless[] = [
  {
    name: "fragments of 1 KiB for ever",
    first: start("x"),
    then: repeated(more(new Uint8Array(1024)), 64),
    code: 1009,
    reason: "message_too_big",
  },
  {
    name: "fragments of 60 KiB for ever",
    first: start("x"),
    then: more(new Uint8Array(60 * 1024)),
    code: 1009,
    reason: "message_too_big",
  },
  {
    name: "10,000 fragments of one byte",
    first: start("x"),
    then: repeated(more("x"), 10_000),
    code: 1008,
    reason: "too_many_fragments",
  },
  {
    name: "empty fragments without end",
    first: start(""),
    then: repeated(more(""), 10_000),
    code: 1008,
    reason: "too_many_fragments",
  },
  {
    name: "messages of 1,000 empty fragments without end",
    first: new Uint8Array(),
    then: concat(start("x"), repeated(more(""), 1_000), frame({ opcode: 0 })),
    code: 1008,
    reason: "rate_limited",
  },
  {
    name: "a frame of 2^63 - 1 bytes",
    first: header(2n ** 63n - 1n),
    then: new Uint8Array(65_536),
    code: 1009,
    reason: "message_too_big",
  },
  { name: "a frame of 2^63 bytes", first: header(2n ** 63n), then: new Uint8Array(65_536), code: 1002, reason: "" },
  {
    name: "a frame of 4 GiB",
    first: header(2n ** 32n),
    then: new Uint8Array(65_536),
    code: 1009,
    reason: "message_too_big",
  },
  {
    name: "one byte over max_bytes",
    first: header(65_537n),
    then: new Uint8Array(65_536),
    code: 1009,
    reason: "message_too_big",
  },
];

Deno.test("Bandit CVE-2026-42786, gorilla CVE-2020-27813: never-ending messages of every kind at once, each closed with its code, memory stays flat", async (t) => {
  await using target = await Target.start({ config: { server: { max_connections_per_ip: 1000 } } });
  const closes = new Map<string, Set<string>>();
  await target.survives(ENDLESS.length * CLIENTS, () =>
    times(ENDLESS.length * CLIENTS, async (index) => {
      const { name, first, then } = ENDLESS[index % ENDLESS.length]!;
      using client = await join(target.server, { subprotocol: "echo.raw.v1", user: `attacker-${index}` });
      await client.send(first);
      const [sent, { code, reason }] = await Promise.all([pour(client, then, FAR_TOO_MUCH), ending(client)]);
      assertLess(sent, FAR_TOO_MUCH, name);
      closes.set(name, (closes.get(name) ?? new Set()).add(`${code} ${reason}`));
    }));
  for (const { name, code, reason } of ENDLESS) {
    await t.step(`${name}: ${code} ${reason}`, () => assertEquals([...closes.get(name)!], [`${code} ${reason}`]));
  }
  await target.server.logged("connection.closed", ({ code }) => [1002, 1008, 1009].includes(Number(code)));
});

Deno.test("unfinished messages hold no more memory than allowed, in any number", async (t) => {
  await using target = await Target.start({
    config: { server: { max_connections_per_ip: 1000 }, limits: { handshake: { rate: 1e6, burst: 1e6 } } },
  });
  const connections = 200;
  const held = async (bytes: Uint8Array) => {
    const { rss } = await target.survives(connections, async () => {
      const clients = await times(connections, async (index) => {
        const client = await join(target.server, { subprotocol: "echo.raw.v1", user: `holder-${index}` });
        await client.send(bytes);
        return client;
      });
      assertEquals(await target.metric("sallyport_connections"), connections);
      for (const client of clients) client.close();
    });
    await target.emptied();
    return rss.peak - rss.before;
  };

  await t.step("headers that announce max_bytes reserve nothing like it", async () => {
    assertLess(await held(header(65_536n)), 96 * MIB);
  });
  await t.step("max_bytes less one byte, in one frame", async () => {
    await held(frame({ opcode: 2, payload: new Uint8Array(65_535), announcedLength: 65_536 }));
  });
  await t.step("1,000 fragments of one byte", async () => {
    await held(concat(start("x"), repeated(more("x"), 999)));
  });
});

Deno.test("floods of control frames end with 1008 rate_limited and a ban of the user", async () => {
  await using target = await Target.start({ config: { server: { max_connections_per_ip: 1000 } } });
  const ping = frame({ opcode: 9, payload: "x".repeat(125) });
  const floods = {
    emptyPings: frame({ opcode: 9 }),
    longPings: ping,
    unreadPongs: ping,
    pongs: frame({ opcode: 10, payload: "x" }),
    insideMessage: concat(start("x"), repeated(concat(frame({ opcode: 9 }), frame({ opcode: 10 })), 10_000)),
  };
  const kinds = Object.keys(floods) as (keyof typeof floods)[];
  await target.survives(kinds.length * CLIENTS, () =>
    times(kinds.length * CLIENTS, async (index) => {
      const kind = kinds[index % kinds.length]!;
      using client = await join(target.server, { user: `${kind}-${index}` });
      const flood = kind === "insideMessage" ? floods[kind] : repeated(floods[kind], 500);
      const read = kind === "unreadPongs" ? null : ending(client);
      assertLess(await pour(client, flood, FAR_TOO_MUCH), FAR_TOO_MUCH, kind);
      if (read !== null) assertEquals(await read, { code: 1008, reason: "rate_limited" }, kind);
    }));
  await target.emptied();
  const limited = await target.metric("sallyport_limited_total", { scope: "connection" });
  assertGreater(limited, kinds.length * CLIENTS * 19);
  await target.server.logged("ban.added", ({ key }) => kinds.some((kind) => String(key).startsWith(`user:${kind}`)));
});

Deno.test("a sender of one byte a write is served as any other", async () => {
  await using target = await Target.start();
  await target.survives(4, () =>
    times(4, async (index) => {
      using client = await join(target.server, { user: `slow${index}` });
      const text = `{"jsonrpc":"2.0","id":7,"method":"echo","params":{"text":"grüß dich 👋"}}`;
      const payload = new TextEncoder().encode(text);
      const bytes = concat(
        frame({ opcode: 1, payload: payload.subarray(0, 62), fin: false }), // within a character
        frame({ opcode: 9, payload: "now" }),
        frame({ opcode: 0, payload: payload.subarray(62) }),
      );
      for (const byte of bytes) await client.send(Uint8Array.of(byte));
      const pong = await client.nextFrame();
      assertEquals([pong.opcode, new TextDecoder().decode(pong.payload)], [10, "now"]);
      assertEquals((await nextAnswer(client)).result, { text: "grüß dich 👋" });
    }));
});

/** The close frame; other frames on the way are dropped. */
function ending(client: RawClient): Promise<{ code: number; reason: string }> {
  return client.nextClose(30_000);
}

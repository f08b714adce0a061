/** Attacks before the 101: slowloris, floods of connections, resets, garbage. */
import { assert, assertEquals, assertGreaterOrEqual } from "../assert.ts";
import { goodHeaders } from "../helpers/client.ts";
import { type RawClient, RawClientError } from "../helpers/raw_client.ts";
import { resetAfter } from "./reset.ts";
import { Target, times } from "./target.ts";
import { until } from "../helpers/until.ts";

const encoder = new TextEncoder();

/** A ClientHello that says it has 508 bytes more. */
const HELLO = Uint8Array.of(0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03);
const HALF_HEAD = "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgr";

/** Says one byte of a head every 50 ms, until the server has had enough. */
async function trickle(client: RawClient): Promise<void> {
  const ended = client.closed(30_000).then(() => true);
  for (const byte of encoder.encode(HALF_HEAD.repeat(20))) {
    if (await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 50))])) return;
    await client.send(Uint8Array.of(byte)).catch(() => {});
  }
  await ended;
}

async function answeredLate(client: RawClient): Promise<void> {
  const { status, body, headers } = await client.response(30_000);
  assertEquals([status, body, headers.get("connection")], [408, '{"error":"timeout"}', "close"]);
  await client.closed(30_000);
}

Deno.test("slowloris: unfinished handshakes are closed at handshake_timeout, others are served during the attack", async (t) => {
  await using target = await Target.start({ config: { server: { handshake_timeout: "2s" } } });

  await t.step("half a request head: 408", async () => {
    await target.survives(30, () =>
      times(30, async () => {
        using client = await target.tls();
        await client.send(HALF_HEAD);
        await answeredLate(client);
      }));
    await target.server.logged("handshake.rejected", ({ reason, status }) => reason === "timeout" && status === 408);
  });
  await t.step("one byte of a head after another: 408", async () => {
    await target.survives(30, () =>
      times(30, async () => {
        using client = await target.tls();
        const ended = trickle(client);
        await answeredLate(client);
        await ended;
      }));
  });
  await t.step("a TLS ClientHello without an end, or nothing at all: closed without a word", async () => {
    await target.survives(60, () =>
      times(60, async (index) => {
        using client = await target.tcp();
        if (index % 2 === 0) await client.send(HELLO);
        assertEquals(await client.connection.read(new Uint8Array(1)).catch(() => null), null);
      }));
  });
  await t.step("all of it at once", async () => {
    const refused = await target.refused("timeout");
    await target.survives(90, async () => {
      const attack = times(90, async (index) => {
        // On a busy machine what comes before may take too long; that ends in the same way.
        using client = index % 3 === 0 ? await target.tcp() : await target.tls().catch(() => null);
        if (client === null) return;
        if (index % 3 === 0) await client.send(HELLO);
        if (index % 3 === 1) await client.send(HALF_HEAD).catch(() => {});
        if (index % 3 === 2) await trickle(client);
        else await client.closed(30_000);
      });
      await Promise.all([attack, target.honestClientIsServed()]);
    });
    assertEquals(await target.refused("timeout") - refused, 90);
  });
});

Deno.test("connection flood: an address stays under its cap; other addresses are served", async (t) => {
  // The connections that hold the places are silent: their time must not run out on a slow machine.
  await using target = await Target.start({
    config: { server: { handshake_timeout: "2m", max_connections_per_ip: 50 } },
  });

  await t.step("connections over the cap are closed without a byte", async () => {
    await target.survives(50, async () => {
      const without = await target.openFiles();
      const inside = await times(50, () => target.tcp());
      await until(async () => await target.openFiles() >= without + 50, "50 connections");
      const files = await target.openFiles();
      for (let wave = 0; wave < 5; wave++) {
        await times(100, async () => {
          using client = await target.tcp();
          assertEquals(await client.connection.read(new Uint8Array(1)).catch(() => null), null);
        });
        await target.honestClientIsServed();
      }
      assertGreaterOrEqual(await target.refused("too_many_connections"), 500);
      await until(async () => await target.openFiles() < files + 20, "the end of those over the cap");
      for (const client of inside) client.close();
    });
  });
  await t.step("the address is let in again once its connections have ended", async () => {
    await until(async () => {
      using client = await target.tls().catch(() => null);
      const answer = await client?.upgrade("/ws", goodHeaders(target.server)).catch(() => null);
      return answer?.status === 101;
    }, "the address to be let in");
  });
});

/** The outcome of each of `count` handshakes: a status with its reason, or closed by the server without an answer. */
async function flood(target: Target, count: number, headers: (index: number) => Record<string, string>) {
  const outcomes = new Map<string, number>();
  for (let at = 0; at < count; at += 20) {
    await times(20, async (index) => {
      const outcome = await attempt(target, headers(at + index));
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    });
  }
  return outcomes;
}

async function attempt(target: Target, headers: Record<string, string>): Promise<string> {
  try {
    using client = await target.tls();
    const answer = await client.upgrade("/ws", headers, 20_000);
    const { status, body } = answer;
    if (status === 429) assertGreaterOrEqual(Number(answer.headers.get("retry-after")), 1, "Retry-After");
    return status === 101 ? "101" : `${status} ${JSON.parse(body).error}`;
  } catch (error) {
    if (!closedByServer(error)) throw error;
    return "closed";
  }
}

function closedByServer(error: unknown): boolean {
  return error instanceof RawClientError && error.kind === "ended" ||
    [Deno.errors.UnexpectedEof, Deno.errors.ConnectionReset, Deno.errors.ConnectionAborted, Deno.errors.BrokenPipe]
      .some((ending) => error instanceof ending);
}

const FLOOD = 200;

Deno.test("handshake flood: good ones over the rate are 429 and told when to come back, others are served", async () => {
  const limits = { handshake: { rate: 5, burst: 20 }, handshake_user: { rate: 1, burst: 20 } };
  await using target = await Target.start({ config: { limits } });
  const headers = goodHeaders(target.server, { user: "flooder" });
  const { result: outcomes } = await target.survives(20, () => flood(target, FLOOD, () => headers));
  const of = (outcome: string) => outcomes.get(outcome) ?? 0;
  const known = ["101", "429 rate_limited", "429 banned", "429 too_many_connections", "closed"];
  assertEquals([...outcomes.keys()].filter((outcome) => !known.includes(outcome)), []);
  assertEquals([...outcomes.values()].reduce((sum, times) => sum + times), FLOOD);
  assert(of("101") >= 1 && of("429 rate_limited") >= 1, JSON.stringify([...outcomes]));
  assertEquals(await target.refused("rate_limited"), of("429 rate_limited"));
});

Deno.test("handshake flood: an address that sends forged tokens is banned, others are served", async () => {
  await using target = await Target.start({ config: { limits: { handshake: { rate: 5, burst: 20 } } } });
  const [head, claims] = target.server.token("ann").split(".");
  const forged = (index: number) =>
    goodHeaders(target.server, {
      token: `${head}.${claims}.${btoa(`${index}`.padStart(48, "x")).replaceAll("=", "")}`,
    });
  const { result: outcomes } = await target.survives(20, () => flood(target, FLOOD, forged));
  const known = ["401 token_invalid", "429 rate_limited", "429 banned", "closed"];
  assertEquals([...outcomes.keys()].filter((outcome) => !known.includes(outcome)), []);
  assertEquals([...outcomes.values()].reduce((sum, times) => sum + times), FLOOD);
  assert((outcomes.get("401 token_invalid") ?? 0) >= 1, JSON.stringify([...outcomes]));
  await target.server.logged("ban.added", ({ key }) => String(key).startsWith("ip:127.0.0.1"));
  const banned = await target.refused("banned");
  const after = await attempt(target, forged(FLOOD));
  assert(["429 banned", "closed"].includes(after), after);
  assertEquals(await target.refused("banned"), banned + 1);
});

Deno.test("reset storm: resets at every stage of a handshake leave nothing behind", async () => {
  await using target = await Target.start({ config: { server: { max_connections_per_ip: 1000 } } });
  const files = await target.openFiles();
  const head = upgradeHead(target);
  await target.survives(100, async () => {
    for (let wave = 0; wave < 10; wave++) {
      await times(40, (index) => {
        const saying = [null, HELLO, HALF_HEAD, head, head][index % 5]!;
        return resetAfter(target.server, { tls: index % 5 > 1, saying, answered: index % 5 === 4 });
      });
    }
  });
  await target.emptied();
  await until(async () => await target.openFiles() <= files + 2, "the files to be closed");
});

Deno.test("handshake garbage: every kind ends, and none of it the server", async (t) => {
  await using target = await Target.start({ config: { server: { handshake_timeout: "2s" } } });
  const alert = Uint8Array.of(0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x28);
  const withoutTls: [string, (index: number) => Uint8Array][] = [
    ["random bytes", (index) => noise(index, 1 + index * 997)],
    ["plain HTTP on the TLS port", () => encoder.encode(upgradeHead(target))],
    ["TLS alerts", () => alert],
    [
      "a TLS record longer than any may be",
      () => Uint8Array.of(0x16, 0x03, 0x01, 0xff, 0xff, ...new Array(70_000).fill(1)),
    ],
    ["SSL 2", () => Uint8Array.of(0x80, 0x2e, 0x01, 0x00, 0x02, 0x00, 0x15, 0x00, 0x00, 0x00, 0x10)],
    ["an HTTP/2 preface", () => encoder.encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")],
    ["a PROXY header that is not expected", () => encoder.encode("PROXY TCP4 127.0.0.9 127.0.0.1 1 2\r\n")],
  ];
  for (const [name, bytes] of withoutTls) {
    await t.step(`before TLS: ${name}`, async () => {
      const failed = await target.refused("tls_failed") + await target.refused("timeout");
      await target.survives(30, () =>
        times(30, async (index) => {
          using client = await target.tcp();
          await client.send(bytes(index)).catch(() => {});
          await client.closed(30_000);
        }));
      assertEquals(await target.refused("tls_failed") + await target.refused("timeout") - failed, 30);
    });
  }

  const host = "Host: localhost\r\n";
  const inTls: [string, (index: number) => Uint8Array | string, number, string][] = [
    ["random bytes", (index) => noise(index, 100 + index), 400, "bad_request"],
    ["an HTTP/2 preface", () => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", 400, "bad_request"],
    ["a frame before the handshake", () => Uint8Array.of(0x81, 0x85, 1, 2, 3, 4, 1, 2, 3, 4, 5), 400, "bad_request"],
    ["a head of 17 KiB", () => `GET /ws HTTP/1.1\r\n${host}X: ${"a".repeat(17_000)}`, 431, "headers_too_large"],
    ["a head of 200 KB", () => `GET /ws HTTP/1.1\r\n${host}X: ${"a".repeat(200_000)}`, 431, "headers_too_large"],
    ["a request line of 17 KiB", () => `GET /${"a".repeat(17_000)}`, 431, "headers_too_large"],
    ["2,000 header lines", () => `GET /ws HTTP/1.1\r\n${host}${"a: b\r\n".repeat(2_000)}`, 431, "headers_too_large"],
  ];
  for (const [name, bytes, status, reason] of inTls) {
    await t.step(`in TLS: ${name} gives ${status}`, async () => {
      await target.survives(30, () =>
        times(30, async (index) => {
          using client = await target.tls();
          await client.send(bytes(index)).catch(() => {});
          const response = await client.response(30_000);
          assertEquals([response.status, response.body], [status, `{"error":"${reason}"}`]);
          await client.closed(30_000);
        }));
    });
  }
  await t.step("in TLS: a head that never ends is cut", async () => {
    const { result } = await target.survives(10, () =>
      times(10, async () => {
        using client = await target.tls();
        const piece = encoder.encode("a".repeat(16_384));
        await client.send(`GET /ws HTTP/1.1\r\n${host}X: `);
        let sent = 0;
        try {
          for (; sent < 256 * 1024 * 1024; sent += piece.length) await client.send(piece);
        } catch {
          // cut
        }
        return sent;
      }));
    assert(result.every((sent) => sent < 64 * 1024 * 1024), `${result}`);
  });
});

/** Bytes that look random, the same in every run (a linear congruential generator). */
function noise(seed: number, length: number): Uint8Array {
  let state = seed + 1;
  return Uint8Array.from({ length }, () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) >>> 24);
}

function upgradeHead(target: Target): string {
  const fields = {
    host: "localhost",
    upgrade: "websocket",
    connection: "Upgrade",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    "sec-websocket-version": "13",
    ...goodHeaders(target.server),
  };
  return `GET /ws HTTP/1.1\r\n${Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`;
}

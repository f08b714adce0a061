/** Keys that change while sessions live: a public key, a watched key set, an issuer that rotates, hangs, lies and dies. */
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { join as joinPath } from "node:path";
import jwt from "jsonwebtoken";
import { assert, assertEquals } from "../assert.ts";
import { makeCertificate } from "../../lib/tls/certificate.ts";
import type { TestServer } from "../helpers/test_server.ts";
import { goodHeaders, join } from "../helpers/client.ts";
import {
  assertAlive,
  closeAll,
  crowd,
  CROWDED,
  reasonOf,
  ROOMS,
  startRooms,
  tryHandshake,
} from "./modules/identity_kit.ts";
import { until } from "../helpers/until.ts";

const CROWD = 500;
/** A handshake that waited for an issuer would take longer than this. */
const PROMPT_MS = 1_500;

interface Key {
  readonly kid: string;
  readonly jwk: Record<string, unknown>;
  readonly pem: string;
  token(sub: string, kid?: string): string;
}

function makeKey(kid: string): Key {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return {
    kid,
    jwk: { ...(publicKey as KeyObject).export({ format: "jwk" }), kid, alg: "ES256", use: "sig" },
    pem: publicKey.export({ type: "spki", format: "pem" }) as string,
    token(sub, named = kid) {
      const now = Math.floor(Date.now() / 1000);
      const claims = {
        iss: "https://id.example.com",
        aud: "sallyport",
        sub,
        roles: ["user"],
        iat: now,
        exp: now + 300,
      };
      return jwt.sign(claims, privateKey, { algorithm: "ES256", keyid: named });
    },
  };
}

const setOf = (...keys: Key[]) => JSON.stringify({ keys: keys.map(({ jwk }) => jwk) });

const auth = (source: Record<string, string>) => ({
  public_key_file: undefined,
  issuer: "https://id.example.com",
  audience: "sallyport",
  algorithms: ["ES256"],
  ...source,
});

async function arrives(server: TestServer, token: string): Promise<string> {
  return reasonOf(await tryHandshake(server, goodHeaders(server, { subprotocol: ROOMS.subprotocol, token })));
}

/** Sends SIGHUP and waits for the line that says what came of it. */
async function reload(server: TestServer, event = "config.reloaded"): Promise<void> {
  const count = () => server.log.filter((line) => line.event === event).length;
  const before = count();
  server.signal("SIGHUP");
  await server.logged(event, () => count() > before);
}

Deno.test("a public_key_file that is replaced counts from SIGHUP on; sessions stay", async () => {
  const [before, after] = [makeKey("before"), makeKey("after")];
  await using server = await startRooms({
    config: { auth: auth({ public_key_file: "issuer.pem" }) },
    files: { "issuer.pem": before.pem },
  });
  const file = joinPath(server.dir, "issuer.pem");
  using client = await join(server, { subprotocol: ROOMS.subprotocol, token: before.token("ann") });
  assertEquals(await arrives(server, after.token("bob")), "token_invalid");

  await Deno.writeTextFile(file, "-----BEGIN PUBLIC KEY-----\nnonsense");
  await reload(server, "config.rejected");
  assertEquals(await arrives(server, before.token("ann")), "(let in)");

  await Deno.writeTextFile(file, after.pem);
  await reload(server);
  assertEquals(await arrives(server, after.token("bob")), "(let in)");
  assertEquals(await arrives(server, before.token("ann")), "token_invalid");
  await assertAlive([client]);
});

Deno.test(`a jwks_file is rotated under ${CROWD} live sessions`, async (t) => {
  const [first, second] = [makeKey("first"), makeKey("second")];
  await using server = await startRooms({
    config: { ...CROWDED, auth: auth({ jwks_file: "keys.json" }) },
    files: { "keys.json": setOf(first) },
  });
  const file = joinPath(server.dir, "keys.json");
  const rewrite = async (text: string, event: string) => {
    const count = () => server.log.filter((line) => line.event === event).length;
    const before = count();
    await Deno.writeTextFile(`${file}.new`, text);
    await Deno.rename(`${file}.new`, file);
    await server.logged(event, () => count() > before);
  };
  const clients = await crowd(server, CROWD, (i) => first.token(`user-${i}`));

  await t.step("a new key is taken up beside the old one", async () => {
    assertEquals(await arrives(server, second.token("bob")), "token_invalid");
    await rewrite(setOf(first, second), "keys.reloaded");
    assertEquals(await arrives(server, second.token("bob")), "(let in)");
    assertEquals(await arrives(server, first.token("ann")), "(let in)");
  });
  await t.step("a set that can't be used changes nothing", async () => {
    for (const text of ["{", '{"keys":[]}', '{"keys":[{"kty":"oct","k":"AAAA","kid":"second"}]}']) {
      await rewrite(text, "keys.rejected");
      assertEquals(await arrives(server, second.token("bob")), "(let in)");
    }
  });
  await t.step("a withdrawn key lets no client in, and ends no session", async () => {
    await rewrite(setOf(second), "keys.reloaded");
    assertEquals(await arrives(server, first.token("ann")), "token_invalid");
    assertEquals(await arrives(server, first.token("ann", "second")), "token_invalid");
    await assertAlive(clients);
  });
  await t.step("sessions renew themselves with the new key, not with the old", async () => {
    const refresh = async (i: number, key: Key) => {
      const token = key.token(`user-${i}`);
      await clients[i]!.text(JSON.stringify({ jsonrpc: "2.0", id: 1, method: "session.refresh", params: { token } }));
      return JSON.parse(await clients[i]!.nextText(20_000)).error?.code ?? 0;
    };
    assertEquals(await refresh(0, first), -32003);
    const codes = await Promise.all(clients.map((_, i) => refresh(i, second)));
    assert(codes.every((code) => code === 0), String(codes));
  });
  closeAll(clients);
});

type Answer = (request: Request) => Response | Promise<Response>;

/** An https issuer on a port that outlives it: it can die and come back. `caFile` is for the server's DENO_CERT. */
class Issuer implements AsyncDisposable {
  answer: Answer = () => new Response(null, { status: 500 });
  requests = 0;
  port = 0;
  #server: Deno.HttpServer<Deno.NetAddr> | undefined;
  #ending = new AbortController();

  private constructor(readonly caFile: string, readonly cert: string, readonly key: string) {}

  static async start(): Promise<Issuer> {
    const ca = await makeCertificate({ hosts: ["Test CA"], isCa: true });
    const { cert, key } = await makeCertificate({ hosts: ["localhost", "127.0.0.1"], ca });
    const caFile = await Deno.makeTempFile({ prefix: "sallyport-ca-", suffix: ".pem" });
    await Deno.writeTextFile(caFile, ca.cert);
    const issuer = new Issuer(caFile, cert, key);
    issuer.live();
    return issuer;
  }

  live(): void {
    const { cert, key, port } = this;
    this.#ending = new AbortController();
    this.#server = Deno.serve({
      hostname: "127.0.0.1",
      port,
      cert,
      key,
      onListen() {},
      signal: this.#ending.signal,
      onError: () => new Response(null, { status: 500 }),
    }, (request) => {
      this.requests++;
      return this.answer(request);
    });
    this.port = this.#server.addr.port;
  }

  async die(): Promise<void> {
    this.#ending.abort();
    await this.#server?.finished;
  }

  serves(...keys: Key[]): void {
    this.answer = () => new Response(setOf(...keys));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.die();
    await Deno.remove(this.caFile);
  }
}

Deno.test("an issuer at a jwks_url may rotate, hang, lie and die: handshakes with a known key go on", async (t) => {
  await using issuer = await Issuer.start();
  const [known, fresh] = [makeKey("known"), makeKey("fresh")];
  issuer.serves(known);
  await using server = await startRooms({
    config: { auth: auth({ jwks_url: `https://localhost:${issuer.port}/keys` }) },
    env: { DENO_CERT: issuer.caFile },
  });
  using client = await join(server, { subprotocol: ROOMS.subprotocol, token: known.token("ann") });
  const unavailable = (n: number) =>
    server.logged("keys.unavailable", () => server.log.filter(({ event }) => event === "keys.unavailable").length >= n);
  const prompt = async () => {
    // A busy machine may take as long for other reasons, but not each time.
    const tookMs: number[] = [];
    do {
      const started = performance.now();
      assertEquals(await arrives(server, known.token("ann")), "(let in)");
      tookMs.push(performance.now() - started);
    } while (tookMs.at(-1)! >= PROMPT_MS && tookMs.length < 10);
    assert(tookMs.at(-1)! < PROMPT_MS, `${tookMs} ms`);
  };

  await t.step("names that are unknown ask it no more than the cool-down allows", async () => {
    const before = issuer.requests;
    for (let i = 0; i < 20; i++) {
      assertEquals(await arrives(server, known.token("ann", `made-up-${i}`)), "token_invalid");
    }
    assertEquals(issuer.requests, before);
  });
  await t.step("lies are not believed", async () => {
    const elsewhere = new URL("/elsewhere", `https://localhost:${issuer.port}`);
    const lies: Answer[] = [
      () => new Response("<html>sign in</html>"),
      () => new Response('{"keys":[]}'),
      () => new Response(setOf(fresh), { status: 203 }),
      ({ url }) => url === elsewhere.href ? new Response(setOf(fresh)) : Response.redirect(elsewhere),
      () => new Response(new ReadableStream({ pull: (c) => c.enqueue(new Uint8Array(65536)) })),
    ];
    for (const [i, lie] of lies.entries()) {
      issuer.answer = lie;
      await reload(server);
      await unavailable(i + 1);
      assertEquals(await arrives(server, fresh.token("bob")), "token_invalid");
      await prompt();
    }
  });
  await t.step("while it hangs, no other handshake waits", async () => {
    const asked = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    issuer.answer = async () => {
      asked.resolve();
      await release.promise;
      return new Response(setOf(fresh));
    };
    server.signal("SIGHUP");
    await asked.promise;
    for (let i = 0; i < 10; i++) await prompt();
    await assertAlive([client]);
    release.resolve();
    await until(async () => await arrives(server, fresh.token("bob")) === "(let in)", "the key that came late counts");
  });
  await t.step("the key it withdrew lets no client in, and ends no session", async () => {
    assertEquals(await arrives(server, known.token("ann")), "token_invalid");
    await assertAlive([client]);
    issuer.serves(known, fresh);
    await reload(server);
    await prompt();
    assertEquals(await arrives(server, fresh.token("bob")), "(let in)");
  });
  await t.step("when it is dead its last keys stay in force, over a reload too", async () => {
    await issuer.die();
    await reload(server);
    await prompt();
    assertEquals(await arrives(server, known.token("ann", "made-up")), "token_invalid");
    await assertAlive([client]);
  });
});

Deno.test("a server starts without its issuer, lets no client in, and finds it by itself", async () => {
  await using issuer = await Issuer.start();
  const key = makeKey("late");
  issuer.serves(key);
  await issuer.die();
  await using server = await startRooms({
    config: { auth: auth({ jwks_url: `https://localhost:${issuer.port}/keys` }) },
    env: { DENO_CERT: issuer.caFile },
  });
  await server.logged("keys.unavailable");
  assertEquals(await arrives(server, key.token("ann")), "token_invalid");
  issuer.live();
  await until(async () => await arrives(server, key.token("ann")) === "(let in)", "the issuer's key counts");
});

Deno.test("an issuer whose certificate is not trusted is as good as none", async () => {
  await using issuer = await Issuer.start();
  const key = makeKey("untrusted");
  issuer.serves(key);
  await using server = await startRooms({
    config: { auth: auth({ jwks_url: `https://localhost:${issuer.port}/keys` }) },
  });
  await server.logged("keys.unavailable");
  assertEquals(await arrives(server, key.token("ann")), "token_invalid");
  assertEquals(issuer.requests, 0);
});

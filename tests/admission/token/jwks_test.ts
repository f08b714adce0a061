/** An issuer that rotates, hangs, lies, grows and dies, over real TLS; known keys go on counting throughout. */
import { assertEquals, assertThrows } from "../../assert.ts";
import { createVerifier, KeyError, type Verifier } from "../../../lib/admission/admission.ts";
import { RemoteKeys, type RemoteKeysOptions } from "../../../lib/admission/token/jwks.ts";
import { makeCertificate } from "../../../lib/tls/certificate.ts";
import { configWith, ecPair, goodClaims, jwkOf, memoryLog, mint, NOW, type Pair } from "../../helpers/admission.ts";
import { until } from "../../helpers/until.ts";

type Answer = (request: Request) => Response | Promise<Response>;

/** An https server on a free port, and a `fetch` that trusts its authority. */
class Issuer implements AsyncDisposable {
  answer: Answer = () => new Response(null, { status: 500 });
  requests = 0;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #client: Deno.HttpClient;
  readonly #ending = new AbortController();

  static async start(): Promise<Issuer> {
    const ca = await makeCertificate({ hosts: ["Test CA"], isCa: true });
    return new Issuer(ca.cert, await makeCertificate({ hosts: ["localhost", "127.0.0.1"], ca }));
  }

  private constructor(caCert: string, { cert, key }: { cert: string; key: string }) {
    this.#client = Deno.createHttpClient({ caCerts: [caCert] });
    this.#server = Deno.serve(
      {
        port: 0,
        hostname: "127.0.0.1",
        cert,
        key,
        onListen: () => {},
        signal: this.#ending.signal,
        onError: () => new Response(null, { status: 500 }),
      },
      (request) => {
        this.requests++;
        return this.answer(request);
      },
    );
  }

  get url(): string {
    return `https://localhost:${this.#server.addr.port}/jwks`;
  }

  readonly fetch: typeof fetch = (input, init) => fetch(input, { ...init, client: this.#client });

  serves(...keys: Record<string, unknown>[]): void {
    this.answer = () => Response.json({ keys });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#ending.signal.aborted) this.#client.close();
    this.#ending.abort();
    await this.#server.finished;
  }
}

const known = ecPair();
const KNOWN = jwkOf(known, { kid: "known", alg: "ES256", use: "sig" });
const tokenOf = (pair: Pair, kid?: string) =>
  mint({ alg: "ES256", ...(kid === undefined ? {} : { kid }) }, goodClaims(), pair.privateKey);
const KNOWN_TOKEN = tokenOf(known, "known");

interface Scene {
  readonly issuer: Issuer;
  readonly verifier: Verifier;
  readonly log: ReturnType<typeof memoryLog>;
  readonly clock: { ms: number };
  accepts(token: string): Promise<boolean>;
}

/** Runs the body with a verifier that has fetched the known key, and a clock of its own. */
async function scene(body: (scene: Scene) => Promise<void>, remote: Partial<RemoteKeysOptions> = {}): Promise<void> {
  await using issuer = await Issuer.start();
  issuer.serves(KNOWN);
  const clock = { ms: NOW };
  const log = memoryLog();
  const { secret_file: _, ...base } = configWith().auth;
  const verifier = await createVerifier({ ...base, algorithms: ["ES256"], max_age: 1e12, jwks_url: issuer.url }, {
    log,
    // Tokens are judged at NOW; the time between requests passes on the test's clock.
    now: () => clock.ms,
    fetch: issuer.fetch,
    remote: { timeoutMs: 300, waitMs: 100, ...remote },
  });
  try {
    await body({ issuer, verifier, log, clock, accepts: async (token) => (await verifier.verify(token)).ok });
  } finally {
    verifier.close();
  }
}

/** Where the test waits for the answer, however slow the machine is. */
const PATIENT = { timeoutMs: 60_000, waitMs: 60_000 };

Deno.test("RemoteKeys takes https only", () => {
  const deps = { log: memoryLog(), now: () => NOW };
  assertThrows(() => new RemoteKeys("http://localhost/jwks", ["ES256"], deps), KeyError, "https");
});

Deno.test("RemoteKeys fetches once at the start and answers from memory", async () => {
  await scene(async ({ issuer, accepts }) => {
    for (let i = 0; i < 20; i++) assertEquals(await accepts(KNOWN_TOKEN), true);
    assertEquals(issuer.requests, 1);
  });
});

Deno.test("RemoteKeys finds a new key when a token names it, once the cool-down is over", async () => {
  await scene(async ({ issuer, clock, accepts }) => {
    const fresh = ecPair();
    issuer.serves(KNOWN, jwkOf(fresh, { kid: "fresh" }));
    assertEquals(await accepts(tokenOf(fresh, "fresh")), false);
    assertEquals(issuer.requests, 1);
    clock.ms += 30_000;
    assertEquals(await accepts(tokenOf(fresh, "fresh")), true);
    assertEquals(issuer.requests, 2);
  }, PATIENT);
});

Deno.test("RemoteKeys asks once in a cool-down for any number of unknown names", async () => {
  await scene(async ({ issuer, clock, accepts }) => {
    const stranger = ecPair();
    clock.ms += 29_999;
    await accepts(tokenOf(stranger, "early"));
    assertEquals(issuer.requests, 1);
    clock.ms += 1;
    const all = await Promise.all(Array.from({ length: 100 }, (_, i) => accepts(tokenOf(stranger, `k${i}`))));
    assertEquals(all.includes(true), false);
    assertEquals(issuer.requests, 2);
    for (let i = 0; i < 20; i++) await accepts(tokenOf(stranger, `m${i}`));
    assertEquals(issuer.requests, 2);
    clock.ms -= 3_600_000;
    await accepts(tokenOf(stranger, "clock set back"));
    assertEquals(issuer.requests, 3);
  }, PATIENT);
});

Deno.test("RemoteKeys asks only the configured address (Centrifugo CVE-2026-32301)", async () => {
  await using evil = await Issuer.start();
  await scene(async ({ issuer, clock, accepts }) => {
    const thief = ecPair();
    evil.serves(jwkOf(thief, { kid: "thief" }));
    clock.ms += 30_000;
    const header = { alg: "ES256", kid: "thief", jku: evil.url, x5u: evil.url, jwk: jwkOf(thief) };
    for (const iss of [evil.url, new URL(evil.url).origin]) {
      assertEquals(await accepts(mint(header, goodClaims({ iss, jwks_uri: evil.url }), thief.privateKey)), false);
      assertEquals(await accepts(mint(header, goodClaims(), thief.privateKey)), false);
    }
    assertEquals([evil.requests, issuer.requests], [0, 2]);
  }, PATIENT);
});

/** A key that is in no good answer. */
const STRANGE = jwkOf(ecPair(), { kid: "strange" });

/** Ways to fail; each leaves the known key in force. */
const FAILURES: readonly [name: string, answer: (issuer: Issuer) => Answer][] = [
  ["answers 500", () => () => new Response("broken", { status: 500 })],
  ["answers 404 with a key set", () => () => Response.json({ keys: [STRANGE] }, { status: 404 })],
  [
    "redirects",
    ({ url }) => (request) =>
      request.url === url ? Response.redirect(`${url}/elsewhere`, 302) : Response.json({ keys: [STRANGE] }),
  ],
  ["says nothing of use", () => () => new Response("<html>maintenance</html>")],
  ["is not UTF-8", () => () => new Response(new Uint8Array([0x7b, 0xff, 0x7d]))],
  ["says null", () => () => Response.json(null)],
  ["says a list", () => () => Response.json([KNOWN])],
  ["has no keys", () => () => Response.json({ keys: [] })],
  ["has keys that are none", () => () => Response.json({ keys: [null, 1, "k", [], {}] })],
  ["has a private key", () => () => Response.json({ keys: [{ ...KNOWN, d: "AAAA" }] })],
  ["has a secret", () => () => Response.json({ keys: [{ kty: "oct", k: "AAAA", kid: "known" }] })],
  ["has keys for encryption", () => () => Response.json({ keys: [{ ...KNOWN, use: "enc" }] })],
  ["has a point that is not on the curve", () => () => Response.json({ keys: [{ ...KNOWN, x: KNOWN.y }] })],
  ["has one name for two keys", () => () => Response.json({ keys: [KNOWN, jwkOf(ecPair(), { kid: "known" })] })],
  [
    "has 101 keys",
    () => () => Response.json({ keys: Array.from({ length: 101 }, (_, i) => ({ ...KNOWN, kid: `${i}` })) }),
  ],
  [
    "has a body of 256 KiB and one",
    () => () => new Response(JSON.stringify({ keys: [STRANGE] }).padEnd(256 * 1024 + 1)),
  ],
  ["has a body of 100 MB", () => () => new Response(endless(100_000_000))],
  ["hangs before the head", () => () => new Promise(() => {})],
  ["hangs in the body", () => () => new Response(endless(1000, true))],
];

/** Spaces in pieces of 64 KiB, up to a size; hangs then if told so. */
function endless(size: number, hang = false): ReadableStream<Uint8Array> {
  let sent = 0;
  return new ReadableStream({
    async pull(controller) {
      if (sent >= size) return hang ? await new Promise(() => {}) : controller.close();
      const piece = new Uint8Array(Math.min(65_536, size - sent)).fill(0x20);
      sent += piece.length;
      controller.enqueue(piece);
    },
  });
}

for (const [name, answer] of FAILURES) {
  Deno.test(`RemoteKeys keeps the known key while the issuer ${name}`, async () => {
    await scene(async ({ issuer, verifier, clock, log, accepts }) => {
      issuer.answer = answer(issuer);
      clock.ms += 600_000;
      // Known keys are answered for at once, also while the request is on its way.
      assertEquals(await accepts(mintAt(clock.ms)), true);
      assertEquals(await accepts(tokenOf(ecPair(), "unknown")), false);
      await until(() => log.lines.some(({ event }) => event === "keys.unavailable"), "the end of the request");
      assertEquals(await accepts(mintAt(clock.ms)), true);
      assertEquals([issuer.requests, verifier.keyCount], [2, 1]);
    });
  });
}

/** A token of the known key that is right at the given time. */
function mintAt(ms: number): string {
  return mint({ alg: "ES256", kid: "known" }, goodClaims({ iat: ms / 1000, exp: ms / 1000 + 60 }), known.privateKey);
}

Deno.test("RemoteKeys never makes a known key wait: 200 handshakes finish while the issuer hangs", async () => {
  const held = Promise.withResolvers<Response>();
  await scene(async ({ issuer, clock, accepts }) => {
    issuer.answer = () => held.promise;
    clock.ms += 600_000;
    let unknownDone = false;
    const unknown = accepts(tokenOf(ecPair(), "unknown")).then((ok) => {
      unknownDone = true;
      return ok;
    });
    const token = mintAt(clock.ms);
    const all = await Promise.all(Array.from({ length: 200 }, () => accepts(token)));
    assertEquals(all.every((ok) => ok), true);
    assertEquals(unknownDone, false);
    held.resolve(Response.json({ keys: [KNOWN] }));
    assertEquals(await unknown, false);
  }, PATIENT);
});

Deno.test("RemoteKeys lets an unknown name wait no longer than told", async () => {
  await scene(async ({ issuer, clock, accepts }) => {
    const held = Promise.withResolvers<Response>();
    issuer.answer = () => held.promise;
    clock.ms += 30_000;
    assertEquals(await accepts(tokenOf(ecPair(), "unknown")), false);
    held.resolve(new Response(null, { status: 500 }));
  }, { timeoutMs: 60_000, waitMs: 20 });
});

Deno.test("RemoteKeys goes on when the issuer is dead", async () => {
  await scene(async ({ issuer, clock, log, accepts }) => {
    await issuer[Symbol.asyncDispose]();
    clock.ms += 600_000;
    assertEquals(await accepts(mintAt(clock.ms)), true);
    await until(() => log.lines.some(({ event }) => event === "keys.unavailable"), "the failure");
    assertEquals(await accepts(mintAt(clock.ms)), true);
  });
});

Deno.test("RemoteKeys drops a withdrawn key once the set is older than its age, without a new key being used", async () => {
  await scene(async ({ issuer, clock, accepts }) => {
    issuer.serves(jwkOf(ecPair(), { kid: "next" }));
    clock.ms += 599_999;
    assertEquals(await accepts(mintAt(clock.ms)), true);
    clock.ms += 1;
    await until(async () => !await accepts(mintAt(clock.ms)), "the end of the withdrawn key");
    assertEquals(issuer.requests, 2);
  });
});

Deno.test("createVerifier() starts while the issuer is down, refuses, and accepts once it answers", async () => {
  await using issuer = await Issuer.start();
  const clock = { ms: NOW };
  const { secret_file: _, ...base } = configWith().auth;
  const verifier = await createVerifier({ ...base, algorithms: ["ES256"], jwks_url: issuer.url }, {
    log: memoryLog(),
    now: () => clock.ms,
    fetch: issuer.fetch,
  });
  assertEquals([verifier.keyCount, (await verifier.verify(KNOWN_TOKEN)).ok], [0, false]);
  issuer.serves(KNOWN);
  clock.ms += 4_999;
  assertEquals((await verifier.verify(KNOWN_TOKEN)).ok, false);
  clock.ms += 1;
  assertEquals((await verifier.verify(KNOWN_TOKEN)).ok, true);
  verifier.close();
});

Deno.test("createVerifier() starts from the keys of the verifier before it, so that a reload costs none", async () => {
  await scene(async ({ issuer, verifier, log, clock }) => {
    issuer.answer = () => new Response(null, { status: 503 });
    const { secret_file: _, ...base } = configWith().auth;
    const deps = { log, now: () => clock.ms, fetch: issuer.fetch, previous: verifier };
    const same = await createVerifier({ ...base, algorithms: ["ES256"], jwks_url: issuer.url }, deps);
    assertEquals((await same.verify(KNOWN_TOKEN)).ok, true);
    const { requests } = issuer;
    clock.ms += 30_000;
    assertEquals((await same.verify(KNOWN_TOKEN)).ok, true);
    assertEquals(issuer.requests, requests, "the keys are as old as they were before");
    const elsewhere = await createVerifier({ ...base, algorithms: ["ES256"], jwks_url: `${issuer.url}2` }, deps);
    assertEquals((await elsewhere.verify(KNOWN_TOKEN)).ok, false);
    same.close();
    elsewhere.close();
  });
});

Deno.test("RemoteKeys takes a token without kid when one key fits, and refuses it when two do", async () => {
  await scene(async ({ issuer, verifier, accepts }) => {
    assertEquals(await accepts(tokenOf(known)), true);
    issuer.serves(KNOWN, jwkOf(ecPair(), { kid: "second" }));
    await verifier.reload();
    assertEquals(await accepts(tokenOf(known)), false);
    assertEquals(await accepts(KNOWN_TOKEN), true);
  });
});

Deno.test("RemoteKeys trusts no certificate that its authorities did not sign", async () => {
  await using issuer = await Issuer.start();
  issuer.serves(KNOWN);
  const log = memoryLog();
  const keys = new RemoteKeys(issuer.url, ["ES256"], { log, now: () => NOW });
  await keys.reload();
  assertEquals([keys.keys.size, issuer.requests, log.lines[0]?.event], [0, 0, "keys.unavailable"]);
  keys.close();
});

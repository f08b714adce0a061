import { join } from "node:path";
import jsonwebtoken from "jsonwebtoken";
import type { Identity, Verified } from "../../../lib/gate/gate.ts";
import { assert, assertEquals, assertRejects } from "../../assert.ts";
import { createVerifier, KeyError } from "../../../lib/admission/admission.ts";
import type { VerifierConfig } from "../../../lib/admission/token/verifier.ts";
import type { Algorithm } from "../../../lib/config/config.ts";
import {
  configWith,
  ecPair,
  edPair,
  goodClaims,
  jwkOf,
  memoryLog,
  mint,
  NOW,
  type Pair,
  publicPem,
} from "../../helpers/admission.ts";
import { rsaPair, withFolder } from "../../helpers/admission.ts";
import { until } from "../../helpers/until.ts";

const sign = jsonwebtoken.sign as (claims: object, key: unknown, options?: object) => string;
const seconds = NOW / 1000;
const pair = ecPair();

interface Options {
  readonly auth?: Partial<VerifierConfig>;
  readonly isRevoked?: (identity: Identity) => boolean;
  readonly now?: number;
}

/** The outcome of a token with these claims at this time. */
async function judge(
  changes: Record<string, unknown>,
  { auth = {}, isRevoked, now = NOW }: Options = {},
): Promise<Verified> {
  let verified: Verified | undefined;
  await withFolder(async (folder) => {
    const path = join(folder, "key.pem");
    await Deno.writeTextFile(path, publicPem(pair));
    const { secret_file: _, ...base } = configWith().auth;
    const config: VerifierConfig = { ...base, algorithms: ["ES256"], public_key_file: path, ...auth };
    const verifier = await createVerifier(config, {
      log: memoryLog(),
      now: () => now,
      ...(isRevoked ? { isRevoked } : {}),
    });
    verified = await verifier.verify(mint({ alg: "ES256" }, goodClaims(changes), pair.privateKey));
    verifier.close();
  });
  assert(verified !== undefined);
  return verified;
}

async function verdictOf(changes: Record<string, unknown>, options?: Options): Promise<string> {
  const verified = await judge(changes, options);
  return verified.ok ? "ok" : verified.reason;
}

Deno.test("verify() gives the identity in the token", async () => {
  const verified = await judge({ email: "a@example.com" });
  assert(verified.ok);
  assertEquals(verified.identity, {
    user: "alice",
    roles: ["user"],
    claims: goodClaims({ email: "a@example.com" }),
    expiresAt: NOW + 600_000,
    issuedAt: NOW - 60_000,
    tokenId: "t-1",
  });
});

Deno.test("verify() judges nbf and iat with the skew in the token's favour, exp without it, exact to the second", async () => {
  const table: [string, Record<string, unknown>, string][] = [
    ["exp in a second", { exp: seconds + 1 }, "ok"],
    ["exp now", { exp: seconds }, "token_expired"],
    ["exp just over, within the skew", { exp: seconds - 0.001 }, "token_expired"],
    ["exp within the skew", { exp: seconds - 29 }, "token_expired"],
    ["exp beyond the skew", { exp: seconds - 31 }, "token_expired"],
    ["exp long ago", { exp: seconds - 3600 }, "token_expired"],
    ["exp 0", { exp: 0 }, "token_expired"],
    ["exp with a fraction", { exp: seconds + 0.5 }, "ok"],
    ["exp far off", { exp: seconds + 10 * 365 * 86_400 }, "ok"],
    ["nbf now", { nbf: seconds }, "ok"],
    ["nbf on the skew", { nbf: seconds + 30 }, "ok"],
    ["nbf beyond it", { nbf: seconds + 31 }, "token_invalid"],
    ["iat on the skew", { iat: seconds + 30 }, "ok"],
    ["iat beyond it", { iat: seconds + 31 }, "token_invalid"],
    ["iat max_age and skew ago", { iat: seconds - 86_430 }, "ok"],
    ["iat a second longer ago", { iat: seconds - 86_431 }, "token_invalid"],
  ];
  for (const [name, changes, expected] of table) assertEquals(await verdictOf(changes), expected, name);
  assertEquals(await verdictOf({ exp: seconds - 1 }, { auth: { clock_skew: 0 } }), "token_expired");
  assertEquals(await verdictOf({ exp: seconds }, { auth: { clock_skew: 0 } }), "token_expired");
});

Deno.test("verify() takes an audience among others and proper types", async () => {
  assertEquals(await verdictOf({ aud: ["other", "sallyport"] }), "ok");
  assertEquals(await verdictOf({ jti: undefined }), "ok");
  assertEquals(await verdictOf({ sub: "a".repeat(256) }), "ok");
  assertEquals(await verdictOf({ sub: "auth0|5f7c8ec7c33c6c004bbafe82" }), "ok");
  assertEquals(await verdictOf({ sub: "jürgen ✓ 🙂" }), "ok");
});

Deno.test("verify() finds roles where issuers put them", async () => {
  const table: [string, Record<string, unknown>, string[]][] = [
    ["roles", { roles: ["a", "b"] }, ["a", "b"]],
    ["roles", { roles: ["a", "a"] }, ["a"]],
    ["roles", { roles: [] }, []],
    ["roles", { roles: undefined }, []],
    ["roles", { roles: "admin" }, ["admin"]],
    ["scope", { scope: "read  write" }, ["read", "write"]],
    ["scope", { scope: "" }, []],
    ["realm_access.roles", { realm_access: { roles: ["user"] } }, ["user"]],
    ["resource_access.sallyport.roles", { resource_access: { sallyport: { roles: ["x"] } } }, ["x"]],
    ["realm_access.roles", { realm_access: "roles" }, []],
    ["realm_access.roles", { realm_access: null }, []],
    ["https://example.com/roles", { "https://example.com/roles": ["ns"] }, ["ns"]],
    ["__proto__.roles", {}, []],
    ["constructor.name", {}, []],
    ["iss.length", {}, []],
  ];
  for (const [roles_claim, changes, roles] of table) {
    const verified = await judge(changes, { auth: { roles_claim } });
    assert(verified.ok, roles_claim);
    assertEquals(verified.identity.roles, roles, roles_claim);
  }
});

Deno.test("verify() tells a revoked token, unless anything else is wrong, and before it tells an expired one", async () => {
  const isRevoked = ({ user }: Identity) => user === "alice";
  assertEquals(await verdictOf({}, { isRevoked }), "token_revoked");
  assertEquals(await verdictOf({ sub: "bob" }, { isRevoked }), "ok");
  assertEquals(await verdictOf({ aud: "other" }, { isRevoked }), "token_invalid");
  assertEquals(await verdictOf({ exp: 0 }, { isRevoked }), "token_revoked");
});

const PAIRS: Record<string, Pair> = { ec256: ecPair(), ec384: ecPair("P-384"), rsa: rsaPair(), ed: edPair() };

function pairFor(alg: Algorithm): Pair {
  const name = alg === "ES256" ? "ec256" : alg === "ES384" ? "ec384" : alg === "EdDSA" ? "ed" : "rsa";
  return PAIRS[name] ?? ecPair();
}

for (const alg of ["ES256", "ES384", "EdDSA", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512"] as const) {
  Deno.test(`verify() takes ${alg} of an independent signer, from a key file and from a key set`, async () => {
    await withFolder(async (folder) => {
      const keys = pairFor(alg);
      const [pem, jwks] = [join(folder, "k.pem"), join(folder, "k.json")];
      await Deno.writeTextFile(pem, publicPem(keys));
      await Deno.writeTextFile(jwks, JSON.stringify({ keys: [jwkOf(keys, { kid: "k1", alg, use: "sig" })] }));
      const { secret_file: _, ...base } = configWith().auth;
      for (const source of [{ public_key_file: pem }, { jwks_file: jwks }]) {
        const verifier = await createVerifier({ ...base, algorithms: [alg], ...source }, {
          log: memoryLog(),
          now: () => NOW,
        });
        const token = alg === "EdDSA"
          ? mint({ alg, kid: "k1" }, goodClaims(), keys.privateKey)
          : sign(goodClaims(), keys.privateKey, { algorithm: alg, keyid: "k1" });
        assertEquals((await verifier.verify(token)).ok, true);
        assertEquals((await verifier.verify(mint({ alg }, goodClaims(), keys.privateKey))).ok, true);
        const stranger = mint({ alg, kid: "k2" }, goodClaims(), keys.privateKey);
        // One key file has no names; in a set the name decides.
        assertEquals((await verifier.verify(stranger)).ok, "public_key_file" in source);
        verifier.close();
      }
    });
  });
}

for (const alg of ["HS256", "HS384", "HS512"] as const) {
  Deno.test(`verify() takes ${alg} of an independent signer, one newline behind the secret`, async () => {
    await withFolder(async (folder) => {
      const path = join(folder, "secret");
      const secret = crypto.getRandomValues(new Uint8Array(64)).toHex();
      await Deno.writeTextFile(path, `${secret}\n`);
      const verifier = await createVerifier(
        { ...configWith().auth, algorithms: [alg], secret_file: path },
        { log: memoryLog(), now: () => NOW },
      );
      assertEquals((await verifier.verify(sign(goodClaims(), secret, { algorithm: alg }))).ok, true);
      assertEquals((await verifier.verify(sign(goodClaims(), `${secret}\n`, { algorithm: alg }))).ok, false);
      verifier.close();
    });
  });
}

Deno.test("verify() ignores keys and addresses in the header of a token that is right without them", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "key.pem");
    await Deno.writeTextFile(path, publicPem(pair));
    const { secret_file: _, ...base } = configWith().auth;
    const verifier = await createVerifier({ ...base, algorithms: ["ES256"], public_key_file: path }, {
      log: memoryLog(),
      now: () => NOW,
      fetch: () => Promise.reject(new Error("nothing may be fetched")),
    });
    const header = {
      alg: "ES256",
      typ: "at+jwt",
      jku: "https://x.example",
      x5u: "https://x.example",
      jwk: jwkOf(ecPair()),
    };
    assertEquals((await verifier.verify(mint(header, goodClaims(), pair.privateKey))).ok, true);
    verifier.close();
  });
});

Deno.test("createVerifier() watches jwks_file: rotation needs no restart, a bad set leaves the old one", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "jwks.json");
    const [first, second] = [ecPair(), ecPair()];
    const write = async (keys: unknown) => {
      await Deno.writeTextFile(`${path}.new`, JSON.stringify({ keys }));
      await Deno.rename(`${path}.new`, path);
    };
    await write([jwkOf(first, { kid: "1" })]);
    const { secret_file: _, ...base } = configWith().auth;
    const log = memoryLog();
    const verifier = await createVerifier({ ...base, algorithms: ["ES256"], jwks_file: path }, { log, now: () => NOW });
    const accepts = async (keys: Pair, kid: string) =>
      (await verifier.verify(mint({ alg: "ES256", kid }, goodClaims(), keys.privateKey))).ok;
    try {
      assertEquals([await accepts(first, "1"), await accepts(second, "2")], [true, false]);
      await write([jwkOf(first, { kid: "1" }), jwkOf(second, { kid: "2" })]);
      await until(() => accepts(second, "2"), "the second key");
      assertEquals(await accepts(first, "1"), true);
      await write([]);
      await until(() => log.lines.some(({ event }) => event === "keys.rejected"), "the refusal of an empty set");
      assertEquals([await accepts(first, "1"), await accepts(second, "2")], [true, true]);
      await write([jwkOf(second, { kid: "2" })]);
      await until(async () => !await accepts(first, "1"), "the end of the first key");
      // The same name for another key: the old one is gone with its name (Centrifugo CVE-2026-49998).
      await write([jwkOf(first, { kid: "2" })]);
      await until(() => accepts(first, "2"), "the new bearer of the name");
      assertEquals(await accepts(second, "2"), false);
    } finally {
      verifier.close();
    }
  });
});

Deno.test("Verifier.reload() takes the new key file, or throws and keeps the key", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "key.pem");
    const [first, second] = [ecPair(), ecPair()];
    await Deno.writeTextFile(path, publicPem(first));
    const { secret_file: _, ...base } = configWith().auth;
    const verifier = await createVerifier(
      { ...base, algorithms: ["ES256"], public_key_file: path },
      { log: memoryLog(), now: () => NOW },
    );
    const accepts = async (keys: Pair) =>
      (await verifier.verify(mint({ alg: "ES256" }, goodClaims(), keys.privateKey))).ok;
    await Deno.writeTextFile(path, publicPem(second));
    await verifier.reload();
    assertEquals([await accepts(first), await accepts(second)], [false, true]);
    await Deno.writeTextFile(path, "nonsense");
    await assertRejects(() => verifier.reload(), KeyError, "auth.public_key_file");
    assertEquals([verifier.keyCount, await accepts(second)], [1, true]);
    verifier.close();
  });
});

Deno.test("two verifiers share no keys: one issuer's kid is not another's (Centrifugo CVE-2026-49998)", async () => {
  await withFolder(async (folder) => {
    const { secret_file: _, ...base } = configWith().auth;
    const [a, b] = [ecPair(), ecPair()];
    const verifiers = await Promise.all([a, b].map(async (keys, index) => {
      const path = join(folder, `${index}.json`);
      await Deno.writeTextFile(path, JSON.stringify({ keys: [jwkOf(keys, { kid: "same" })] }));
      return await createVerifier({ ...base, algorithms: ["ES256"], jwks_file: path }, {
        log: memoryLog(),
        now: () => NOW,
      });
    }));
    const tokens = [a, b].map((keys) => mint({ alg: "ES256", kid: "same" }, goodClaims(), keys.privateKey));
    for (const [at, verifier] of verifiers.entries()) {
      for (const [of, token] of tokens.entries()) assertEquals((await verifier.verify(token)).ok, at === of);
      verifier.close();
    }
  });
});

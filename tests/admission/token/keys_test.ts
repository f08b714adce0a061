import { assertEquals, assertRejects } from "../../assert.ts";
import { readJwks } from "../../../lib/admission/token/jwk_set.ts";
import { readPublicKey, readSecret } from "../../../lib/admission/token/key_files.ts";
import { KeyError } from "../../../lib/admission/token/keys.ts";
import { ecPair, edPair, jwkOf, privatePem, publicPem, rsaPair } from "../../helpers/admission.ts";

Deno.test("readSecret() takes exactly as many bytes as the hash has, and drops one newline", async () => {
  for (const [alg, bytes] of [["HS256", 32], ["HS384", 48], ["HS512", 64]] as const) {
    await assertRejects(() => readSecret(new Uint8Array(bytes - 1).fill(65), [alg]), KeyError, `at least ${bytes}`);
    await assertRejects(() => readSecret(withNewline(bytes - 1), [alg]), KeyError, `has ${bytes - 1} bytes`);
    assertEquals((await readSecret(withNewline(bytes), [alg])).size, 1);
  }
  await assertRejects(() => readSecret(new Uint8Array(), ["HS256"]), KeyError, "has 0 bytes");
  await assertRejects(() => readSecret(new Uint8Array(40).fill(65), ["HS256", "HS512"]), KeyError, "64 for HS512");
});

function withNewline(bytes: number): Uint8Array {
  const file = new Uint8Array(bytes + 1).fill(65);
  file[bytes] = 0x0a;
  return file;
}

Deno.test("readPublicKey() refuses what is not one strong public key for an algorithm", async () => {
  const ec = ecPair();
  const table: [string, string, string][] = [
    ["a private key", privatePem(ec), "is a private key"],
    ["both halves", publicPem(ec) + privatePem(ec), "is a private key"],
    ["two keys", publicPem(ec) + publicPem(ecPair()), "one public key"],
    ["a certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "one public key"],
    ["nothing", "", "one public key"],
    ["garbage in PEM", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "is not a key for"],
    ["a key of another kind", publicPem(edPair()), "is not a key for ES256"],
    ["a key on another curve", publicPem(ecPair("P-384")), "is not a key for ES256"],
  ];
  for (const [, pem, message] of table) await assertRejects(() => readPublicKey(pem, ["ES256"]), KeyError, message);
  assertEquals((await readPublicKey(publicPem(ec), ["ES256"])).size, 1);
});

Deno.test("readPublicKey() refuses RSA keys under 2048 bits and over 8192", async () => {
  for (const bits of [1024, 2047]) {
    await assertRejects(() => readPublicKey(publicPem(rsaPair(bits)), ["RS256"]), KeyError, "at least 2048");
  }
  assertEquals((await readPublicKey(publicPem(rsaPair(2048)), ["RS256", "PS256"])).size, 2);
});

Deno.test("readJwks() leaves out what it can't use and says why", async () => {
  const [good, weak] = [jwkOf(ecPair(), { kid: "good" }), jwkOf(rsaPair(1024), { kid: "weak" })];
  const exponentOne = { ...jwkOf(rsaPair()), e: "AQ", kid: "one" };
  const hugeModulus = { kty: "RSA", e: "AQAB", n: "_".repeat(1368), kid: "huge" };
  const entries = [
    good,
    weak,
    exponentOne,
    hugeModulus,
    { ...good, kid: "enc", use: "enc" },
    { ...good, kid: "sign", key_ops: ["sign"] },
    { ...good, kid: "other", alg: "ES384" },
    { ...good, kid: 7 },
    { ...good, kid: "private", d: "AAAA" },
    { ...good, kid: "also a secret", k: "AAAA" },
    { ...good, kid: "off the curve", x: good.y },
    { kty: "oct", k: "c2VjcmV0", kid: "secret" },
    jwkOf(edPair(), { kid: "ed" }),
    { kty: "new", kid: "unknown" },
  ];
  const { keys, ignored } = await readJwks(JSON.stringify({ keys: entries }), ["ES256", "RS256"]);
  assertEquals([keys.size, ignored.length], [1, entries.length - 1]);
  assertEquals(keys.select("ES256", "good")?.kid, "good");
  for (const why of ["at least 2048", "at most 8192", "is a secret", "is a private key", "is not a valid key"]) {
    assertEquals(ignored.some((reason) => reason.includes(why)), true, why);
  }
  assertEquals(ignored.join().includes("c2VjcmV0"), false);
});

Deno.test("readJwks() refuses what is not a key set", async () => {
  for (const text of ["", "{", "null", "[]", "{}", '{"keys":{}}', '{"keys":null}', "7"]) {
    const problem = text === "" || text === "{" ? "is not JSON" : "is not a key set";
    await assertRejects(() => readJwks(text, ["ES256"]), KeyError, problem);
  }
});

Deno.test("readJwks() refuses a set with two keys of one name, and a set of more than a hundred", async () => {
  const set = (...keys: unknown[]) => readJwks(JSON.stringify({ keys }), ["ES256"]);
  const key = jwkOf(ecPair(), { kid: "a" });
  await assertRejects(() => set(key, jwkOf(ecPair(), { kid: "a" })), KeyError, "same kid");
  const rest = Array.from({ length: 99 }, () => null);
  assertEquals((await set(key, ...rest)).keys.size, 1);
  await assertRejects(() => set(key, ...rest, null), KeyError, "more than 100");
});

Deno.test("KeySet.select() gives no key where a token without kid fits several", async () => {
  const entries = [jwkOf(ecPair(), { kid: "a" }), jwkOf(ecPair(), { kid: "b" })];
  const { keys } = await readJwks(JSON.stringify({ keys: entries }), ["ES256"]);
  assertEquals([keys.select("ES256", undefined), keys.select("ES256", "b")?.kid], [null, "b"]);
});

Deno.test("readJwks() binds a key to its own alg, or to each configured one it fits", async () => {
  const rsa = rsaPair();
  const algorithms = ["RS256", "PS256", "ES256"] as const;
  const bound = await readJwks(JSON.stringify({ keys: [jwkOf(rsa, { kid: "a", alg: "PS256" })] }), algorithms);
  assertEquals([bound.keys.select("PS256", "a")?.alg, bound.keys.select("RS256", "a")], ["PS256", null]);
  const free = await readJwks(JSON.stringify({ keys: [jwkOf(rsa, { kid: "a" })] }), algorithms);
  assertEquals([free.keys.select("PS256", "a")?.alg, free.keys.select("RS256", "a")?.alg], ["PS256", "RS256"]);
  assertEquals(free.keys.select("ES256", "a"), null);
});

Deno.test("KeySet.select() takes a name for what it is: no path, no part of an object", async () => {
  const { keys } = await readJwks(JSON.stringify({ keys: [jwkOf(ecPair(), { kid: "k" })] }), ["ES256"]);
  for (const kid of ["", "K", "k ", "../k", "__proto__", "constructor", "toString"]) {
    assertEquals(keys.select("ES256", kid), null);
  }
  assertEquals(keys.select("ES256", undefined)?.kid, "k");
  assertEquals(keys.select("none", "k"), null);
});

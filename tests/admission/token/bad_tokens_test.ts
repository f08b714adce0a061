/**
 * Tokens that must not count, none of them made by the library that verifies: by `jsonwebtoken`, or by hand on node:crypto.
 * Each differs from a good one in one thing, and each gets the one answer.
 */
import jsonwebtoken from "jsonwebtoken";
import { join } from "node:path";
import { assert, assertEquals } from "../../assert.ts";
import type { VerifierConfig } from "../../../lib/admission/token/verifier.ts";
import { createVerifier } from "../../../lib/admission/admission.ts";
import {
  base64url,
  configWith,
  ecPair,
  edPair,
  goodClaims,
  ISSUER,
  jwkOf,
  memoryLog,
  mint,
  NOW,
  publicPem,
  rsaPair,
  signature,
  withFolder,
} from "../../helpers/admission.ts";
import { parseUniqueObject } from "../../../lib/admission/token/json.ts";

const sign = jsonwebtoken.sign as (claims: object | string, key: unknown, options?: object) => string;

const seconds = NOW / 1000;
const ours = ecPair();
const other = ecPair();
const p384 = ecPair("P-384");
const rsa = rsaPair();
const ed = edPair();
const pem = publicPem(ours);
const secret = crypto.getRandomValues(new Uint8Array(32));

const HEADER = { alg: "ES256", typ: "JWT" };
const claims = (changes: Record<string, unknown> = {}) => mint(HEADER, goodClaims(changes), ours.privateKey);
const header = (changes: Record<string, unknown>) =>
  mint({ ...HEADER, ...changes }, goodClaims(), ours.privateKey, "ES256");
const text = (payload: string) => mint(HEADER, payload, ours.privateKey);
const good = claims();
const [goodHeader = "", goodPayload = "", goodSignature = ""] = good.split(".");
const goodText = JSON.stringify(goodClaims());

/** The same bits with the unused last ones set. */
function uncanonical(part: string): string {
  const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  assert(part.length % 4 !== 0, "no unused bits");
  return part.slice(0, -1) + digits[digits.indexOf(part.at(-1) ?? "") + 1];
}

/** ECDSA has two right signatures for each message, (r, s) and (r, n - s), so zeros and swaps are tried, not that. */
const zeros = base64url(new Uint8Array(64));
const swapped = (() => {
  const bytes = Uint8Array.fromBase64(goodSignature, { alphabet: "base64url" });
  return base64url(new Uint8Array([...bytes.slice(32), ...bytes.slice(0, 32)]));
})();

const BAD: readonly [name: string, token: string][] = [
  // Algorithm
  ["alg none, no signature", mint({ alg: "none" }, goodClaims(), null)],
  ["alg none by jsonwebtoken", sign(goodClaims(), null, { algorithm: "none" })],
  ["alg none, signature kept", `${base64url('{"alg":"none"}')}.${goodPayload}.${goodSignature}`],
  ["alg None", mint({ alg: "None" }, goodClaims(), ours.privateKey, "ES256")],
  ["alg nOnE", mint({ alg: "nOnE" }, goodClaims(), null)],
  ["alg es256 in lower case", header({ alg: "es256" })],
  ["alg missing", mint({ typ: "JWT" }, goodClaims(), ours.privateKey, "ES256")],
  ["alg a number", header({ alg: 256 })],
  ["alg null", header({ alg: null })],
  ["alg a list", header({ alg: ["ES256"] })],
  ["alg empty", header({ alg: "" })],
  ["alg __proto__", header({ alg: "__proto__" })],
  ["HS256 with the public key as the secret", sign(goodClaims(), pem.trimEnd(), { algorithm: "HS256" })],
  ["HS256 with the PEM file as the secret", mint({ alg: "HS256" }, goodClaims(), pem)],
  [
    "HS256 with the DER key as the secret",
    mint({ alg: "HS256" }, goodClaims(), ours.publicKey.export({ type: "spki", format: "der" })),
  ],
  ["HS256 with an empty secret", mint({ alg: "HS256" }, goodClaims(), new Uint8Array())],
  ["RS256 of a key of one's own", sign(goodClaims(), rsa.privateKey, { algorithm: "RS256" })],
  ["PS256 of a key of one's own", sign(goodClaims(), rsa.privateKey, { algorithm: "PS256" })],
  ["EdDSA of a key of one's own", mint({ alg: "EdDSA" }, goodClaims(), ed.privateKey)],
  ["ES384 of a key of one's own", sign(goodClaims(), p384.privateKey, { algorithm: "ES384" })],
  ["ES256 named, signed as HS256", mint(HEADER, goodClaims(), secret, "HS256")],
  ["ES256K named", header({ alg: "ES256K" })],
  // Key
  ["another key of the same kind", sign(goodClaims(), other.privateKey, { algorithm: "ES256" })],
  ["another key in a jwk header", mint({ ...HEADER, jwk: jwkOf(other) }, goodClaims(), other.privateKey)],
  [
    "another key's address in jku",
    mint({ ...HEADER, jku: "https://127.0.0.1:1/jwks" }, goodClaims(), other.privateKey),
  ],
  ["another key's address in x5u", mint({ ...HEADER, x5u: "https://127.0.0.1:1/x5u" }, goodClaims(), other.privateKey)],
  ["another key in x5c", mint({ ...HEADER, x5c: [base64url(publicPem(other))] }, goodClaims(), other.privateKey)],
  ["kid with a path", mint({ ...HEADER, kid: "../../../../dev/null" }, goodClaims(), other.privateKey)],
  ["kid /dev/null, empty secret", mint({ alg: "HS256", kid: "/dev/null" }, goodClaims(), new Uint8Array())],
  ["kid with SQL", mint({ ...HEADER, kid: "' UNION SELECT 'x" }, goodClaims(), other.privateKey)],
  ["kid with an address", mint({ ...HEADER, kid: "https://127.0.0.1:1/key" }, goodClaims(), other.privateKey)],
  ["kid a number", header({ kid: 7 })],
  ["kid an object", header({ kid: { toString: "x" } })],
  ["kid of 257 characters", header({ kid: "k".repeat(257) })],
  // Header
  ["crit with an unknown name", header({ crit: ["exp2"], exp2: 1 })],
  ["crit empty", header({ crit: [] })],
  [
    "crit b64, payload as it is",
    `${base64url('{"alg":"ES256","b64":false,"crit":["b64"]}')}.${goodPayload}.${goodSignature}`,
  ],
  ["b64 false without crit", header({ b64: false })],
  ["b64 true", header({ b64: true, crit: ["b64"] })],
  ["cty JWT, nested", mint({ ...HEADER, cty: "JWT" }, good, ours.privateKey)],
  ["cty of a token that is not nested", header({ cty: "JWT" })],
  ["a token in a token without cty", text(good)],
  ["zip", header({ zip: "DEF" })],
  ["typ of a logout token", header({ typ: "logout+jwt" })],
  ["typ of a DPoP proof", header({ typ: "dpop+jwt" })],
  ["typ of a security event", header({ typ: "application/secevent+jwt" })],
  ["typ a number", header({ typ: 1 })],
  ["header with alg twice", mint('{"alg":"none","alg":"ES256"}', goodClaims(), ours.privateKey)],
  ["header with alg twice, once escaped", mint('{"alg":"ES256","\\u0061lg":"ES256"}', goodClaims(), ours.privateKey)],
  ["header a list", mint('["ES256"]', goodClaims(), ours.privateKey)],
  ["header null", mint("null", goodClaims(), ours.privateKey)],
  ["header not JSON", mint("{alg:ES256}", goodClaims(), ours.privateKey)],
  ["header with a byte order mark", mint('\ufeff{"alg":"ES256"}', goodClaims(), ours.privateKey)],
  ["header not UTF-8", `${base64url(new Uint8Array([0x7b, 0xff, 0x7d]))}.${goodPayload}.${goodSignature}`],
  // Form
  ["empty", ""],
  ["one dot", "."],
  ["only dots", ".."],
  ["two parts", `${goodHeader}.${goodPayload}`],
  ["no signature", `${goodHeader}.${goodPayload}.`],
  ["four parts", `${good}.${goodSignature}`],
  ["two dots too many", `${good}..`],
  ["a JWE of five parts", `${base64url('{"alg":"dir","enc":"A256GCM"}')}..AAAA.AAAA.AAAA`],
  ["JSON serialization", JSON.stringify({ payload: goodPayload, protected: goodHeader, signature: goodSignature })],
  ["a space before", ` ${good}`],
  ["a newline behind", `${good}\n`],
  ["a space within", `${goodHeader}.${goodPayload.slice(0, 8)} ${goodPayload.slice(8)}.${goodSignature}`],
  ["padding", `${goodHeader}.${goodPayload}=.${goodSignature}`],
  ["base64 instead of base64url", `${goodHeader}.${goodPayload}.+/${goodSignature.slice(2)}`],
  ["signature not canonical", `${goodHeader}.${goodPayload}.${uncanonical(goodSignature)}`],
  ["Unicode in it", `${goodHeader}.${goodPayload}.${goodSignature.slice(0, -1)}А`],
  ["NUL in it", `${goodHeader}.${goodPayload}\u0000.${goodSignature}`],
  ["truncated by one", good.slice(0, -1)],
  ["truncated by half", good.slice(0, good.length / 2)],
  ["enormous by one", claims({ pad: "x".repeat(8192) })],
  ["enormous", `${goodHeader}.${"A".repeat(1_000_000)}.${goodSignature}`],
  ["a million dots", ".".repeat(1_000_000)],
  ["Bearer before it once more", `Bearer ${good}`],
  // Signature
  ["another payload", `${goodHeader}.${base64url(JSON.stringify(goodClaims({ sub: "admin" })))}.${goodSignature}`],
  ["another header", `${base64url('{"alg":"ES256"}')}.${goodPayload}.${goodSignature}`],
  ["a signature of zeros (CVE-2022-21449)", `${goodHeader}.${goodPayload}.${zeros}`],
  ["r and s swapped", `${goodHeader}.${goodPayload}.${swapped}`],
  ["a signature in DER", `${goodHeader}.${goodPayload}.${derSignature()}`],
  ["a signature too long", `${goodHeader}.${goodPayload}.${goodSignature.slice(0, 84)}AAAAAAAA`],
  ["the signature of another token", `${goodHeader}.${goodPayload}.${claims({ jti: "t-2" }).split(".")[2]}`],
  // Claims
  ["claims empty", text("{}")],
  ["claims a list", text("[]")],
  ["claims null", text("null")],
  ["claims a text", text('"alice"')],
  ["claims not JSON", text(`${goodText},`)],
  ["claims with a byte order mark", text(`\ufeff${goodText}`)],
  ["claims not UTF-8", mint(HEADER, new Uint8Array([0x7b, 0xc3, 0x28, 0x7d]), ours.privateKey)],
  ["sub twice", text(`{"sub":"admin",${goodText.slice(1)}`)],
  ["exp twice, the last one far off", text(`${goodText.slice(0, -1)},"exp":${seconds + 9999}}`)],
  ["a name twice far inside", text(`${goodText.slice(0, -1)},"a":[{"b":{"c":1,"c":2}}]}`)],
  ["iss missing", claims({ iss: undefined })],
  ["iss another", claims({ iss: "https://evil.example" })],
  ["iss with a slash more", claims({ iss: `${ISSUER}/` })],
  ["iss in another case", claims({ iss: ISSUER.toUpperCase() })],
  ["iss a list", claims({ iss: [ISSUER] })],
  ["iss null", claims({ iss: null })],
  ["aud missing", claims({ aud: undefined })],
  ["aud another", claims({ aud: "other" })],
  ["aud a prefix", claims({ aud: "sally" })],
  ["aud longer", claims({ aud: "sallyport2" })],
  ["aud a list of others", claims({ aud: ["a", "b"] })],
  ["aud an empty list", claims({ aud: [] })],
  ["aud a list with a number", claims({ aud: ["sallyport", 1] })],
  ["aud an object", claims({ aud: { sallyport: true } })],
  ["sub missing", claims({ sub: undefined })],
  ["sub empty", claims({ sub: "" })],
  ["sub a number", claims({ sub: 7 })],
  ["sub null", claims({ sub: null })],
  ["sub a list", claims({ sub: ["alice"] })],
  ["sub of 257 characters", claims({ sub: "a".repeat(257) })],
  ["sub with a newline", claims({ sub: "alice\nadmin" })],
  ["sub with NUL", claims({ sub: "alice\u0000" })],
  ["sub with half a surrogate pair", text(goodText.replace("alice", "\\ud800"))],
  ["jti a number", claims({ jti: 7 })],
  ["jti empty", claims({ jti: "" })],
  ["exp missing", claims({ exp: undefined })],
  [
    "exp missing, by jsonwebtoken",
    sign({ ...goodClaims({ exp: undefined }) }, ours.privateKey, { algorithm: "ES256" }),
  ],
  ["exp a text", claims({ exp: String(seconds + 600) })],
  ["exp null", claims({ exp: null })],
  ["exp negative", claims({ exp: -1 })],
  ["exp 1e300", text(goodText.replace(/"exp":\d+/, '"exp":1e300'))],
  ["exp 1e999", text(goodText.replace(/"exp":\d+/, '"exp":1e999'))],
  ["exp in milliseconds", claims({ exp: NOW + 600_000 })],
  ["iat missing", claims({ iat: undefined })],
  ["iat a text", claims({ iat: String(seconds) })],
  ["iat far in the future", claims({ iat: seconds + 86_400, exp: seconds + 90_000 })],
  ["iat just beyond the skew", claims({ iat: seconds + 31 })],
  ["iat longer ago than max_age and skew", claims({ iat: seconds - 86_400 - 31 })],
  ["nbf in the future", claims({ nbf: seconds + 3600 })],
  ["nbf just beyond the skew", claims({ nbf: seconds + 31 })],
  ["nbf a text", claims({ nbf: "0" })],
  ["nbf null", claims({ nbf: null })],
  ["roles a number", claims({ roles: 1 })],
  ["roles an object", claims({ roles: { admin: true } })],
  ["roles a list with a number", claims({ roles: ["user", 1] })],
  ["roles null", claims({ roles: null })],
  // Expired and wrong as well: not told apart
  ["expired, of another key", mint(HEADER, goodClaims({ exp: seconds - 600 }), other.privateKey)],
  ["expired, of another issuer", claims({ exp: seconds - 600, iss: "https://evil.example" })],
  ["expired, for another audience", claims({ exp: seconds - 600, aud: "other" })],
  ["expired, without sub", claims({ exp: seconds - 600, sub: undefined })],
  ["expired, older than max_age", claims({ exp: seconds - 600, iat: seconds - 90_000 })],
  ["expired, roles of the wrong kind", claims({ exp: seconds - 600, roles: 1 })],
  ["expired, alg none", mint({ alg: "none" }, goodClaims({ exp: seconds - 600 }), null)],
];

function derSignature(): string {
  const bytes = Uint8Array.fromBase64(goodSignature, { alphabet: "base64url" });
  const integer = (part: Uint8Array) => [0x02, part.length + 1, 0x00, ...part];
  const body = [...integer(bytes.slice(0, 32)), ...integer(bytes.slice(32))];
  return base64url(new Uint8Array([0x30, body.length, ...body]));
}

async function withVerifier(
  auth: Partial<VerifierConfig>,
  file: string | Uint8Array,
  body: (verify: (token: string) => Promise<unknown>, lines: unknown[]) => Promise<void>,
): Promise<void> {
  await withFolder(async (folder) => {
    const path = join(folder, "key");
    await Deno.writeFile(path, typeof file === "string" ? new TextEncoder().encode(file) : file);
    const { secret_file: _, ...base } = configWith().auth;
    const key = auth.algorithms?.[0]?.startsWith("HS") ? { secret_file: path } : { public_key_file: path };
    const log = memoryLog();
    const verifier = await createVerifier({ ...base, ...key, ...auth }, { log, now: () => NOW });
    try {
      await body((token) => verifier.verify(token), log.lines);
    } finally {
      verifier.close();
    }
  });
}

Deno.test("verify() takes the good token that the bad ones are made from", async () => {
  await withVerifier({ algorithms: ["ES256"] }, pem, async (verify) => {
    for (const token of [good, sign(goodClaims(), ours.privateKey, { algorithm: "ES256" })]) {
      assertEquals((await verify(token) as { ok: boolean }).ok, true);
    }
  });
});

Deno.test(`verify() refuses ${BAD.length} bad tokens with the one answer, and says nothing of them anywhere`, async () => {
  assert(BAD.length >= 60);
  const names = BAD.map(([name]) => name);
  assertEquals(new Set(names).size, names.length);
  await withVerifier({ algorithms: ["ES256"] }, pem, async (verify, lines) => {
    for (const [name, token] of BAD) {
      const { detail, ...answer } = await verify(token) as Record<string, unknown>;
      assertEquals(answer, { ok: false, reason: "token_invalid" }, name);
      assert(typeof detail === "string" && detail !== "" && detail.length < 100, name);
      for (const part of token.split(".").filter((part) => part.length > 8)) assert(!detail.includes(part), name);
    }
    assertEquals(lines, []);
  });
});

Deno.test("verify() refuses what RSA keys are attacked with", async () => {
  const rsaPem = publicPem(rsa);
  await withVerifier({ algorithms: ["RS256", "PS256"] }, rsaPem, async (verify) => {
    const bad: [string, string][] = [
      ["HS256 with the public key as the secret", mint({ alg: "HS256" }, goodClaims(), rsaPem)],
      ["HS256 with the public key, trimmed", mint({ alg: "HS256" }, goodClaims(), rsaPem.trim())],
      ["RS256 named, signed as PS256", mint({ alg: "RS256" }, goodClaims(), rsa.privateKey, "PS256")],
      ["PS256 named, signed as RS256", mint({ alg: "PS256" }, goodClaims(), rsa.privateKey, "RS256")],
      ["RS512, which is not configured", sign(goodClaims(), rsa.privateKey, { algorithm: "RS512" })],
      ["RS256 named, signed as RS512", mint({ alg: "RS256" }, goodClaims(), rsa.privateKey, "RS512")],
      ["a signature one byte short", sign(goodClaims(), rsa.privateKey, { algorithm: "RS256" }).slice(0, -2)],
      ["a signature of zeros", `${base64url('{"alg":"RS256"}')}.${goodPayload}.${base64url(new Uint8Array(256))}`],
    ];
    for (const [name, token] of bad) {
      assertEquals((await verify(token) as { reason: string }).reason, "token_invalid", name);
    }
    for (const algorithm of ["RS256", "PS256"]) {
      const token = sign(goodClaims(), rsa.privateKey, { algorithm });
      assertEquals((await verify(token) as { ok: boolean }).ok, true);
    }
  });
});

Deno.test("verify() refuses what secrets are attacked with", async () => {
  await withVerifier({ algorithms: ["HS256"] }, secret, async (verify) => {
    const token = mint({ alg: "HS256" }, goodClaims(), secret);
    assertEquals((await verify(token) as { ok: boolean }).ok, true);
    const input = token.slice(0, token.lastIndexOf("."));
    const bad: [string, string][] = [
      ["HS512, which is not configured", mint({ alg: "HS512" }, goodClaims(), secret)],
      ["HS384 named, signed as HS256", mint({ alg: "HS384" }, goodClaims(), secret, "HS256")],
      ["a shorter hash", `${input}.${signature("HS256", input, secret).slice(0, 22)}`],
      ["no signature", `${input}.`],
      ["another secret", mint({ alg: "HS256" }, goodClaims(), new Uint8Array(32))],
      ["ES256", good],
      ["none", mint({ alg: "none" }, goodClaims(), null)],
    ];
    for (const [name, wrong] of bad) {
      assertEquals((await verify(wrong) as { reason: string }).reason, "token_invalid", name);
    }
  });
});

Deno.test("verify() does the work of one verification for every bad token (websockets CVE-2021-33880)", async () => {
  const { subtle } = crypto;
  const original = subtle.verify;
  let count = 0;
  await withVerifier({ algorithms: ["ES256"] }, pem, async (verify) => {
    subtle.verify = function (this: SubtleCrypto, ...args: Parameters<typeof original>) {
      count++;
      return original.apply(this, args);
    } as typeof original;
    try {
      for (const [name, token] of BAD) {
        count = 0;
        await verify(token);
        assertEquals(count, 1, name);
      }
    } finally {
      subtle.verify = original;
    }
  });
});

Deno.test("parseUniqueObject() takes objects only, in which no name is there twice", () => {
  assertEquals(parseUniqueObject('{"a":{"b":1},"c":{"b":2}}'), { a: { b: 1 }, c: { b: 2 } });
  for (const text of ["[]", '[{"a":1}]', "null", "1", '"a"', "", "{", '{"a":1,"a":1}', '{"a":1,"\\u0061":2}']) {
    assertEquals(parseUniqueObject(text), null, text);
  }
  assertEquals(parseUniqueObject('{"o":{"a":1,"a":2}}'), null);
  assertEquals(parseUniqueObject('{"a\\"":1,"a\\"":2}'), null);
  assertEquals(parseUniqueObject('{"a":"{\\"a\\":1,\\"a\\":2}"}'), { a: '{"a":1,"a":2}' });
});

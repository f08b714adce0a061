/** Configurations, handshakes, keys and tokens for the tests of admission. Tokens are made without jose. */
import { createHmac, createSign, generateKeyPairSync, type KeyObject, sign as signBytes } from "node:crypto";
import { Buffer } from "node:buffer";
import { type AdmissionContext, compileOrigins } from "../../lib/admission/admission.ts";
import { type Config, devConfig } from "../../lib/config/config.ts";
import type { Handshake, Identity, Peer } from "../../lib/gate/gate.ts";
import type { Fields, Log } from "../../lib/log/log.ts";

/** 2026-11-22T12:00:00Z, when everything in these tests happens. */
export const NOW = Date.UTC(2026, 10, 22, 12);
/** The allowed origin. */
export const ORIGIN = "https://app.example.com";
/** The issuer of tokens. */
export const ISSUER = "https://id.example.com";

type Sections = { [S in "server" | "admission" | "auth"]?: Partial<Config[S]> };

/** A configuration with two handlers, `chat.v1` and `echo.v1`, in that order. */
export function configWith(changes: Sections = {}): Config {
  const base = devConfig({
    port: 8443,
    certsDir: "/nonexistent",
    handlers: [{ subprotocol: "chat.v1", module: "/chat.ts" }, { subprotocol: "echo.v1", module: "/echo.ts" }],
  });
  return {
    ...base,
    server: { ...base.server, ...changes.server },
    admission: { ...base.admission, origins: [ORIGIN], ...changes.admission },
    auth: { ...base.auth, issuer: ISSUER, ...changes.auth },
  };
}

/** A client on TLS, not behind a proxy. */
export const PEER: Peer = { ip: "192.0.2.7", secure: true, forwarded: false };

/** A proper opening handshake; a header of null is left out. */
export function handshake(headers: Record<string, string | null> = {}, query = "", method = "GET"): Handshake {
  const all: Record<string, string | null> = {
    host: "ws.example.com",
    upgrade: "websocket",
    connection: "Upgrade",
    "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    "sec-websocket-protocol": "chat.v1",
    origin: ORIGIN,
    ...headers,
  };
  const given = Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== null);
  return { method, url: new URL(`https://ws.example.com/ws${query}`), headers: new Headers(given) };
}

/** The identity of `Bearer good`. */
export const ALICE: Identity = {
  user: "alice",
  roles: ["user"],
  claims: { sub: "alice" },
  expiresAt: NOW + 3_600_000,
  issuedAt: NOW,
  tokenId: "t-1",
};

/** A context in which `Bearer good` is alice and nothing is full. */
export function contextWith(changes: Partial<AdmissionContext> = {}, config: Config = configWith()): AdmissionContext {
  return {
    config,
    origins: compileOrigins(config.admission.origins),
    draining: false,
    cutOff: false,
    overloaded: false,
    full: false,
    addressBanned: () => 0,
    takeHandshake: () => 0,
    returnHandshake: () => {},
    takeUserHandshake: () => 0,
    turn: () => Promise.resolve(() => {}),
    forged: () => {},
    gone: () => false,
    verify: (token) =>
      Promise.resolve(
        token === "good"
          ? { ok: true, identity: ALICE }
          : { ok: false, reason: "token_invalid", detail: "The signature is wrong" },
      ),
    redeemTicket: () => Promise.resolve(null),
    userConnections: () => 0,
    userBanned: () => 0,
    ...changes,
  };
}

/** A log that keeps its lines. */
export function memoryLog(): Log & { lines: { level: string; event: string; fields: Fields }[] } {
  const lines: { level: string; event: string; fields: Fields }[] = [];
  const at = (level: string) => (event: string, fields: Fields = {}) => void lines.push({ level, event, fields });
  return { lines, level: "debug", debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

/** Runs the body with a folder of its own. */
export async function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "sallyport-admission-" });
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** A pair of keys. */
export interface Pair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

/** A pair of keys on an elliptic curve. */
export function ecPair(namedCurve = "P-256"): Pair {
  return generateKeyPairSync("ec", { namedCurve });
}

/** A pair of RSA keys; the length is in bits. */
export function rsaPair(modulusLength = 2048): Pair {
  return generateKeyPairSync("rsa", { modulusLength });
}

/** A pair of Ed25519 keys. */
export function edPair(): Pair {
  return generateKeyPairSync("ed25519");
}

/** The public key as PEM (SPKI). */
export function publicPem({ publicKey }: Pair): string {
  return publicKey.export({ type: "spki", format: "pem" }).toString();
}

/** The private key as PEM (PKCS #8). */
export function privatePem({ privateKey }: Pair): string {
  return privateKey.export({ type: "pkcs8", format: "pem" }).toString();
}

/** The public half as a key set's entry. */
export function jwkOf({ publicKey }: Pair, fields: Record<string, unknown> = {}): Record<string, unknown> {
  return { ...publicKey.export({ format: "jwk" }), ...fields };
}

/** The claims of a token that is right at `NOW`. */
export function goodClaims(changes: Record<string, unknown> = {}): Record<string, unknown> {
  const seconds = NOW / 1000;
  const claims: Record<string, unknown> = {
    iss: ISSUER,
    aud: "sallyport",
    sub: "alice",
    iat: seconds - 60,
    exp: seconds + 600,
    jti: "t-1",
    roles: ["user"],
    ...changes,
  };
  for (const [name, value] of Object.entries(claims)) if (value === undefined) delete claims[name];
  return claims;
}

/** Text or bytes in base64url without padding. */
export function base64url(data: string | Uint8Array): string {
  return Buffer.from(data as Uint8Array).toString("base64url");
}

/** Makes a token of any header and payload, each a value or its very text, signed as `alg` says. */
export function mint(
  header: Record<string, unknown> | string,
  payload: unknown,
  key: KeyObject | Uint8Array | string | null,
  alg = typeof header === "object" ? String(header.alg) : "ES256",
): string {
  const input = [header, payload]
    .map((part) => base64url(typeof part === "string" || part instanceof Uint8Array ? part : JSON.stringify(part)))
    .join(".");
  return `${input}.${key === null ? "" : signature(alg, input, key)}`;
}

/** The signature of a token's first two parts, as base64url. */
export function signature(alg: string, input: string, key: KeyObject | Uint8Array | string): string {
  if (alg.startsWith("HS")) {
    return createHmac(`sha${alg.slice(2)}`, key as Uint8Array).update(input).digest("base64url");
  }
  const secret = key as KeyObject;
  if (alg === "EdDSA") return signBytes(null, Buffer.from(input), secret).toString("base64url");
  const signer = createSign(`sha${alg.slice(2)}`).update(input);
  if (alg.startsWith("ES")) return signer.sign({ key: secret, dsaEncoding: "ieee-p1363" }, "base64url");
  // 6 is RSA_PKCS1_PSS_PADDING, -1 a salt as long as the hash.
  if (alg.startsWith("PS")) return signer.sign({ key: secret, padding: 6, saltLength: -1 }, "base64url");
  return signer.sign(secret, "base64url");
}

/** Prepares `serve --dev`: certificate, secret, configuration, token and page. */
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { signToken } from "../admission/admission.ts";
import { type Config, devConfig } from "../config/config.ts";
import { DEVELOPMENT_ROLES, DEVELOPMENT_TTL_MS } from "./development_tokens.ts";
import { ensureDevelopmentCertificate } from "../tls/development_certificate.ts";

const CERTS = "certs";
const SECRET = "dev.secret";
const DEFAULT_PORT = 8443;
const SECRET_BYTES = 32;

const EXAMPLES = new URL("../../examples/", import.meta.url);
const HANDLERS = [
  { subprotocol: "chat.v1", module: fileURLToPath(new URL("chat/chat.ts", EXAMPLES)) },
  { subprotocol: "echo.v1", module: fileURLToPath(new URL("echo/echo.ts", EXAMPLES)) },
];

/**
 * Creates certificate and secret in `certs/` of the working folder when they are missing, and the configuration that
 * uses them.
 *
 * @throws {Error} if they can't be written, or no port is free
 */
export async function prepareDevelopment(port: number | undefined): Promise<Config> {
  const certsDir = resolve(CERTS);
  await Deno.mkdir(certsDir, { recursive: true });
  await ensureDevelopmentCertificate(certsDir);
  await ensureSecret(join(certsDir, SECRET));
  // The origins contain the port, so it must be known before listening.
  return devConfig({ port: port === 0 ? freePort() : port ?? DEFAULT_PORT, certsDir, handlers: HANDLERS });
}

/** The file with the secret that signs tokens in development. */
export function developmentSecret(): string {
  return join(resolve(CERTS), SECRET);
}

/** The configuration by which development signs and verifies tokens. */
export function developmentAuth(): Config["auth"] {
  return devConfig({ port: DEFAULT_PORT, certsDir: resolve(CERTS), handlers: HANDLERS }).auth;
}

/** The lines with the URL of the server and a token. */
export async function welcome({ auth, server }: Config, now: number): Promise<string[]> {
  const token = await signToken(auth, { sub: "dev", roles: DEVELOPMENT_ROLES, ttlMs: DEVELOPMENT_TTL_MS, now });
  const address = `https://localhost:${server.port}`;
  return [
    "",
    `  Sallyport is listening on ${address}`,
    "  Its certificate is self-signed: the browser asks once.",
    "",
    `  Try it:  ${address}/#token=${token}`,
    `  Token:   ${token}`,
    "",
    "  Another user:   sallyport token --dev --sub bob",
    `  In a terminal:  sallyport connect wss://localhost:${server.port}/ws --subprotocol chat.v1 --ca certs/server.crt --token TOKEN`,
    "",
  ];
}

async function ensureSecret(path: string): Promise<void> {
  const secret = crypto.getRandomValues(new Uint8Array(SECRET_BYTES)).toBase64({ alphabet: "base64url" });
  try {
    await Deno.writeTextFile(path, `${secret}\n`, { mode: 0o600, createNew: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
}

function freePort(): number {
  const listener = Deno.listen({ hostname: "localhost", port: 0 });
  const { port } = listener.addr;
  listener.close();
  return port;
}

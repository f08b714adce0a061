/** Prepares `serve --dev`: certificate, secret, configuration, token and page. */
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { signToken } from "../admission/admission.ts";
import { type Config, devConfig } from "../config/config.ts";
import { ensureDevelopmentCertificate } from "../tls/development_certificate.ts";

const DEFAULT_PORT = 8443;
const SECRET_BYTES = 32;
const TOKEN_TTL_MS = 12 * 3_600_000;

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
  const certsDir = resolve("certs");
  await Deno.mkdir(certsDir, { recursive: true });
  await ensureDevelopmentCertificate(certsDir);
  await ensureSecret(join(certsDir, "dev.secret"));
  // The origins contain the port, so it must be known before listening.
  return devConfig({ port: port === 0 ? freePort() : port ?? DEFAULT_PORT, certsDir, handlers: HANDLERS });
}

/** The lines with the URL of the server and a token. */
export async function welcome({ auth, server }: Config, now: number): Promise<string[]> {
  const token = await signToken(auth, { sub: "dev", roles: ["user"], ttlMs: TOKEN_TTL_MS, now });
  const address = `https://localhost:${server.port}`;
  return [
    "",
    `  Sallyport is listening on ${address}`,
    "  Its certificate is self-signed: the browser asks once.",
    "",
    `  Try it:  ${address}/#token=${token}`,
    `  Token:   ${token}`,
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

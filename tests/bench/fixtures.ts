/** The fixtures of all servers of a comparison: one certificate, one signing key, tokens, and the packages under Node. */
import { importPKCS8, SignJWT } from "jose";
import { makeCertificate } from "../../lib/tls/certificate.ts";

export const ORIGIN = "https://app.example.com";
export const ISSUER = "https://id.example.com";
export const AUDIENCE = "sallyport";

const HOUR = 3_600_000;

/** A folder with everything, removed by `remove()`. */
export interface Fixtures {
  readonly directory: string;
  readonly certFile: string;
  readonly keyFile: string;
  readonly caPem: string;
  readonly publicKeyFile: string;
  readonly publicKeyPem: string;
  /** A file in a folder whose `node_modules` holds `ws`, `zod` and `jose` in the versions of deno.json. */
  readonly packages: string;
  /** A fresh ES256 token, unlike any before. */
  token(sub: string): Promise<string>;
  remove(): Promise<void>;
}

function pem(label: string, der: ArrayBuffer): string {
  const base64 = new Uint8Array(der).toBase64();
  return `-----BEGIN ${label}-----\n${base64.replace(/(.{64})/g, "$1\n").trimEnd()}\n-----END ${label}-----\n`;
}

async function installPackages(directory: string): Promise<string> {
  const { imports } = JSON.parse(await Deno.readTextFile(new URL("../../deno.json", import.meta.url)));
  const { ws, zod, jose } = imports;
  await Deno.mkdir(`${directory}/packages`);
  const config = `${directory}/packages/deno.json`;
  await Deno.writeTextFile(config, JSON.stringify({ nodeModulesDir: "auto", imports: { ws, zod, jose } }));
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["install", "--quiet", "--no-lock", "--config", config],
    cwd: `${directory}/packages`,
  }).output();
  if (!success) throw new Error(`Packages for the baselines can't be laid out: ${new TextDecoder().decode(stderr)}`);
  return config;
}

/** Makes new keys and a certificate in a temporary folder. */
export async function createFixtures(): Promise<Fixtures> {
  const directory = await Deno.makeTempDir({ prefix: "sallyport-bench-" });
  const { cert, key } = await makeCertificate({
    hosts: ["localhost", "127.0.0.1"],
    notBefore: new Date(Date.now() - HOUR),
    notAfter: new Date(Date.now() + 24 * HOUR),
  });
  const pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"]);
  const publicKeyPem = pem("PUBLIC KEY", await crypto.subtle.exportKey("spki", pair.publicKey));
  const signingKey = await importPKCS8(
    pem("PRIVATE KEY", await crypto.subtle.exportKey("pkcs8", pair.privateKey)),
    "ES256",
  );
  const file = async (name: string, text: string) => {
    await Deno.writeTextFile(`${directory}/${name}`, text, { mode: 0o600 });
    return `${directory}/${name}`;
  };
  return {
    directory,
    certFile: await file("server.crt", cert),
    keyFile: await file("server.key", key),
    caPem: cert,
    publicKeyFile: await file("token.pub.pem", publicKeyPem),
    publicKeyPem,
    packages: await installPackages(directory),
    token: (sub) =>
      new SignJWT({ roles: ["user"] }).setProtectedHeader({ alg: "ES256" }).setSubject(sub).setIssuer(ISSUER)
        .setAudience(AUDIENCE).setIssuedAt().setExpirationTime("2h").setJti(crypto.randomUUID()).sign(signingKey),
    remove: () => Deno.remove(directory, { recursive: true }),
  };
}

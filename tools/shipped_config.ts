/** Prepares a folder in which the shipped configuration finds every named file, for `check`. */
import { basename, join } from "node:path";
import { makeKeys } from "../lib/admission/admission.ts";
import { makeCertificate } from "../lib/tls/certificate.ts";
import { files, ROOT } from "./project.ts";

const PLACES = { "/var/lib/sallyport": "state", "${CREDENTIALS_DIRECTORY}": "credentials" };

/**
 * Copies deploy/sallyport.toml to `folder`, with its absolute paths moved below it, and creates the named files: a
 * certificate from a test authority, keys, an admin token, the example handler. Returns the path of the copy.
 */
export async function layOutShippedConfig(folder: string): Promise<string> {
  let text = await Deno.readTextFile(join(ROOT, "deploy/sallyport.toml"));
  for (const [place, below] of Object.entries(PLACES)) {
    text = text.replaceAll(place, join(folder, below));
    await Deno.mkdir(join(folder, below), { mode: 0o700 });
  }
  await Deno.mkdir(join(folder, "state/tls"), { mode: 0o700 });
  await Deno.mkdir(join(folder, "handlers"));
  const root = await makeCertificate({ hosts: ["Root"], isCa: true });
  const ca = await makeCertificate({ hosts: ["Intermediate"], isCa: true, ca: root });
  const { cert, key } = await makeCertificate({ hosts: ["app.example.com"], ca });
  await Deno.writeTextFile(join(folder, "state/tls/server.crt"), cert);
  await Deno.writeTextFile(join(folder, "state/tls/server.key"), key, { mode: 0o600 });
  const token = crypto.getRandomValues(new Uint8Array(32)).toHex();
  await Deno.writeTextFile(join(folder, "credentials/admin.token"), token, { mode: 0o600 });
  await makeKeys("ES256", folder);
  for (const name of await files(ROOT, "examples/chat")) {
    if (name.endsWith(".ts")) await Deno.copyFile(join(ROOT, name), join(folder, "handlers", basename(name)));
  }
  const path = join(folder, "sallyport.toml");
  await Deno.writeTextFile(path, text, { mode: 0o600 });
  return path;
}

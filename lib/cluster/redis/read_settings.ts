/** Reads the files of `[cluster]`. */
import type { Config } from "../../config/config.ts";
import type { RedisSettings } from "./settings.ts";

/**
 * Reads every file once. URL and password end with the line, the secret with its last byte before a newline.
 *
 * @throws {Error} if a file can't be read
 */
export function readSettings(cluster: NonNullable<Config["cluster"]>): RedisSettings {
  const { url_file, ca_file, cert_file, key_file, password_file, secret_file, prefix } = cluster;
  const text = (path: string | undefined) => path === undefined ? undefined : Deno.readTextFileSync(path);
  const secret = Deno.readFileSync(secret_file);
  return {
    url: Deno.readTextFileSync(url_file).trim(),
    ca: text(ca_file),
    cert: text(cert_file),
    key: text(key_file),
    password: text(password_file)?.replace(/\r?\n$/, ""),
    secret: secret.subarray(0, secret.at(-1) === 0x0a ? -1 : undefined),
    prefix,
  };
}

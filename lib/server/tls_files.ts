import type { Config } from "../config/config.ts";
import type { TlsMaterial } from "../front/front.ts";

/** Reads the configured certificate chain and key; null without TLS. */
export async function readTls({ tls }: Config): Promise<TlsMaterial | null> {
  if (!tls) return null;
  const [cert, key] = await Promise.all([Deno.readTextFile(tls.cert_file), Deno.readTextFile(tls.key_file)]);
  return { cert, key };
}

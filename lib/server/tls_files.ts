import type { Config } from "../config/config.ts";
import type { TlsMaterial } from "../front/front.ts";
import { watchFile } from "../ops/watch_file.ts";

/** Certificate and key are written one after the other: between the two they don't fit. */
const SETTLED_MS = 1_000;

/** Reads the configured certificate chain and key; null without TLS. */
export async function readTls({ tls }: Config): Promise<TlsMaterial | null> {
  if (!tls) return null;
  const [cert, key] = await Promise.all([Deno.readTextFile(tls.cert_file), Deno.readTextFile(tls.key_file)]);
  return { cert, key };
}

/**
 * Calls `changed` once certificate or key were replaced and have been left alone for a second.
 * @returns ends the watching
 */
export function watchTls({ tls }: Config, changed: () => void): () => void {
  if (!tls) return () => {};
  let timer: ReturnType<typeof setTimeout> | undefined;
  const settle = () => {
    clearTimeout(timer);
    timer = setTimeout(changed, SETTLED_MS);
  };
  const watches = [tls.cert_file, tls.key_file].map((path) => watchFile(path, settle));
  return () => {
    clearTimeout(timer);
    for (const watch of watches) watch.close();
  };
}

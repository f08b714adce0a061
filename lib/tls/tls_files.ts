/** Reads and watches the files of `[tls]`. */
import type { Config } from "../config/config.ts";
import { watchFile } from "../base/watch_file.ts";

/** Certificate and key are written one after the other. Between the two writes they don't match. */
const SETTLED_MS = 1_000;
/** Time before an unusable pair (not valid yet, for example) is tried again. */
const RETRY_MS = 2_000;

/** PEM text of a certificate chain and its private key. */
export interface TlsMaterial {
  readonly cert: string;
  readonly key: string;
}

/** Reads the configured certificate chain and key; null without TLS. */
export async function readTls({ tls }: Config): Promise<TlsMaterial | null> {
  if (!tls) return null;
  const [cert, key] = await Promise.all([Deno.readTextFile(tls.cert_file), Deno.readTextFile(tls.key_file)]);
  return { cert, key };
}

/**
 * Calls `changed` after certificate or key have changed and then been left alone for a second, and again every two
 * seconds until it resolves to true, which means that the pair is in use.
 *
 * @returns a function that ends the watch
 */
export function watchTls({ tls }: Config, changed: () => Promise<boolean>): () => void {
  if (!tls) return () => {};
  let timer: ReturnType<typeof setTimeout> | undefined;
  let round = 0;
  const tryIn = (milliseconds: number) => {
    clearTimeout(timer);
    const current = ++round;
    timer = setTimeout(async () => {
      // A newer change, or the end of the watch, makes this round obsolete.
      if (!await changed() && current === round) tryIn(RETRY_MS);
    }, milliseconds);
    Deno.unrefTimer(timer);
  };
  const watches = [tls.cert_file, tls.key_file].map((path) => watchFile(path, () => tryIn(SETTLED_MS)));
  return () => {
    round++;
    clearTimeout(timer);
    for (const watch of watches) watch.close();
  };
}

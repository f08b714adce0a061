/** Fetches a small text with bounds on time and size. */
import { KeyError } from "./keys.ts";
import { decodeUtf8 } from "../../base/utf8.ts";

export interface FetchBounds {
  /** For the whole answer: connection, head and body. */
  timeoutMs: number;
  /** Largest body, in bytes. */
  maxBytes: number;
}

/**
 * Fetches a UTF-8 text. Only status 200 is accepted; redirects are not followed.
 *
 * @throws {KeyError} if the answer has another status, is too large or too late; errors of `fetch` are passed on
 */
export async function fetchText(
  url: string,
  { timeoutMs, maxBytes }: FetchBounds,
  closing: AbortSignal,
  fetch: typeof globalThis.fetch,
): Promise<string> {
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(), timeoutMs);
  try {
    // A redirect would let the issuer's web server choose the source of the keys.
    const response = await fetch(url, {
      redirect: "manual",
      signal: AbortSignal.any([timeout.signal, closing]),
      headers: { accept: "application/jwk-set+json, application/json" },
    });
    if (response.status !== 200) {
      await response.body?.cancel();
      throw new KeyError(`answers with status ${response.status}`);
    }
    return await readText(response, maxBytes);
  } catch (error) {
    if (timeout.signal.aborted) throw new KeyError(`no answer within ${timeoutMs} ms`);
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

async function readText(response: Response, maxBytes: number): Promise<string> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    // Leaving the loop cancels the body.
    if (size > maxBytes) throw new KeyError(`is larger than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  try {
    return decodeUtf8(await new Blob(chunks).bytes());
  } catch {
    throw new KeyError("is not UTF-8 text");
  }
}

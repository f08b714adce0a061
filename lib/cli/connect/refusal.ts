/** Finds the reason of a failed handshake by an HTTP request, whose answer can be read. */
import http from "node:http";
import https from "node:https";
import { REFUSALS, type Retry } from "../../gate/outcomes.ts";

/** The reason of a failed handshake. */
export type FailedHandshake =
  | { readonly kind: "refused"; readonly status: number; readonly reason: string; readonly retryAfterS?: number }
  | { readonly kind: "unreachable"; readonly message: string };

/** The least status of a server error, RFC 9110 section 15.6. A proxy answers with one while its server restarts. */
const SERVER_ERROR = 500;
const TEMPORARY: readonly Retry[] = ["later", "when_told"];

/** Whether the same handshake may be accepted later. */
export function isTemporary(refusal: FailedHandshake): boolean {
  if (refusal.kind === "unreachable") return true;
  const outcome = Object.values(REFUSALS).find(({ status }) => status === refusal.status);
  return outcome ? TEMPORARY.includes(outcome.retry) : refusal.status >= SERVER_ERROR;
}

export interface Attempt {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly subprotocol: string;
  /** Trusted certificates, PEM. */
  readonly ca: string | undefined;
}

const ANSWER_TIMEOUT_MS = 10_000;
/** Maximum size of an error body; the server's is one small JSON object. */
const MOST_BODY_CHARACTERS = 10_000;
const KEY_BYTES = 16;

/** Resolves to the refusal, or to null when the server accepts the handshake now. Never rejects. */
export function askRefusal({ url, headers, subprotocol, ca }: Attempt): Promise<FailedHandshake | null> {
  const { request } = url.protocol === "https:" ? https : http;
  const { promise, resolve } = Promise.withResolvers<FailedHandshake | null>();
  const asked = request(url, {
    headers: {
      ...headers,
      "Connection": "Upgrade",
      "Upgrade": "websocket",
      "Sec-WebSocket-Version": "13",
      "Sec-WebSocket-Key": crypto.getRandomValues(new Uint8Array(KEY_BYTES)).toBase64(),
      ...(subprotocol === "" ? {} : { "Sec-WebSocket-Protocol": subprotocol }),
    },
    ...(ca === undefined ? {} : { ca }),
  });
  const timer = setTimeout(() => asked.destroy(new Error("no answer in time")), ANSWER_TIMEOUT_MS);
  asked.on("upgrade", (_response, socket) => {
    socket.destroy();
    resolve(null);
  });
  asked.on("response", (response) => {
    let body = "";
    response.setEncoding("utf8");
    response.on("data", (text: string) => {
      body += text;
      if (body.length > MOST_BODY_CHARACTERS) response.destroy();
    });
    response.on("close", () => {
      const retryAfterS = Number(response.headers["retry-after"]);
      resolve({
        kind: "refused",
        status: response.statusCode ?? 0,
        reason: reasonOf(body),
        ...(retryAfterS > 0 ? { retryAfterS } : {}),
      });
    });
  });
  asked.on("error", ({ message }) => resolve({ kind: "unreachable", message }));
  asked.end();
  return promise.finally(() => clearTimeout(timer));
}

/** The reason in the server's error body; empty for an answer of another program. */
function reasonOf(body: string): string {
  try {
    const { error } = JSON.parse(body);
    return typeof error === "string" ? error : "";
  } catch {
    return "";
  }
}

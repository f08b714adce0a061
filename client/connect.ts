/** Opens a socket with the token. */
import type { Env } from "./env.ts";
import type { End } from "./outcomes.ts";
import type { Options } from "./types.ts";

/**
 * Resolves to an open socket, or to the reason of the refusal; rejects when the network fails. `url` is the `http:`
 * one. When `signal` is aborted, the socket is closed.
 */
export async function connect(
  url: URL,
  options: Options,
  env: Env,
  token: string | undefined,
  signal: AbortSignal,
): Promise<WebSocket | End> {
  const { via = globalThis.location ? "ticket" : "header" } = options;
  const target = new URL(url);
  const protocols = [options.subprotocol];
  let headers = {};
  if (token !== undefined) {
    const bearer = { authorization: `Bearer ${token}` };
    if (via === "header") headers = bearer;
    else if (via === "subprotocol") protocols.push(`bearer.${token}`);
    else if (via === "ticket") {
      // The answer of the ticket request can be read, unlike that of a failed handshake.
      const { fetch } = env; // browsers require the call without a receiver
      const response = await fetch(new URL("/ticket", url), { method: "POST", headers: bearer, signal });
      const { ticket, error } = await response.json().catch(() => null) ?? {};
      if (!ticket) {
        return {
          code: response.status,
          reason: `${error ?? ""}`,
          retryAfterMs: +response.headers.get("retry-after")! * 1000,
        };
      }
      target.searchParams.set("ticket", ticket);
    }
  }
  // npm's ws takes headers as its third parameter, platform constructors within the second.
  const platform = via === "header" && env.WebSocket.length < 3;
  const socket = new env.WebSocket(target.href.replace("http", "ws"), platform ? { protocols, headers } : protocols, {
    headers,
  });
  signal.addEventListener("abort", () => socket.close());
  return new Promise((resolve) => {
    socket.onopen = () => resolve(socket);
    socket.onclose = resolve;
    socket.onerror = () => {}; // the close event follows
  });
}

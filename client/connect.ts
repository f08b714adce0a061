/** Opens a socket that brings the token along. */
import type { Env } from "./env.ts";
import type { End } from "./outcomes.ts";
import type { Options } from "./types.ts";

/**
 * Resolves to an open socket, or to why there is none; rejects when the network fails. `url` is the `http:` one. Once `signal`
 * is aborted, the socket is closed.
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
      // The answer can be read where that of a failed handshake can't.
      const { fetch } = env; // a browser's insists on no other receiver
      const response = await fetch(new URL("/ticket", url), { method: "POST", headers: bearer, signal });
      const { ticket, error } = await response.json().catch(() => null) ?? {};
      if (!ticket) {
        const retryAfterMs = +response.headers.get("retry-after")! * 1000;
        return { code: response.status, reason: `${error ?? ""}`, retryAfterMs };
      }
      target.searchParams.set("ticket", ticket);
    }
  }
  // npm's ws takes headers as its third parameter, the platforms' constructors declare one and take them with the second.
  const platform = via === "header" && env.WebSocket.length < 3;
  const socket = new env.WebSocket(target.href.replace("http", "ws"), platform ? { protocols, headers } : protocols, {
    headers,
  });
  signal.addEventListener("abort", () => socket.close());
  return new Promise((resolve) => {
    socket.onopen = () => resolve(socket);
    socket.onclose = resolve;
    socket.onerror = () => {}; // the close event follows it
  });
}

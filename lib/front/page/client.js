/** JSON-RPC 2.0 over one WebSocket, and the ticket that tells why a handshake fails. */

/**
 * Opens a connection. `tell` hears of everything: `open()`, `sent(text)`, `received(text)`, `notified(method, params)`,
 * `closed(code, reason, wasOpen)`.
 */
export function createClient(url, protocols, tell) {
  const socket = new WebSocket(url, protocols);
  const pending = new Map();
  let nextId = 1;
  let wasOpen = false;

  socket.addEventListener("open", () => {
    wasOpen = true;
    tell.open(socket.protocol);
  });
  socket.addEventListener("close", ({ code, reason }) => {
    for (const settle of pending.values()) settle({ error: { code: 0, message: "Connection closed" } });
    pending.clear();
    tell.closed(code, reason, wasOpen);
  });
  socket.addEventListener("message", ({ data }) => {
    const text = typeof data === "string" ? data : `(${data.size} bytes, binary)`;
    const answer = parse(text);
    tell.received(text, answer?.error);
    if (answer?.method !== undefined) tell.notified(answer.method, answer.params ?? {});
    const settle = pending.get(answer?.id);
    pending.delete(answer?.id);
    settle?.(answer);
  });

  /** Sends anything; `shown` is what the traffic list shows instead of it. */
  function send(data, shown = data) {
    if (socket.readyState !== WebSocket.OPEN) return false;
    socket.send(data);
    tell.sent(shown);
    return true;
  }

  return {
    send,
    close: () => socket.close(1000),
    /** Resolves to the whole answer: `{ result }` or `{ error }`. */
    call(method, params) {
      const id = nextId++;
      return new Promise((resolve) => {
        pending.set(id, resolve);
        const sent = send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
        if (sent) return;
        pending.delete(id);
        resolve({ error: { code: 0, message: "Not connected" } });
      });
    },
  };
}

function parse(text) {
  try {
    const value = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Asks for a one-time ticket: `{ ticket }`, or `{ status, reason, retryAfter }` as the server's answer gives them.
 * A page can read this answer, unlike that of a failed handshake.
 */
export async function requestTicket(token) {
  const headers = token === "" ? {} : { Authorization: `Bearer ${token}` };
  const response = await fetch("/ticket", { method: "POST", headers, cache: "no-store", credentials: "omit" });
  const body = await response.json().catch(() => ({}));
  if (response.ok && typeof body.ticket === "string") return { ticket: body.ticket };
  return { status: response.status, reason: String(body.error ?? ""), retryAfter: response.headers.get("Retry-After") };
}

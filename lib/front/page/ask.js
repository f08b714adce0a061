/** Requests whose answers a page can read, unlike that of a failed handshake. */

/**
 * Requests a one-time ticket: `{ ticket }`, or `{ status, reason, retryAfter }` from the server's answer.
 *
 * @throws {TypeError} if the server does not answer
 */
export async function requestTicket(token) {
  const response = await post("/ticket", token);
  const body = await response.json().catch(() => ({}));
  if (response.ok && typeof body.ticket === "string") return { ticket: body.ticket };
  return { status: response.status, reason: String(body.error ?? ""), retryAfter: response.headers.get("Retry-After") };
}

/** Requests a token of that user from the development server; null if it is refused. */
export async function requestToken(token, user, signal) {
  try {
    const response = await post(`/dev/token?sub=${encodeURIComponent(user)}`, token, signal);
    return response.ok ? (await response.json()).token : null;
  } catch {
    return null;
  }
}

function post(path, token, signal) {
  const headers = token === "" ? {} : { Authorization: `Bearer ${token}` };
  return fetch(path, { method: "POST", headers, cache: "no-store", credentials: "omit", signal });
}

/** What every code of the contract means to the person in front of the page. */

/** Why a handshake, or a request for a ticket, is refused. */
export const REASONS = new Map([
  ["bad_request", "The request is malformed, or carries two different tokens."],
  ["subprotocol_required", "No subprotocol was asked for."],
  ["subprotocol_unsupported", "No subprotocol that was asked for is served."],
  ["token_missing", "No token came with the request."],
  ["token_invalid", "The token is not acceptable. The server's log says why; the answer never does."],
  ["token_expired", "The token has expired: get a new one."],
  ["token_revoked", "The token, or its owner, was revoked."],
  ["ticket_invalid", "The ticket is unknown, used, too old, or for another origin."],
  ["origin_missing", "The request names no origin."],
  ["origin_not_allowed", "Pages of this origin may not connect: admission.origins lists those that may."],
  ["forbidden", "The token is good but lacks the role this server asks for."],
  ["not_found", "There is nothing under this path."],
  ["method_not_allowed", "This path takes another method."],
  ["timeout", "The request took too long to arrive."],
  ["upgrade_required", "This path is for WebSocket handshakes of version 13 only."],
  ["headers_too_large", "The head of the request is too large, or has too many lines."],
  ["rate_limited", "Too many attempts in a short time: wait as long as Retry-After says."],
  ["banned", "Banned for a while, after too many violations."],
  ["too_many_connections", "This user or address has as many connections as it may."],
  ["server_full", "The server has as many connections as it may."],
  ["draining", "The server is shutting down."],
  ["overloaded", "The server is overloaded and takes no new connections for now."],
]);

/** JSON-RPC errors, by code. */
export const ERRORS = new Map([
  [-32700, "Parse error: not JSON."],
  [-32600, "Invalid request: JSON, but no request of JSON-RPC 2.0, or too deep, or too large a batch."],
  [-32601, "There is no such method."],
  [-32602, "Invalid parameters: data.issues says where, never what."],
  [-32603, "The handler failed. data.ref finds the reason in the server's log."],
  [-32001, "Rate limited: try again after data.retry_after_ms."],
  [-32003, "Forbidden for the roles of this token."],
  [-32004, "Overloaded: the handler is busy or was restarted."],
  [-32005, "The handler took too long and was stopped."],
]);

const NEVER = "Don't come back the same way.";
const LATER = "Come back later, at a random moment.";
const TOKEN = "Come back with a new token.";

/** Close codes: what happened, and whether to come back. */
export const CLOSES = new Map([
  [1000, "Closed as agreed."],
  [1001, `The server goes away. ${LATER}`],
  [1002, `Protocol error. ${NEVER}`],
  [1003, `A binary message where none is taken. ${NEVER}`],
  [1005, "Closed without a code."],
  [
    1006,
    "The connection broke, or the handshake was refused. A browser can't tell which: ask for a ticket to learn why.",
  ],
  [1007, `Text that is not UTF-8. ${NEVER}`],
  [1008, `A rule was broken; the reason names it. ${NEVER}`],
  [1009, `Message too big. ${NEVER}`],
  [1011, `The server failed. ${LATER}`],
  [1013, `The client did not keep up. ${LATER}`],
  [4408, `The connection was silent for too long. ${LATER}`],
  [4401, `The token or the session has ended. ${TOKEN}`],
]);

/** Reasons that come with a close code: what they add to it. */
export const CLOSE_REASONS = new Map([
  ["draining", "It shuts down in good order."],
  ["message_too_big", "The limit is messages.max_bytes, over all fragments."],
  ["rate_limited", "Too many messages over the limit, in a minute: the user is banned for a while."],
  ["invalid_messages", "Too many messages that were no valid requests."],
  ["too_many_fragments", "One message in too many pieces."],
  ["slow_consumer", "The client did not read what it was sent."],
  ["idle", "No message came, or no answer to a ping."],
  ["kicked", "An operator closed the connection."],
  ["banned", "An operator or the limits banned this user."],
  ["token_expired", "The token was good until now."],
  ["token_revoked", "The token, or its owner, was revoked."],
  ["session_expired", "The connection was open for as long as it may be."],
]);

/** What a close code and its reason mean together. */
export function closeMeaning(code, reason) {
  const added = CLOSE_REASONS.get(reason);
  return added === undefined ? meaning(CLOSES, code) : `${meaning(CLOSES, code)} ${added}`;
}

/** The meaning of `code` in a table, or that it has none there. */
export function meaning(table, code) {
  return table.get(code) ?? "Not a code of this server.";
}

/** Checks the client's opening handshake (RFC 6455 section 4.2.1), without state. */
import { type Handshake, type Refusal, refuse } from "../gate/gate.ts";
import { isHandshakeKey } from "../websocket/websocket.ts";
import { listHas } from "./field.ts";

/** Fields that may occur once. Repeated fields arrive joined by commas, which none of these may contain. */
const SINGLE_FIELDS = ["host", "origin", "sec-websocket-key"] as const;

/**
 * Checks method, framing and upgrade headers. Null when the request is a valid opening handshake of version 13.
 *
 * The refusals, in this order: 405 `method_not_allowed`, 400 `bad_request` (repeated single fields, a body), 426
 * `upgrade_required` (no `Upgrade: websocket`, no `Connection: upgrade`, another version), 400 (invalid key).
 */
export function checkUpgrade(handshake: Handshake): Refusal | null {
  const { method, headers } = handshake;
  if (method !== "GET") return refuse("method_not_allowed", { headers: { Allow: "GET" } });
  for (const name of SINGLE_FIELDS) {
    if (headers.get(name)?.includes(",")) return refuse("bad_request", { detail: `Several values of ${name}` });
  }
  // RFC 9112 section 3.2.
  if (!headers.get("host")) return refuse("bad_request", { detail: "No Host" });
  // One hop would read a body as frames and another as a request.
  if (headers.has("transfer-encoding") || (headers.get("content-length") ?? "0") !== "0") {
    return refuse("bad_request", { detail: "The handshake announces a body" });
  }
  if (!listHas(headers.get("upgrade"), "websocket")) return upgradeRequired("No Upgrade: websocket");
  if (!listHas(headers.get("connection"), "upgrade")) return upgradeRequired("No Connection: upgrade");
  if (headers.get("sec-websocket-version") !== "13") return upgradeRequired("Sec-WebSocket-Version is not 13");
  if (!isHandshakeKey(headers.get("sec-websocket-key") ?? "")) {
    return refuse("bad_request", { detail: "Sec-WebSocket-Key is not 16 bytes in base64" });
  }
  return null;
}

/** RFC 6455 section 4.4: the answer to another version names the supported one. */
function upgradeRequired(detail: string): Refusal {
  return refuse("upgrade_required", { detail });
}

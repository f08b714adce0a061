/** Choice of the subprotocol (RFC 6455 sections 1.9 and 4.2.2). */
import { isToken, listElements } from "./field.ts";

/**
 * Prefix of the entry that carries a token, for browsers, which can't set other headers. The server never echoes the
 * entry.
 */
const BEARER = "bearer.";

/** The offer of a client: subprotocols, and tokens in `bearer.` entries. */
export interface Offer {
  readonly subprotocols: readonly string[];
  readonly bearers: readonly string[];
}

/**
 * Reads `Sec-WebSocket-Protocol`; null when it is malformed. RFC 6455 section 4.1: "The elements that comprise this
 * value MUST be non-empty strings […] and MUST all be unique strings."
 */
export function readOffer(header: string | null): Offer | null {
  if (header === null) return { subprotocols: [], bearers: [] };
  const elements = listElements(header);
  if (new Set(elements).size !== elements.length || !elements.every(isToken)) return null;
  return {
    subprotocols: elements.filter((element) => !element.startsWith(BEARER)),
    bearers: elements.filter((element) => element.startsWith(BEARER)).map((element) => element.slice(BEARER.length)),
  };
}

/** The chosen subprotocol (null: none), or the reason of the refusal. */
export type Choice =
  | { readonly ok: true; readonly subprotocol: string | null }
  | { readonly ok: false; readonly reason: "subprotocol_required" | "subprotocol_unsupported" };

/**
 * Chooses the first of the server's subprotocols that the client offers. Names are compared case-sensitively.
 *
 * An offer without a supported name is refused even when no subprotocol is required, because browsers fail a connection
 * when the answer selects nothing from their offer.
 */
export function chooseSubprotocol(offer: Offer, supported: readonly string[], required: boolean): Choice {
  if (offer.subprotocols.length === 0) {
    return required ? { ok: false, reason: "subprotocol_required" } : { ok: true, subprotocol: null };
  }
  const offered = new Set(offer.subprotocols);
  const chosen = supported.find((name) => offered.has(name) && !name.startsWith(BEARER));
  return chosen === undefined ? { ok: false, reason: "subprotocol_unsupported" } : { ok: true, subprotocol: chosen };
}

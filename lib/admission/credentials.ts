/** Finds the credential of a handshake among the configured token sources. */
import { getCookies } from "@std/http/cookie";
import type { Config } from "../config/config.ts";
import type { Handshake } from "../gate/gate.ts";
import { listElements, trimBlanks } from "./field.ts";
import type { Offer } from "./subprotocol.ts";

type CredentialSource = Config["auth"]["sources"][number];

/** The credential, its absence, or a conflict. `detail` is for the log and never contains a value. */
export type Credential =
  | { readonly kind: "token"; readonly token: string; readonly source: CredentialSource }
  | { readonly kind: "ticket"; readonly ticket: string }
  | { readonly kind: "none" }
  | { readonly kind: "conflict"; readonly detail: string };

const parseCookies: (headers: Headers) => Record<string, string | undefined> = getCookies;

/**
 * Takes the token from the first configured source that has one. Sources that are not configured are ignored. Two
 * sources with different values, or one source with several values, are a conflict: one of the values may be planted.
 */
export function findCredential(
  handshake: Handshake,
  offer: Offer,
  auth: Pick<Config["auth"], "sources" | "cookie">,
): Credential {
  let found: { source: CredentialSource; value: string } | null = null;
  for (const source of new Set(auth.sources)) {
    for (const value of valuesOf(source, handshake, offer, auth.cookie)) {
      if (found === null) found = { source, value };
      else if (found.value !== value) {
        return { kind: "conflict", detail: `Different tokens in ${found.source} and ${source}` };
      }
    }
  }
  if (found === null) return { kind: "none" };
  const { source, value } = found;
  return source === "ticket" ? { kind: "ticket", ticket: value } : { kind: "token", token: value, source };
}

function valuesOf(source: CredentialSource, { headers, url }: Handshake, offer: Offer, cookie: string): string[] {
  switch (source) {
    case "header": {
      const token = bearerToken(headers);
      // Repeated header fields arrive joined by commas; a token contains no comma.
      return token === null ? [] : listElements(token);
    }
    case "subprotocol":
      return offer.bearers.filter(isPresent);
    case "cookie":
      return cookieValues(headers.get("cookie"), cookie);
    case "ticket":
      return url.searchParams.getAll("ticket").filter(isPresent);
    case "query":
      return url.searchParams.getAll("access_token").filter(isPresent);
  }
}

/** The credentials of `Authorization: Bearer` (RFC 6750 section 2.1), null for none or another scheme. */
export function bearerToken(headers: Headers): string | null {
  const field = headers.get("authorization");
  if (field === null || field.slice(0, 7).toLowerCase() !== "bearer ") return null;
  const token = trimBlanks(field.slice(7));
  return token === "" ? null : token;
}

/** The first `ticket` parameter of the query, not validated; null if there is none. */
export function ticketOf(url: URL): string | null {
  return url.searchParams.get("ticket");
}

/**
 * Values of the cookie. Its name must match byte for byte: a name that differs only by Unicode spaces reaches the
 * server without the guarantees of the `__Host-` prefix (RFC 6265bis section 4.1.3).
 */
function cookieValues(header: string | null, name: string): string[] {
  if (header === null) return [];
  const values: string[] = [];
  for (const pair of header.split(";")) {
    const equals = pair.indexOf("=");
    if (equals < 0 || trimBlanks(pair.slice(0, equals)) !== name) continue;
    const value = parseCookies(new Headers({ cookie: pair }))[name];
    if (value !== undefined) values.push(trimBlanks(value));
  }
  return values.filter(isPresent);
}

function isPresent(value: string): boolean {
  return value !== "";
}

/** Where a handshake carries its token. */
import { getCookies } from "@std/http/cookie";
import type { Config } from "../config/config.ts";
import type { Handshake } from "../gate/gate.ts";
import { listElements, trimBlanks } from "./field.ts";
import type { Offer } from "./subprotocol.ts";

type Source = Config["auth"]["sources"][number];

/** What was found. `detail` is for the log and never holds a value. */
export type Credential =
  | { readonly kind: "token"; readonly token: string; readonly source: Source }
  | { readonly kind: "ticket"; readonly ticket: string }
  | { readonly kind: "none" }
  | { readonly kind: "conflict"; readonly detail: string };

const parseCookies: (headers: Headers) => Record<string, string | undefined> = getCookies;

/**
 * Takes the token from the first configured source that has one. Sources that are not configured are not looked at; two
 * that carry different values, or one with several, are a conflict: one of them was planted.
 */
export function findCredential(
  handshake: Handshake,
  offer: Offer,
  auth: Pick<Config["auth"], "sources" | "cookie">,
): Credential {
  let found: { source: Source; value: string } | null = null;
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

function valuesOf(source: Source, { headers, url }: Handshake, offer: Offer, cookie: string): string[] {
  switch (source) {
    case "header": {
      const token = bearerToken(headers);
      // Copies of a header reach us joined by commas, which no token contains.
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

/** The ticket in the query, whatever its worth: the first that there is. */
export function ticketOf(url: URL): string | null {
  return url.searchParams.get("ticket");
}

/**
 * Values of the cookie. Its name must match byte for byte: a name that only looks the same after trimming Unicode's
 * spaces passes the browser without the guarantees of the `__Host-` prefix (RFC 6265bis section 4.1.3).
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

/** Checks the syntax of a token (RFC 7515 section 7.1) before any cryptography. */
import { decodeUtf8 } from "../../base/utf8.ts";
import { parseUniqueObject } from "./json.ts";

/** Maximum length of a token in characters; browsers and proxies don't carry longer headers. */
export const MAX_TOKEN_LENGTH = 8192;

const MAX_KID_LENGTH = 256;
const BASE64URL_REGEXP = /^[A-Za-z0-9_-]+$/;
const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/**
 * Media types of access and identity tokens. Other types (logout, DPoP, events) are signed by the same keys for other
 * purposes.
 */
const TYPES: readonly string[] = ["jwt", "at+jwt"];

/** The header fields that select the key, or a description of the error. */
export type TokenForm =
  | { readonly ok: true; readonly alg: string; readonly kid: string | undefined }
  | { readonly ok: false; readonly detail: string };

/**
 * Parses the header of a compact JWS. Refused are non-canonical base64url, a wrong number of parts (JWE has five),
 * duplicate names, `crit`, `b64`, nesting, and types of tokens for other purposes. Keys and URLs in the header (`jwk`,
 * `jku`, `x5c`, `x5u`) are never used: the sender chooses them.
 */
export function readTokenForm(token: string): TokenForm {
  if (token.length > MAX_TOKEN_LENGTH) return wrong("Longer than 8192 characters");
  const parts = token.split(".");
  if (parts.length !== 3) return wrong("Not three parts");
  if (!parts.every(isCanonicalBase64url)) return wrong("A part is not canonical base64url");
  const header = parseUniqueObject(decodeText(parts[0] ?? "") ?? "");
  if (header === null) return wrong("The header is not a JSON object with unique names");
  const { alg, kid, typ } = header;
  if (typeof alg !== "string") return wrong("alg is not a text");
  if (kid !== undefined && (typeof kid !== "string" || kid.length > MAX_KID_LENGTH)) {
    return wrong("kid is not a short text");
  }
  if ("crit" in header || "b64" in header) return wrong("The header has extensions");
  if ("enc" in header || "zip" in header || "cty" in header) {
    return wrong("The token is encrypted, compressed or nested");
  }
  if (typ !== undefined && !isTokenType(typ)) return wrong("typ is of another kind of token");
  return { ok: true, alg, kid };
}

function wrong(detail: string): TokenForm {
  return { ok: false, detail };
}

/** RFC 7515 section 4.1.9: `application/` is optional, and media types are case-insensitive. */
function isTokenType(typ: unknown): boolean {
  return typeof typ === "string" && TYPES.includes(typ.toLowerCase().replace(/^application\//, ""));
}

/** Whether the text is base64url without padding, with zero unused bits (RFC 4648 section 3.5). */
export function isCanonicalBase64url(text: string): boolean {
  if (!BASE64URL_REGEXP.test(text)) return false;
  const last = DIGITS.indexOf(text.at(-1) ?? "");
  switch (text.length % 4) {
    case 0:
      return true;
    case 2:
      return (last & 0b1111) === 0;
    case 3:
      return (last & 0b11) === 0;
    default:
      return false;
  }
}

/** Decodes base64url to UTF-8 text; null when it is not UTF-8. */
function decodeText(base64url: string): string | null {
  try {
    return decodeUtf8(Uint8Array.fromBase64(base64url, { alphabet: "base64url" }));
  } catch {
    return null;
  }
}

import fc from "fast-check";
import { assertEquals, assertStringIncludes } from "../../assert.ts";
import { parseUniqueObject } from "../../../lib/admission/token/json.ts";
import { isCanonicalBase64url, MAX_TOKEN_LENGTH, readTokenForm } from "../../../lib/admission/token/token_form.ts";
import { base64url } from "../../helpers/admission.ts";

const HEADER = base64url('{"alg":"ES256","kid":"k"}');

Deno.test("readTokenForm() takes tokens up to 8192 characters", () => {
  const token = (length: number) => `${HEADER}.${"A".repeat(length - HEADER.length - 6)}.AAAA`;
  for (const length of [100, MAX_TOKEN_LENGTH - 4, MAX_TOKEN_LENGTH, MAX_TOKEN_LENGTH + 1, MAX_TOKEN_LENGTH + 4]) {
    const form = readTokenForm(token(length));
    const payload = token(length).split(".")[1] ?? "";
    assertEquals(form.ok, length <= MAX_TOKEN_LENGTH && payload.length % 4 !== 1, String(length));
  }
  const long = readTokenForm("A".repeat(MAX_TOKEN_LENGTH + 1));
  assertStringIncludes(long.ok ? "" : long.detail, "8192");
});

Deno.test("readTokenForm() never throws and never quotes the token", () => {
  const part = fc.oneof(fc.base64String(), fc.string(), fc.json().map((text) => base64url(text)));
  fc.assert(fc.property(fc.array(part, { minLength: 1, maxLength: 6 }), (parts) => {
    const form = readTokenForm(parts.join("."));
    if (form.ok) return;
    for (const secret of parts.filter((text) => text.length > 40)) assertEquals(form.detail.includes(secret), false);
  }));
});

Deno.test("isCanonicalBase64url() takes exactly what encoding gives", () => {
  fc.assert(fc.property(fc.uint8Array({ minLength: 1 }), (bytes) => {
    assertEquals(isCanonicalBase64url(base64url(bytes)), true);
  }));
  fc.assert(fc.property(fc.string({ unit: fc.constantFrom(..."AQgwBCDz019-_=+/ .") }), (text) => {
    let again = null;
    try {
      again = base64url(Uint8Array.fromBase64(text, { alphabet: "base64url" }));
    } catch {
      // Not base64url at all.
    }
    assertEquals(isCanonicalBase64url(text), text !== "" && again === text);
  }));
});

Deno.test("parseUniqueObject() agrees with JSON.parse on objects whose names are unique", () => {
  fc.assert(fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.constantFrom(0, 1, "\t"), (object, indent) => {
    const text = JSON.stringify(object, null, indent);
    assertEquals(parseUniqueObject(text), JSON.parse(text));
  }));
});

Deno.test("parseUniqueObject() finds a name that comes twice, at each place and in each spelling", () => {
  fc.assert(fc.property(fc.string(), fc.jsonValue(), fc.jsonValue(), fc.nat(3), (name, one, two, depth) => {
    const escaped = [...name].map((c) => c.length === 1 ? `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}` : c);
    let text = `{${JSON.stringify(name)} : ${JSON.stringify(one)},"${escaped.join("")}"\n:${JSON.stringify(two)}}`;
    for (let i = 0; i < depth; i++) text = `{"a":[1,"{",${text}]}`;
    assertEquals(parseUniqueObject(text), null);
  }));
  for (
    const text of ['{"a":{"a":1},"b":["a","a"]}', '{"a":"b","b":"a"}', '{"a":"\\"a\\":1"}', '{"a":[{"x":1},{"x":2}]}']
  ) {
    assertEquals(parseUniqueObject(text), JSON.parse(text));
  }
});

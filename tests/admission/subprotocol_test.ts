import fc from "fast-check";
import { assert, assertEquals } from "../assert.ts";
import { chooseSubprotocol, readOffer } from "../../lib/admission/subprotocol.ts";

const SERVER = ["chat.v2", "chat.v1", "echo.v1"];

/** Header, whether one is required, what is chosen or why nothing is. */
const TABLE: readonly [header: string | null, required: boolean, expected: string | null][] = [
  ["chat.v1", true, "chat.v1"],
  ["chat.v1, chat.v2", true, "chat.v2"],
  ["echo.v1,chat.v1", true, "chat.v1"],
  ["unknown, echo.v1", true, "echo.v1"],
  ["echo.v1, bearer.aaa.bbb.ccc", true, "echo.v1"],
  ["bearer.aaa.bbb.ccc, echo.v1", true, "echo.v1"],
  ["\techo.v1 , \t chat.v1", true, "chat.v1"],
  ["chat.v1", false, "chat.v1"],
  [null, false, null],
  ["bearer.aaa.bbb.ccc", false, null],
  [null, true, "subprotocol_required"],
  ["bearer.aaa.bbb.ccc", true, "subprotocol_required"],
  ["bearer.a, bearer.b", true, "subprotocol_required"],
  ["bearer.", true, "subprotocol_required"],
  ["unknown", true, "subprotocol_unsupported"],
  ["unknown", false, "subprotocol_unsupported"],
  ["CHAT.V1", true, "subprotocol_unsupported"],
  ["Bearer.aaa", true, "subprotocol_unsupported"],
  ["chat.v", true, "subprotocol_unsupported"],
  ["", true, "malformed"],
  [",", true, "malformed"],
  ["chat.v1,", true, "malformed"],
  [",chat.v1", true, "malformed"],
  ["chat.v1,,echo.v1", true, "malformed"],
  ["chat.v1, chat.v1", true, "malformed"],
  ["chat.v1, bearer.a, bearer.a", true, "malformed"],
  ["chat v1", true, "malformed"],
  ["chat/v1", true, "malformed"],
  ['"chat.v1"', true, "malformed"],
  ["chat.v1;q=1", true, "malformed"],
  ["chat.v1\u00a0", true, "malformed"],
  ["chät.v1", true, "malformed"],
  ["chat.v1, \u0000", true, "malformed"],
];

for (const [header, required, expected] of TABLE) {
  Deno.test(`chooseSubprotocol() of ${JSON.stringify(header)}${required ? "" : ", none required"}: ${expected}`, () => {
    const offer = readOffer(header);
    if (offer === null) return assertEquals("malformed", expected);
    const choice = chooseSubprotocol(offer, SERVER, required);
    assertEquals(choice.ok ? choice.subprotocol : choice.reason, expected);
  });
}

Deno.test("readOffer() does not crash on non-ASCII names (Granian CVE-2026-42544)", () => {
  for (const name of ["é", "\u00ff", "chat.v1, \u0080"]) assertEquals(readOffer(name), null);
});

Deno.test("chooseSubprotocol() never chooses a token, not even one the server is configured with", () => {
  const offer = readOffer("bearer.x, Bearer.x");
  assert(offer !== null);
  assertEquals(chooseSubprotocol(offer, ["bearer.x"], true), { ok: false, reason: "subprotocol_unsupported" });
});

Deno.test("chooseSubprotocol() chooses only what both sides named, the server's first", () => {
  const name = fc.constantFrom("a", "b", "c", "bearer.t", "d.e");
  fc.assert(fc.property(fc.uniqueArray(name), fc.uniqueArray(name), (offered, supported) => {
    const offer = readOffer(offered.length === 0 ? null : offered.join(", "));
    assert(offer !== null);
    const choice = chooseSubprotocol(offer, supported, true);
    const both = supported.filter((entry) => offered.includes(entry) && !entry.startsWith("bearer."));
    assertEquals(choice.ok ? choice.subprotocol : undefined, both[0]);
  }));
});

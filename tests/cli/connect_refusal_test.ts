/** Whether `connect` tries again after a refusal. */
import { isTemporary } from "../../lib/cli/connect/refusal.ts";
import { REFUSALS } from "../../lib/gate/outcomes.ts";
import { assertEquals } from "../assert.ts";

const refused = (status: number, reason: string) => isTemporary({ kind: "refused", status, reason });

Deno.test("isTemporary() agrees with the catalogue about each refusal", () => {
  for (const [reason, { status, retry }] of Object.entries(REFUSALS)) {
    assertEquals(refused(status, reason), retry === "later" || retry === "when_told", `${status} ${reason}`);
  }
});

Deno.test("isTemporary() judges the answers of other programs by their status", () => {
  for (const status of [408, 429, 500, 502, 503, 504]) assertEquals(refused(status, ""), true, `${status}`);
  for (const status of [200, 301, 400, 401, 403, 404, 418]) assertEquals(refused(status, ""), false, `${status}`);
  for (const reason of ["__proto__", "constructor", "draining"]) assertEquals(refused(403, reason), false, reason);
  assertEquals(isTemporary({ kind: "unreachable", message: "refused" }), true);
});

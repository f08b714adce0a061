import { assertEquals } from "../assert.ts";
import { equalSecrets } from "../../lib/admission/admission.ts";

Deno.test("equalSecrets() compares digests of one length, whatever the lengths (websockets CVE-2021-33880)", async () => {
  const table: [string, string, boolean][] = [
    ["secret", "secret", true],
    ["", "", true],
    ["geheimnis-ü", "geheimnis-ü", true],
    ["secret", "secreT", false],
    ["secret", "secret ", false],
    ["secret", "", false],
    ["secret", "s".repeat(100_000), false],
    ["\u0000", "", false],
  ];
  for (const [a, b, equal] of table) assertEquals([await equalSecrets(a, b), await equalSecrets(b, a)], [equal, equal]);
});

import { assertEquals } from "../../assert.ts";
import { readRoles } from "../../../lib/admission/token/roles.ts";

Deno.test("readRoles() takes 256 roles and refuses one more, as a list and as a text", () => {
  const roles = Array.from({ length: 257 }, (_, index) => `r${index}`);
  assertEquals(readRoles({ roles: roles.slice(1) }, "roles")?.length, 256);
  assertEquals(readRoles({ roles }, "roles"), null);
  assertEquals(readRoles({ scope: roles.slice(1).join(" ") }, "scope")?.length, 256);
  assertEquals(readRoles({ scope: roles.join(" ") }, "scope"), null);
});

Deno.test("readRoles() refuses roles that are no names", () => {
  for (const roles of [7, null, {}, [1], [""], ["a", null], [["a"]]]) assertEquals(readRoles({ roles }, "roles"), null);
  assertEquals(readRoles({ roles: ["a", "b", "a"] }, "roles"), ["a", "b"]);
  assertEquals(readRoles({}, "roles"), []);
});

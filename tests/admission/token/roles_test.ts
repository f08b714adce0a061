import { assertEquals } from "../../assert.ts";
import { readRoles, writeRoles } from "../../../lib/admission/token/roles.ts";

Deno.test("readRoles() takes 256 roles and refuses one more, as a list and as a text", () => {
  const roles = Array.from({ length: 257 }, (_, index) => `r${index}`);
  assertEquals(readRoles({ roles: roles.slice(1) }, "roles")?.length, 256);
  assertEquals(readRoles({ roles }, "roles"), null);
  assertEquals(readRoles({ scope: roles.slice(1).join(" ") }, "scope")?.length, 256);
  assertEquals(readRoles({ scope: roles.join(" ") }, "scope"), null);
});

Deno.test("writeRoles() writes what readRoles() reads, and a scope as one string", () => {
  for (const claim of ["roles", "scope", "realm_access.roles", "https://you.example/roles"]) {
    const claims: Record<string, unknown> = {};
    writeRoles(claims, claim, ["user", "admin"]);
    assertEquals(readRoles(claims, claim), ["user", "admin"], claim);
    if (claim === "scope") assertEquals(claims, { scope: "user admin" });
  }
});

Deno.test("readRoles() refuses roles that are no names", () => {
  for (const roles of [7, null, {}, [1], [""], ["a", null], [["a"]]]) assertEquals(readRoles({ roles }, "roles"), null);
  assertEquals(readRoles({ roles: ["a", "b", "a"] }, "roles"), ["a", "b"]);
  assertEquals(readRoles({}, "roles"), []);
});

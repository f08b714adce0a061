/** The permissions that a cell is started with. */
import { assertEquals, assertThrows } from "../../assert.ts";
import { cellFlags, grantedVariables } from "../../../lib/sandbox/supervisor/cell_flags.ts";

const reach = { programFolders: ["/program"], folder: "/module", socketPath: "/run/s", memory: 64 * 2 ** 20 };

Deno.test("cellFlags() grants a module nothing but its folder and its socket", () => {
  assertEquals(cellFlags({ ...reach, permissions: {} }), [
    "--v8-flags=--max-old-space-size=64,--max-semi-space-size=4",
    "--allow-read=/program,/module,/run/s",
    "--allow-write=/run/s",
    "--allow-net=unix:/run/s",
    ...["--deny-env", "--deny-sys", "--deny-import", "--deny-run", "--deny-ffi"],
  ]);
});

Deno.test("cellFlags() grants each permission of the module by itself, and never programs or libraries", () => {
  const permissions = {
    ...{ net: ["a.example:443", "b.example"], read: ["/data"], write: ["/out"] },
    ...{ env: ["TZ"], sys: ["hostname"], import: ["c.example"] },
  };
  assertEquals(cellFlags({ ...reach, memory: 1, permissions }), [
    "--v8-flags=--max-old-space-size=1,--max-semi-space-size=4",
    "--allow-read=/program,/module,/run/s,/data",
    "--allow-write=/run/s,/out",
    "--allow-net=unix:/run/s,a.example:443,b.example",
    ...["--allow-env=TZ", "--allow-sys=hostname", "--allow-import=c.example", "--deny-run", "--deny-ffi"],
  ]);
});

Deno.test("cellFlags() refuses an entry with a comma in every list", () => {
  for (const kind of ["net", "read", "write", "env", "sys", "import"]) {
    assertThrows(() => cellFlags({ ...reach, permissions: { [kind]: ["a,b"] } }), TypeError, "has a comma");
  }
  assertThrows(() => cellFlags({ ...reach, folder: "/a,b", permissions: {} }), TypeError, "has a comma");
});

Deno.test("grantedVariables() has the named variables, and those with a named prefix", () => {
  const environment = { APP: "1", APP_KEY: "2", AP: "3", HOME: "4" };
  assertEquals(grantedVariables(["APP"], environment), { APP: "1" });
  assertEquals(grantedVariables(["APP_*", "HOME"], environment), { APP_KEY: "2", HOME: "4" });
  assertEquals([grantedVariables([], environment), grantedVariables(undefined, environment)], [{}, {}]);
});

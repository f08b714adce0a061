import { SERVER_METHODS } from "../../lib/sandbox/sandbox.ts";
import { builtins } from "../../lib/session/builtins.ts";
import { assertEquals } from "../assert.ts";

Deno.test("SERVER_METHODS has the methods that the server answers, and no others", () => {
  assertEquals([...SERVER_METHODS], [...builtins.keys()]);
});

import { assertEquals } from "../assert.ts";
import type { Contract, MethodContract } from "../../lib/sandbox/sandbox.ts";
import { Documents } from "../../lib/session/documents.ts";

/** A contract with one public method and one for each role, which counts how often it is written. */
function contract(...roles: string[]) {
  const counter = { written: 0 };
  const open: MethodContract = {
    name: "open",
    cost: 1,
    params: {},
    get description() {
      counter.written++;
      return "for anybody";
    },
  };
  const own = roles.map((role): MethodContract => ({ name: `only.${role}`, cost: 1, params: {}, roles: [role] }));
  const methods = new Map([open, ...own].map((method) => [method.name, method]));
  const made: Contract = { kind: "rpc", binary: false, methods, topics: new Map() };
  return { contract: made, counter };
}

const names = (document: string) =>
  (JSON.parse(document) as { methods: { name: string }[] }).methods.map(({ name }) => name);

Deno.test("Documents.of() writes a document once for callers with any other roles", () => {
  const { contract: made, counter } = contract("user", "admin");
  const documents = new Documents();
  const first = documents.of(made, ["user"]);
  assertEquals(names(first), ["open", "only.user"]);
  const once = counter.written;
  for (let i = 0; i < 1000; i++) assertEquals(documents.of(made, [`other ${i}`, "user", "user"]), first);
  assertEquals(counter.written, once);
});

Deno.test("Documents.of() gives each set of roles its own methods", () => {
  const { contract: made } = contract("user", "admin");
  const documents = new Documents();
  for (let turn = 0; turn < 2; turn++) {
    assertEquals(names(documents.of(made, [])), ["open"]);
    assertEquals(names(documents.of(made, ["admin"])), ["open", "only.admin"]);
    assertEquals(names(documents.of(made, ["admin", "user"])), ["open", "only.user", "only.admin"]);
  }
});

Deno.test("Documents.of() does not confuse roles whose names run together, nor contracts", () => {
  const { contract: made } = contract("a,b", "a", "b");
  const documents = new Documents();
  assertEquals(names(documents.of(made, ["a,b"])), ["open", "only.a,b"]);
  assertEquals(names(documents.of(made, ["a", "b"])), ["open", "only.a", "only.b"]);
  assertEquals(names(documents.of(contract("a").contract, ["a"])), ["open", "only.a"]);
});

Deno.test("Documents keeps sixteen documents of a contract, and forgets the oldest", () => {
  const roles = Array.from({ length: 17 }, (_, at) => `role${at}`);
  const { contract: made, counter } = contract(...roles);
  const documents = new Documents();
  const each = counter.written;
  for (const role of roles.slice(0, 16)) documents.of(made, [role]);
  const full = counter.written;
  const one = (full - each) / 16;
  for (const role of roles.slice(0, 16)) documents.of(made, [role]);
  assertEquals(counter.written, full, "all sixteen are kept");
  documents.of(made, [roles[16]!]);
  documents.of(made, [roles[1]!]);
  assertEquals(counter.written, full + one, "the second is still kept");
  documents.of(made, [roles[0]!]);
  assertEquals(counter.written, full + 2 * one, "the first is not");
});

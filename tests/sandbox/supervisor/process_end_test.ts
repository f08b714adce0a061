import fc from "fast-check";
import { endOf, type Evidence } from "../../../lib/sandbox/supervisor/process_end.ts";
import { VitalsKind } from "../../../lib/sandbox/wire/processes.ts";
import { assert, assertEquals } from "../../assert.ts";

const evidence = (changes: Partial<Evidence>): Evidence => ({ code: 0, signal: null, errors: "", ...changes });

Deno.test("endOf() names the cause that the evidence shows", () => {
  const heap = "<--- Last few GCs --->\nFatal JavaScript out of memory: Reached heap limit\n";
  const cases: [Partial<Evidence>, string][] = [
    [{ code: 1 }, "crash"],
    [{ code: null, signal: "SIGSEGV" }, "crash"],
    [{ code: null, signal: "SIGTRAP" }, "crash"],
    [{ code: 1, errors: heap }, "crash"],
    [{ code: null, signal: "SIGTRAP", errors: heap }, "out_of_memory"],
    [{ code: 133, errors: heap }, "out_of_memory"],
    [{ code: null, signal: "SIGKILL", farewell: VitalsKind.OutOfMemory }, "out_of_memory"],
    [{ code: null, signal: "SIGKILL", farewell: VitalsKind.Alive }, "crash"],
    [{ code: null, signal: "SIGKILL", killed: { cause: "timeout", detail: "no sign of life" } }, "timeout"],
    [{ farewell: VitalsKind.OutOfMemory, killed: { cause: "killed", detail: "no longer wanted" } }, "out_of_memory"],
    [{ code: null, signal: "SIGABRT", errors: heap }, "out_of_memory"],
  ];
  for (const [changes, cause] of cases) assertEquals(endOf(evidence(changes)).cause, cause, JSON.stringify(changes));
});

Deno.test("endOf() tells the last line of standard error, on one line of bounded length, without control characters", () => {
  const { detail } = endOf(evidence({ code: 70, errors: "first\nerror: \u001b[31mforged\r\u202e line\n\n" }));
  assert(detail.startsWith("exit status 70: error:"), detail);
  assert(!/[\p{Cc}\p{Cf}]/u.test(detail), detail);
  assertEquals(endOf(evidence({ code: 1, errors: "x".repeat(100_000) })).detail.length, 1_000);
  const killed = endOf(evidence({ killed: { cause: "timeout", detail: "no sign\n\u001b[31mforged" } }));
  assertEquals(killed.detail, "no sign [31mforged");
});

Deno.test("endOf() gives text that can't forge a line of a terminal, at any length", () => {
  const details = fc.string({ unit: "binary", maxLength: 2_000 });
  fc.assert(
    fc.property(details, (errors) => {
      const { detail } = endOf({ code: 1, signal: null, errors });
      return detail.length <= 1_000 && !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(detail);
    }),
    { numRuns: 20 },
  );
});

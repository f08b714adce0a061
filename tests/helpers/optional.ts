/** Tests that need what not every machine has. */
import { fail } from "../assert.ts";

type Body = (t: Deno.TestContext) => void | Promise<void>;

/** A test or a step of one. */
export interface OptionalTest {
  readonly name: string;
  readonly ignore: boolean;
  readonly fn: Body;
}

/** Set by `.ci/run`, whose machine has everything. */
const NOTHING_IGNORED = (Deno.env.get("SALLYPORT_NOTHING_IGNORED") ?? "") !== "";

/**
 * A test that is ignored where one of its needs is not met, and says so in its name. Where nothing may be ignored it fails instead.
 * `needs` are named so that the remedy is clear: a program, or what the machine has to allow.
 */
export function optional(
  needs: Readonly<Record<string, boolean>>,
  name: string,
  fn: Body,
  nothingIgnored = NOTHING_IGNORED,
): OptionalTest {
  const missing = Object.keys(needs).filter((need) => !needs[need]);
  if (missing.length === 0) return { name, ignore: false, fn };
  const why = `this machine lacks: ${missing.join(", ")}`;
  return {
    name: `${name} (ignored, ${why})`,
    ignore: !nothingIgnored,
    fn: () => fail(`Nothing may be ignored here, but ${why}`),
  };
}

/** Whether a program can be started and ends well with these arguments. */
export function runs(program: string, ...args: string[]): boolean {
  try {
    return new Deno.Command(program, { args, stdout: "null", stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
}

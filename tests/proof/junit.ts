/** The report that `deno test --junit-path` writes. */

export interface Case {
  /** Of a step: the names of the tests around it too, joined by " > ". */
  readonly name: string;
  readonly ignored: boolean;
  /** The error with its stack; null when the test passed. */
  readonly failure: string | null;
}

const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
/** The failure of a test with a failed step, besides that of the step. */
const FAILED_STEPS = /^\d+ test steps? failed/;

export function parseReport(xml: string): Case[] {
  return [...xml.matchAll(/<testcase name="([^"]*)"[^>]*>([\s\S]*?)<\/testcase>/g)].map(([, name, body]) => ({
    name: unescape(name!),
    ignored: body!.includes("<skipped"),
    failure: failureOf(body!),
  }));
}

function failureOf(body: string): string | null {
  const failure = /<failure [^>]*>([\s\S]*?)<\/failure>/.exec(body);
  if (failure) return unescape(failure[1]!);
  const error = /<error message="([^"]*)"/.exec(body);
  return error ? unescape(error[1]!) : null;
}

function unescape(text: string): string {
  return text.replace(/&(?:#(\d+)|#x([0-9a-f]+)|(\w+));/gi, (whole, decimal, hexadecimal, name) => {
    if (name !== undefined) return ENTITIES[name] ?? whole;
    return String.fromCodePoint(decimal === undefined ? parseInt(hexadecimal, 16) : Number(decimal));
  });
}

/** The tests without their steps. */
export function topLevel(cases: readonly Case[]): Case[] {
  return cases.filter(({ name }) => !cases.some((other) => name.startsWith(`${other.name} > `)));
}

/** Failures that say something themselves: not those of tests that only have a failed step. */
export function failures(cases: readonly Case[]): { name: string; failure: string }[] {
  return cases.flatMap(({ name, failure }) =>
    failure === null || FAILED_STEPS.test(failure) ? [] : [{ name, failure: failure.replace(/^Uncaught /, "") }]
  );
}

/** The errors of JavaScript itself. */
const ENGINE_ERROR = /^(?:Eval|Internal|Range|Reference|Syntax|Type|URI)Error\b/;

/**
 * Whether a test failed because what it asserts does not hold: an AssertionError, also as the cause of a property that failed, or an
 * error that the tests themselves throw, such as that of a deadline. Any other error is a mutant that breaks the program, and
 * proves no promise.
 */
export function isAssertion(failure: string): boolean {
  if (/^(?:Caused by: )?AssertionError\b/m.test(failure)) return true;
  const thrownAt = failure.split("\n").find((line) => /^\s+at /.test(line)) ?? "";
  return !ENGINE_ERROR.test(failure) && /\/tests\//.test(thrownAt);
}

/**
 * The parts of a table of mutants. A mutant is one small edit that breaks one promise; the named test has to fail by it.
 */

/**
 * Text that stands exactly once in the file, the text in its place, and a part of the names of the tests to run. Without that part
 * all tests of the file run.
 */
export type Edit = readonly [find: string, put: string, test?: string];

/** Edits of one file that break one promise, and the test file that holds it. */
export interface Promised {
  /** The beginning of a threat in the table of SECURITY.md, or `FILE: WORDS` where the words stand in that document. */
  readonly promise: string;
  /** Path in the repository. */
  readonly file: string;
  /** The test file that fails without the promise. */
  readonly by: string;
  readonly edits: readonly Edit[];
}

export interface Mutant {
  /** The table that has it. */
  readonly area: string;
  readonly promise: string;
  readonly file: string;
  readonly find: string;
  readonly put: string;
  readonly by: string;
  readonly test?: string;
}

export function mutantsOf(area: string, table: readonly Promised[]): Mutant[] {
  return table.flatMap(({ promise, file, by, edits }) =>
    edits.map(([find, put, test]) => ({ area, promise, file, find, put, by, ...(test === undefined ? {} : { test }) }))
  );
}

/** The file with the edit made; null and how often the text stands there, unless it does exactly once. */
export function mutate(source: string, { find, put }: Mutant): { text: string } | { text: null; found: number } {
  const parts = source.split(find);
  return parts.length === 2 ? { text: parts.join(put) } : { text: null, found: parts.length - 1 };
}

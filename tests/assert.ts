/** The assertions of `@std/assert` that the tests use, with the types its npm form lacks. */
import * as std from "@std/assert";

interface Assertions {
  assert(expression: unknown, message?: string): asserts expression;
  assertEquals<T>(actual: T, expected: T, message?: string): void;
  assertNotEquals<T>(actual: T, expected: T, message?: string): void;
  assertStrictEquals<T>(actual: unknown, expected: T, message?: string): asserts actual is T;
  assertAlmostEquals(actual: number, expected: number, tolerance?: number, message?: string): void;
  assertGreater<T>(actual: T, expected: T, message?: string): void;
  assertGreaterOrEqual<T>(actual: T, expected: T, message?: string): void;
  assertLess<T>(actual: T, expected: T, message?: string): void;
  assertLessOrEqual<T>(actual: T, expected: T, message?: string): void;
  assertMatch(actual: string, expected: RegExp, message?: string): void;
  assertNotMatch(actual: string, expected: RegExp, message?: string): void;
  assertStringIncludes(actual: string, expected: string, message?: string): void;
  assertArrayIncludes<T>(actual: ArrayLike<T>, expected: ArrayLike<T>, message?: string): void;
  assertObjectMatch(actual: object, expected: object, message?: string): void;
  assertExists<T>(actual: T, message?: string): asserts actual is NonNullable<T>;
  assertInstanceOf<T>(actual: unknown, type: new (...args: never[]) => T, message?: string): asserts actual is T;
  assertThrows<E extends Error = Error>(
    body: () => unknown,
    type?: new (...args: never[]) => E,
    includes?: string,
    message?: string,
  ): E;
  assertRejects<E extends Error = Error>(
    body: () => PromiseLike<unknown>,
    type?: new (...args: never[]) => E,
    includes?: string,
    message?: string,
  ): Promise<E>;
  fail(message?: string): never;
}

const typed: Assertions = std;

export const assert: Assertions["assert"] = typed.assert;
export const assertEquals: Assertions["assertEquals"] = typed.assertEquals;
export const assertNotEquals: Assertions["assertNotEquals"] = typed.assertNotEquals;
export const assertStrictEquals: Assertions["assertStrictEquals"] = typed.assertStrictEquals;
export const assertAlmostEquals: Assertions["assertAlmostEquals"] = typed.assertAlmostEquals;
export const assertGreater: Assertions["assertGreater"] = typed.assertGreater;
export const assertGreaterOrEqual: Assertions["assertGreaterOrEqual"] = typed.assertGreaterOrEqual;
export const assertLess: Assertions["assertLess"] = typed.assertLess;
export const assertLessOrEqual: Assertions["assertLessOrEqual"] = typed.assertLessOrEqual;
export const assertMatch: Assertions["assertMatch"] = typed.assertMatch;
export const assertNotMatch: Assertions["assertNotMatch"] = typed.assertNotMatch;
export const assertStringIncludes: Assertions["assertStringIncludes"] = typed.assertStringIncludes;
export const assertArrayIncludes: Assertions["assertArrayIncludes"] = typed.assertArrayIncludes;
export const assertObjectMatch: Assertions["assertObjectMatch"] = typed.assertObjectMatch;
export const assertExists: Assertions["assertExists"] = typed.assertExists;
export const assertInstanceOf: Assertions["assertInstanceOf"] = typed.assertInstanceOf;
export const assertThrows: Assertions["assertThrows"] = typed.assertThrows;
export const assertRejects: Assertions["assertRejects"] = typed.assertRejects;
export const fail: Assertions["fail"] = typed.fail;

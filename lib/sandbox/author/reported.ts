/** Parses parts of a reported contract. Problems are reported to `wrong`. */
import type { JsonSchema } from "./contract.ts";

/** Receives the description of a problem. */
export type Wrong = (what: string) => void;
/** An object of the report with unchecked properties. */
export type Raw = Record<string, unknown>;

const ROLE = /^[^\s,;"\\]{1,128}$/;
/** Maximum length of a description, in UTF-16 units. */
const MAX_DESCRIPTION_LENGTH = 10_000;
/** Maximum nesting of objects and lists in a schema or an example. */
export const MAX_LEVELS = 64;

/** The value if it is an object and not a list, otherwise an empty object. */
export function object(value: unknown): Raw {
  return value !== null && typeof value === "object" && !Array.isArray(value) ? value as Raw : {};
}

/** The value if it is a list, otherwise an empty one. */
export function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Reports keys that the declaration does not allow. */
export function checkKeys(unknown: unknown, wrong: Wrong): void {
  for (const key of list(unknown)) {
    if (typeof key === "string") wrong(`${key.slice(0, 100)} is not known here`);
  }
}

/** Reads the JSON Schema reported under `what`. */
export function readSchema(what: string, found: unknown, wrong: Wrong): JsonSchema {
  const { schema, error } = object(found);
  if (typeof error === "string") wrong(`${what} ${error}`);
  else if (schema === null || typeof schema !== "object" || Array.isArray(schema)) wrong(`${what} has no JSON Schema`);
  else if (isDeep(schema)) {
    wrong(`${what} is nested more than ${MAX_LEVELS} levels deep`);
    return {};
  }
  return object(schema);
}

/** Reads the role names reported under `what`, if any. */
export function readRoles(what: string, found: unknown, wrong: Wrong): readonly string[] | undefined {
  if (found === undefined) return undefined;
  if (
    !Array.isArray(found) || found.length === 0 || !found.every((role) => typeof role === "string" && ROLE.test(role))
  ) {
    wrong(`${what} is not a list of role names`);
    return undefined;
  }
  if (new Set(found).size !== found.length) wrong(`${what} names one role twice`);
  return Object.freeze(found.map(String));
}

/** Reads the description, if any. */
export function readDescription(found: unknown, wrong: Wrong): string | undefined {
  if (found === undefined) return undefined;
  if (typeof found !== "string") {
    wrong("description is no text");
    return undefined;
  }
  if (found.length > MAX_DESCRIPTION_LENGTH) {
    wrong(`description has ${found.length} characters, at most ${MAX_DESCRIPTION_LENGTH} are allowed`);
  }
  return found;
}

/** Whether the value has more levels than allowed. Without recursion, which a contract could make overflow. */
export function isDeep(value: unknown): boolean {
  const isObject = (one: unknown): one is object => one !== null && typeof one === "object";
  let level = [value];
  for (let depth = 0; depth < MAX_LEVELS && level.length > 0; depth++) {
    level = level.filter(isObject).flatMap((one) => Object.values(one) as unknown[]);
  }
  return level.some(isObject);
}

/** Reads properties of JSON Schemas (draft 7) for their comparison. */
import { list } from "../sandbox/author/reported.ts";
import { componentName, entriesOf, isObject, type Schema } from "./schemas.ts";

export type Json = Readonly<Record<string, unknown>>;

/** The definitions of a document, which references point to. */
export type Definitions = Readonly<Record<string, unknown>>;

/** Maximum length of a value or schema in a message. */
const MAX_SHOWN_LENGTH = 60;

/** Keywords without a restriction. */
const ANNOTATIONS = new Set([
  "$comment",
  "$id",
  "$schema",
  "default",
  "definitions",
  "deprecated",
  "description",
  "examples",
  "id",
  "readOnly",
  "title",
  "writeOnly",
]);

/** The schema without keywords that restrict nothing; null if it accepts no value. */
export function constraintsOf(schema: unknown): Json | null {
  if (schema === false) return null;
  if (!isObject(schema)) return {};
  if (isObject(schema["not"]) && Object.keys(schema["not"]).length === 0 || schema["not"] === true) return null;
  return Object.fromEntries(Object.entries(schema).filter(([keyword]) => !ANNOTATIONS.has(keyword)));
}

/** Whether there are no constraints, so that every value is accepted. */
export function isAny(constraints: Json): boolean {
  return Object.keys(constraints).length === 0;
}

/** The values of `const` or `enum`; undefined if other values are accepted. */
export function valuesOf(constraints: Json): unknown[] | undefined {
  if (Object.hasOwn(constraints, "const")) return [constraints["const"]];
  const values = constraints["enum"];
  if (Array.isArray(values)) return values;
  const { type } = constraints;
  return type === "null" ? [null] : type === "boolean" ? [true, false] : undefined;
}

/** The alternatives of a schema; undefined if it has none. `exclusive`: a value must not fit two of them. */
export function variantsOf(constraints: Json): { variants: Schema[]; exclusive: boolean } | undefined {
  const { anyOf, oneOf, type, ...rest } = constraints;
  if (Array.isArray(type)) {
    return { variants: type.map((one) => ({ ...constraints, type: one as unknown })), exclusive: false };
  }
  const branches = Array.isArray(anyOf) ? anyOf : oneOf;
  if (!Array.isArray(branches)) return undefined;
  const beside: Json = {
    ...rest,
    ...(type === undefined ? {} : { type }),
    ...(Array.isArray(anyOf) && oneOf !== undefined ? { oneOf } : {}),
  };
  const variants = isAny(beside) ? branches : branches.map((branch) => ({ allOf: [beside, branch as unknown] }));
  return { variants: variants as Schema[], exclusive: !Array.isArray(anyOf) };
}

/** A text that is equal for equal JSON, regardless of the order of keys. */
export function canonical(value: unknown): string {
  return JSON.stringify(
    value,
    (_, inner: unknown) => isObject(inner) ? Object.fromEntries(Object.entries(inner).sort(byKey)) : inner,
  ) ?? "undefined";
}

function byKey([one]: [string, unknown], [other]: [string, unknown]): number {
  return one < other ? -1 : 1;
}

/** A bound of a number; `open` if the bound itself is excluded. */
interface Bound {
  readonly value: number;
  readonly open: boolean;
}

/** The lower bound (`sign` 1) or the upper one (`sign` -1, with both signs turned) of a number schema. */
function boundOf(constraints: Json, sign: 1 | -1): Bound {
  const [closed, open] = sign === 1 ? ["minimum", "exclusiveMinimum"] : ["maximum", "exclusiveMaximum"];
  const numbers = [[constraints[closed!], false], [constraints[open!], true]] as const;
  const bounds = numbers.flatMap(([value, isOpen]) =>
    typeof value === "number" ? [{ value: value * sign, open: isOpen }] : []
  ).map((bound) => constraints["type"] === "integer" ? closedBound(bound) : bound);
  return bounds.reduce((one, other) => isWithin(one, other) ? one : other, { value: -Infinity, open: false });
}

/** The same bound for integers, with the bound itself included. */
function closedBound({ value, open }: Bound): Bound {
  return { value: open ? Math.floor(value) + 1 : Math.ceil(value), open: false };
}

/** Whether all numbers above `one` are above `other` too. */
function isWithin(one: Bound, other: Bound): boolean {
  return one.value > other.value || one.value === other.value && (one.open || !other.open);
}

/** Whether every number within the bounds of `narrow` is within those of `wide`. */
export function boundsWithin(narrow: Json, wide: Json): boolean {
  return ([1, -1] as const).every((sign) => isWithin(boundOf(narrow, sign), boundOf(wide, sign)));
}

/** The bounds of a number schema as readable text. */
export function boundsText(constraints: Json): string {
  const { value: low, open: lowOpen } = boundOf(constraints, 1);
  const { value: high, open: highOpen } = boundOf(constraints, -1);
  return `${lowOpen ? "above " : ""}${low} to ${highOpen ? "below " : ""}${-high}`;
}

/** An integer from a keyword such as `maxLength`. */
export function numberOf(constraints: Json, keyword: string): number | undefined {
  const value = constraints[keyword];
  return typeof value === "number" ? value : undefined;
}

/** The schema of an element of an array by index. */
export function placeOf({ items, additionalItems }: Json, index: number): Schema {
  if (!Array.isArray(items)) return (items ?? true) as Schema;
  return (index < items.length ? items[index] : additionalItems ?? true) as Schema;
}

/** The schemas of elements with a schema of their own. */
export function placesOf({ items }: Json): number {
  return Array.isArray(items) ? items.length : 0;
}

/**
 * Whether constraints without unions accept the value; undefined if that is not decided here, as for objects and lists.
 */
export function takes(constraints: Json, value: unknown): boolean | undefined {
  const values = valuesOf(constraints);
  if (values !== undefined) return values.some((one) => canonical(one) === canonical(value));
  if (isObject(value) || Array.isArray(value)) return isAny(constraints) || undefined;
  const { type, minLength, maxLength, multipleOf, pattern, ...rest } = constraints;
  if (type !== undefined && !hasType(value, type)) return false;
  if (typeof value === "string") {
    const length = [...value].length;
    if (typeof minLength === "number" && length < minLength) return false;
    if (typeof maxLength === "number" && length > maxLength) return false;
    if (typeof pattern === "string" && matches(pattern, value) !== true) return matches(pattern, value);
  }
  if (typeof value === "number") {
    if (!boundsWithin({ ...constraints, minimum: value, maximum: value }, constraints)) return false;
    if (typeof multipleOf === "number" && !Number.isInteger(value / multipleOf)) return false;
  }
  const bounds = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"];
  return Object.keys(rest).every((keyword) => bounds.includes(keyword)) ? true : undefined;
}

function matches(pattern: string, value: string): boolean | undefined {
  try {
    return new RegExp(pattern, "u").test(value);
  } catch {
    return undefined;
  }
}

function hasType(value: unknown, type: unknown): boolean {
  const kind = typeof value;
  if (type === "null") return value === null;
  if (type === "integer") return Number.isInteger(value);
  if (type === "array") return Array.isArray(value);
  return type === "object" ? isObject(value) : kind === type;
}

/** The target of a reference; the schema itself if it is none; undefined if the target is missing. */
export function resolve(schema: unknown, definitions: Definitions): unknown {
  let found = schema;
  for (let hops = 0; isObject(found) && found["$ref"] !== undefined; hops++) {
    const { $ref, ...beside } = found;
    const name = componentName($ref);
    if (hops > 100 || name === undefined || !Object.hasOwn(definitions, name)) return undefined;
    const target = definitions[name];
    const more = constraintsOf(beside);
    found = more === null || !isAny(more) ? { allOf: [target, beside] } : target;
  }
  return found;
}

/** Merges object schemas that all apply; undefined if they have other types. */
export function mergeObjects(parts: readonly Json[]): Json | undefined {
  const known = new Set(["type", "properties", "required"]);
  if (!parts.every((part) => part["type"] === "object" && Object.keys(part).every((key) => known.has(key)))) return;
  const properties: Record<string, unknown> = {};
  for (const [name, property] of parts.flatMap((part) => entriesOf(part["properties"]))) {
    properties[name] = Object.hasOwn(properties, name) ? { allOf: [properties[name], property] } : property;
  }
  return { type: "object", properties, required: parts.flatMap((part) => list(part["required"])) };
}

/** The first property with a single value, which distinguishes an object from others. */
function distinction(constraints: Json): string {
  for (const [name, property] of entriesOf(constraints["properties"])) {
    const values = valuesOf(constraintsOf(property) ?? {});
    if (values?.length === 1) return ` with ${name} ${JSON.stringify(values[0]).slice(0, MAX_SHOWN_LENGTH)}`;
  }
  return "";
}

/** A short text of a value or schema. */
export function shown(value: unknown): string {
  if (value === undefined) return "none";
  if (isObject(value)) {
    const values = valuesOf(value);
    if (values !== undefined) return values.map((one) => JSON.stringify(one)).join(" or ").slice(0, MAX_SHOWN_LENGTH);
    if (isAny(value)) return "anything";
    if (canonical(value) === '{"not":{}}') return "nothing";
    if (typeof value["type"] === "string") return value["type"] + distinction(value);
  }
  return JSON.stringify(value).slice(0, MAX_SHOWN_LENGTH);
}

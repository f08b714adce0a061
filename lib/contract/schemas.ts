/** Traverses JSON Schemas (draft 7), and collects the schemas of a document. */
import type { JsonSchema } from "../sandbox/author/contract.ts";

/** A schema; `true` and `false` are schemas too. */
export type Schema = JsonSchema | boolean;

const SCHEMAS_BY_NAME = new Set(["properties", "patternProperties", "definitions", "$defs"]);
const LISTS_OF_SCHEMAS = new Set(["allOf", "anyOf", "oneOf"]);
const SINGLE_SCHEMAS = new Set([
  "additionalProperties",
  "additionalItems",
  "contains",
  "else",
  "if",
  "not",
  "propertyNames",
  "then",
]);

/** Whether a value is an object and not a list. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

/** The entries of an object; none for another value. */
export function entriesOf(value: unknown): [string, unknown][] {
  return isObject(value) ? Object.entries(value) : [];
}

/** A copy of a schema with `change` applied to each schema directly inside it. Values such as `enum` stay as they are. */
export function mapInner(schema: JsonSchema, change: (inner: Schema) => Schema): Record<string, unknown> {
  const each = (value: unknown): unknown => typeof value === "boolean" || isObject(value) ? change(value) : value;
  return Object.fromEntries(
    Object.entries(schema).map(([keyword, value]): [string, unknown] => {
      if (SCHEMAS_BY_NAME.has(keyword)) {
        return [keyword, Object.fromEntries(entriesOf(value).map(([name, inner]) => [name, each(inner)]))];
      }
      if (LISTS_OF_SCHEMAS.has(keyword) || keyword === "items" && Array.isArray(value)) {
        return [keyword, Array.isArray(value) ? value.map(each) : value];
      }
      return [keyword, SINGLE_SCHEMAS.has(keyword) || keyword === "items" ? each(value) : value];
    }),
  );
}

/** A key that is not in `taken`: `wanted`, in the word characters, dots and hyphens that both formats require. */
export function unusedKey(wanted: string, taken: object): string {
  const plain = wanted.replaceAll(/[^A-Za-z0-9._-]/g, "_");
  let key = plain;
  for (let count = 2; Object.hasOwn(taken, key); count++) key = `${plain}.${count}`;
  return key;
}

/** The prefix of a reference to one of a document's schemas. */
const COMPONENTS = "#/components/schemas/";

/** The name in a reference created by {@linkcode Components}; undefined for any other. */
export function componentName(reference: unknown): string | undefined {
  return typeof reference === "string" && reference.startsWith(COMPONENTS)
    ? reference.slice(COMPONENTS.length)
    : undefined;
}

/** The `components.schemas` of an OpenRPC or AsyncAPI document. */
export class Components {
  readonly schemas: Record<string, JsonSchema> = {};
  /** Names by the text of a definition with all definitions it refers to: equal ones share a component. */
  readonly #named = new Map<string, string>();

  /**
   * Returns the schema with its definitions moved here, and its references adjusted.
   *
   * @param name the subject of the schema; it names definitions without a name of their own
   */
  take(name: string, schema: JsonSchema): JsonSchema {
    const { $schema: _, definitions, $defs, ...rest } = schema;
    const own = [...entriesOf(definitions), ...entriesOf($defs)];
    const fresh: [string, unknown][] = [];
    const names = new Map(own.map(([key, definition]) => {
      const text = textOf(key, new Map(own));
      const known = this.#named.get(text);
      // zod names definitions without an id `__schema0` and so on.
      const component = known ?? this.#unique(key.startsWith("__schema") ? `${name}.${key}` : key);
      if (known === undefined) fresh.push([component, definition]);
      this.#named.set(text, component);
      return [key, component];
    }));
    let whole: string | undefined;
    const change = (inner: Schema): Schema => {
      if (typeof inner === "boolean") return inner;
      const made = mapInner(inner, change);
      const reference = made["$ref"];
      if (typeof reference !== "string") return made;
      if (reference === "#") return { ...made, $ref: COMPONENTS + (whole ??= this.#unique(name)) };
      const moved = names.get(definitionName(reference) ?? "");
      return moved === undefined ? made : { ...made, $ref: COMPONENTS + moved };
    };
    for (const [component, inner] of fresh) this.schemas[component] = asObject(change(inner as Schema));
    const made = asObject(change(rest));
    if (whole !== undefined) this.schemas[whole] = made;
    return made;
  }

  /** Assigns a unique name. */
  #unique(wanted: string): string {
    const name = unusedKey(wanted, this.schemas);
    this.schemas[name] = {};
    return name;
  }
}

/** A definition with those it refers to, as one text. */
function textOf(key: string, definitions: ReadonlyMap<string, unknown>): string {
  const reached = new Set([key]);
  for (const one of reached) {
    const text = JSON.stringify(definitions.get(one) ?? null);
    for (const [, reference] of text.matchAll(/"\$ref":"([^"]+)"/g)) {
      const name = definitionName(reference!);
      if (name !== undefined && definitions.has(name)) reached.add(name);
    }
  }
  return JSON.stringify([...reached].map((one) => [one, definitions.get(one)]));
}

/** The name of the definition that a reference points to. */
function definitionName(reference: string): string | undefined {
  const found = /^#\/(?:definitions|\$defs)\/([^/]+)$/.exec(reference);
  return found === null ? undefined : unescapePointer(found[1]!);
}

function asObject(schema: Schema): JsonSchema {
  return schema === true ? {} : schema === false ? { not: {} } : schema;
}

/** Unescapes a JSON pointer (RFC 6901 section 4). A text that is no URI component stays unchanged. */
function unescapePointer(token: string): string {
  let text = token;
  try {
    text = decodeURIComponent(token);
  } catch {
    // The text is not percent-encoded.
  }
  return text.replaceAll("~1", "/").replaceAll("~0", "~");
}

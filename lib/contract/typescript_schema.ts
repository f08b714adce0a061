/** Formats JSON Schemas (draft 7) as TypeScript types. */
import { list } from "../sandbox/author/reported.ts";
import { componentName, entriesOf, isObject, mapInner, type Schema } from "./schemas.ts";

/**
 * Bounds and formats are omitted, because types can't express them: a type accepts more than its schema, never less.
 */
export class TypeWriter {
  readonly #nameOf: (component: string) => string;

  /** `nameOf` returns the name of a component's type. */
  constructor(nameOf: (component: string) => string) {
    this.#nameOf = nameOf;
  }

  /** A type expression, on one or several lines. */
  write(schema: unknown, indent = ""): string {
    if (schema === false) return "never";
    if (!isObject(schema)) return "unknown";
    const parts = [
      this.#reference(schema["$ref"]),
      this.#values(schema),
      this.#union(schema["anyOf"] ?? schema["oneOf"], indent),
      ...this.#all(schema["allOf"], indent),
      schema["not"] !== undefined && isObject(schema["not"]) && Object.keys(schema["not"]).length === 0
        ? "never"
        : undefined,
    ].filter((part) => part !== undefined);
    if (schema["const"] === undefined && schema["enum"] === undefined) {
      const own = this.#typed(schema, indent);
      if (own !== undefined) parts.push(own);
    }
    if (parts.length === 0) return "unknown";
    return parts.length === 1 ? parts[0]! : parts.map(parenthesised).join(" & ");
  }

  #reference(reference: unknown): string | undefined {
    if (reference === undefined) return undefined;
    const component = componentName(reference);
    return component === undefined ? "unknown" : this.#nameOf(component);
  }

  #values(schema: Record<string, unknown>): string | undefined {
    if (Object.hasOwn(schema, "const")) return literal(schema["const"]);
    const values = schema["enum"];
    if (!Array.isArray(values)) return undefined;
    return values.length === 0 ? "never" : unique(values.map(literal)).join(" | ");
  }

  #union(schemas: unknown, indent: string): string | undefined {
    if (!Array.isArray(schemas) || schemas.length === 0) return undefined;
    return joined(schemas.map((one) => this.write(one, indent)));
  }

  #all(schemas: unknown, indent: string): string[] {
    return Array.isArray(schemas) ? schemas.map((one) => this.write(one, indent)) : [];
  }

  /** The type of `type` and its keywords; undefined when there are none. */
  #typed(schema: Record<string, unknown>, indent: string): string | undefined {
    const { type } = schema;
    if (Array.isArray(type)) {
      return joined(type.map((one) => this.#typed({ ...schema, type: one as unknown }, indent) ?? "unknown"));
    }
    switch (type) {
      case "string":
      case "boolean":
      case "null":
        return type;
      case "number":
      case "integer":
        return "number";
      case "array":
        return this.#array(schema, indent);
      case "object":
        return this.#object(schema, indent);
      default:
        return isObject(schema["properties"]) ? this.#object(schema, indent) : undefined;
    }
  }

  #array(schema: Record<string, unknown>, indent: string): string {
    const { items, additionalItems, minItems } = schema;
    if (!Array.isArray(items)) return `${parenthesised(this.write(items as Schema | undefined, indent))}[]`;
    const least = typeof minItems === "number" ? minItems : items.length;
    const places = items.map((one, index) => {
      const written = this.write(one, indent);
      return index < least ? written : `${parenthesised(written)}?`;
    });
    const open = additionalItems !== undefined && additionalItems !== false;
    const rest = open ? [`...${parenthesised(this.write(additionalItems as Schema, indent))}[]`] : [];
    return `[${[...places, ...rest].join(", ")}]`;
  }

  #object(schema: Record<string, unknown>, indent: string): string {
    const properties = entriesOf(schema["properties"]);
    const required = new Set(list(schema["required"]));
    const known = new Set(properties.map(([name]) => name));
    const further = this.#further(schema, indent, [...required].filter((name) => !known.has(String(name))).map(String));
    if (properties.length === 0) return further ?? "Record<string, unknown>";
    const inner = `${indent}  `;
    const lines = properties.map(([name, property]) => {
      const mark = required.has(name) ? "" : "?";
      return `${comment(property, inner)}${inner}${propertyName(name)}${mark}: ${this.write(property, inner)};`;
    });
    const written = `{\n${lines.join("\n")}\n${indent}}`;
    return further === undefined ? written : `${written} & ${further}`;
  }

  /** The type of unnamed properties; undefined if the schema does not restrict them. */
  #further(schema: Record<string, unknown>, indent: string, required: string[]): string | undefined {
    const { additionalProperties, propertyNames, properties } = schema;
    if (additionalProperties === undefined || typeof additionalProperties === "boolean") {
      const none = entriesOf(properties).length === 0 && required.length === 0;
      return additionalProperties === false && none ? "Record<string, never>" : undefined;
    }
    // Beside named properties, an index signature would have to fit these as well.
    if (entriesOf(properties).length > 0) return undefined;
    const value = this.write(additionalProperties as Schema, indent);
    const names = this.#names(propertyNames);
    if (names === undefined) return `Record<string, ${value}>`;
    return names.every((name) => required.includes(name))
      ? `Record<${names.map((name) => JSON.stringify(name)).join(" | ")}, ${value}>`
      : `Partial<Record<${names.map((name) => JSON.stringify(name)).join(" | ")}, ${value}>>`;
  }

  #names(propertyNames: unknown): string[] | undefined {
    const values = isObject(propertyNames) ? propertyNames["enum"] : undefined;
    return Array.isArray(values) && values.length > 0 ? values.map(String) : undefined;
  }
}

/** Keywords that types can't express. */
const UNSAID = new Set([
  ...["default", "examples", "format", "pattern", "contentEncoding", "contentMediaType", "uniqueItems", "title"],
  ...["minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"],
]);

/** The schema without keywords that types can't express, so that schemas of the same type are equal. */
export function typeOnly(schema: Schema): Schema {
  if (typeof schema === "boolean") return schema;
  const closed = schema["additionalProperties"] === false && entriesOf(schema["properties"]).length > 0;
  const said = Object.entries(schema).filter(([keyword]) =>
    !UNSAID.has(keyword) && !(closed && keyword === "additionalProperties")
  );
  return mapInner(Object.fromEntries(said), typeOnly);
}

/** A JSDoc comment of a schema's description, and a line feed; "" where there is none. */
export function comment(schema: unknown, indent: string): string {
  const text = isObject(schema) ? schema["description"] : undefined;
  if (typeof text !== "string" || text === "") return "";
  const lines = text.replaceAll("*/", "*\\/").split(/\r\n|[\n\r\u2028\u2029]/);
  if (lines.length === 1) return `${indent}/** ${lines[0]} */\n`;
  return [`${indent}/**`, ...lines.map((line) => `${indent} * ${line}`.trimEnd()), `${indent} */\n`].join("\n");
}

/** A property name as written in a type. */
export function propertyName(name: string): string {
  return /^[A-Za-z_$][A-Za-z0-9_$]*$/.test(name) ? name : JSON.stringify(name);
}

function literal(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(literal).join(", ")}]`;
  if (isObject(value)) {
    return `{ ${entriesOf(value).map(([name, inner]) => `${propertyName(name)}: ${literal(inner)}`).join("; ")} }`;
  }
  return JSON.stringify(value);
}

function joined(types: string[]): string {
  return unique(types).map((type) => type.includes(" & ") ? parenthesised(type) : type).join(" | ");
}

function unique(types: string[]): string[] {
  return types.includes("unknown") ? ["unknown"] : [...new Set(types)];
}

/** Adds parentheses to a union or intersection, for use with `[]`, `?` and `&`. */
function parenthesised(type: string): string {
  return /^(?:\w+|"(?:[^"\\]|\\.)*"|\{[^{}]*\}|\w+<[^<>]*>)(?:\[\])*$/.test(type) ? type : `(${type})`;
}

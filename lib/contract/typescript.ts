/** Formats contracts as TypeScript types for the client library. */
import type { Contract, JsonSchema, MethodContract, TopicContract } from "../sandbox/author/contract.ts";
import { Components } from "./schemas.ts";
import { comment, propertyName, typeOnly, TypeWriter } from "./typescript_schema.ts";

/** Returns a schema with its definitions moved to the components. */
type Take = (name: string, schema: JsonSchema) => JsonSchema;

/** Names that the text itself declares, and reserved names of TypeScript. */
const RESERVED = [
  "Contract",
  "Contracts",
  "Record",
  "Partial",
  "Any",
  "Object",
  "String",
  "Number",
  "Boolean",
  "Symbol",
];

/**
 * Creates a TypeScript module that exports `Contracts`, by subprotocol, and `Contract`, the contract of one
 * subprotocol, by default the first: `createClient<Contract>(…)`. Raw modules are omitted.
 *
 * A contract has `methods`: `{ params, result }` by name, with `errors` (`{ code, data }` by name) if any are declared;
 * and `topics`: the events of each topic, by the names that its pattern matches.
 */
export function typesOfAll(modules: readonly { readonly subprotocol: string; readonly contract: Contract }[]): string {
  const components = new Components();
  const take = (name: string, schema: JsonSchema): JsonSchema => components.take(name, typeOnly(schema) as JsonSchema);
  const names = new Map<string, string>();
  const taken = new Set(RESERVED);
  const nameOf = (component: string): string => {
    const known = names.get(component);
    if (known !== undefined) return known;
    const name = typeName(component, taken);
    names.set(component, name);
    return name;
  };
  const writer = new TypeWriter(nameOf);
  const rpc = modules.filter(({ contract }) => contract.kind === "rpc");
  const contracts = rpc.map(({ subprotocol, contract }) =>
    `  ${propertyName(subprotocol)}: {\n${methodsOf(contract, take, writer)}${topicsOf(contract, take, writer)}  };`
  );
  const declared = Object.entries(components.schemas).map(([component, schema]) =>
    `${comment(schema, "")}export type ${nameOf(component)} = ${writer.write(schema)};`
  );
  const first = rpc[0] === undefined ? "keyof Contracts" : JSON.stringify(rpc[0].subprotocol);
  return [
    "// Made by `sallyport contract --format types`.",
    "",
    ...declared.flatMap((line) => [line, ""]),
    "/** The contract of each module by its subprotocol. */",
    "export interface Contracts {",
    ...contracts,
    "}",
    "",
    `export type Contract<Subprotocol extends keyof Contracts = ${first}> = Contracts[Subprotocol];`,
    "",
  ].join("\n");
}

function methodsOf(contract: Contract, take: Take, writer: TypeWriter): string {
  const methods = [...contract.methods.values()].map((method) => writeMethod(method, take, writer));
  return block("methods", methods, "    ");
}

function writeMethod(method: MethodContract, take: Take, writer: TypeWriter): string {
  const { name, description, params, result, errors = [] } = method;
  const write = (what: string, schema: JsonSchema | undefined, indent: string) =>
    schema === undefined ? "unknown" : writer.write(take(`${name}.${what}`, schema), indent);
  const declared = errors.map(({ name: error, code, message, data }) =>
    `${comment({ description: message }, " ".repeat(10))}${" ".repeat(10)}${propertyName(error)}: { code: ${code}; ${
      data === undefined ? "data?: undefined" : `data: ${write(error, data, " ".repeat(10))}`
    } };\n`
  );
  return [
    `${comment({ description }, "      ")}      ${propertyName(name)}: {\n`,
    `        params: ${write("params", params, "        ")};\n`,
    `        result: ${write("result", result, "        ")};\n`,
    declared.length === 0 ? "" : block("errors", declared, "        "),
    "      };\n",
  ].join("");
}

function topicsOf(contract: Contract, take: Take, writer: TypeWriter): string {
  const topics = [...contract.topics.values()];
  const written = topics.map((topic) => writeTopic(topic, take, writer));
  if (!haveOneType(topics.map(({ pattern }) => pattern))) return block("topics", written, "    ");
  // In one object type, the types of both would have to agree.
  return `    topics:\n${written.map((topic) => `      & {\n${topic}      }`).join("\n")};\n`;
}

/**
 * Whether TypeScript matches a name with several patterns, because its `${string}` extends beyond the end of a segment.
 */
function haveOneType(patterns: readonly string[]): boolean {
  return patterns.some((pattern) => {
    const parts = pattern.split(/\{[^}]*\}/).map((part) => RegExp.escape(part));
    const matcher = new RegExp(`^${parts.join(".*")}$`, "s");
    return patterns.some((other) => other !== pattern && matcher.test(other));
  });
}

function writeTopic(topic: TopicContract, take: Take, writer: TypeWriter): string {
  const { pattern, description, events } = topic;
  const written = [...events.values()].map(({ name, data }) => {
    const schema = take(`${pattern}.${name}`, data);
    return `${comment(schema, "        ")}        ${propertyName(name)}: ${writer.write(schema, "        ")};\n`;
  });
  const name = topicKey(pattern);
  return `${comment({ description }, "      ")}      ${name}: {\n${written.join("")}      };\n`;
}

/** A property name, or an index signature for the names that a pattern matches. */
function topicKey(pattern: string): string {
  if (!pattern.includes("{")) return propertyName(pattern);
  const literal = pattern.replaceAll(/[\\`$]/g, "\\$&").replaceAll(/\{[^}]*\}/g, "${string}");
  return `[topic: \`${literal}\`]`;
}

function block(name: string, members: readonly string[], indent: string): string {
  if (members.length === 0) return `${indent}${name}: Record<never, never>;\n`;
  return `${indent}${name}: {\n${members.join("")}${indent}};\n`;
}

/** A unique type name in Pascal case. */
function typeName(component: string, taken: Set<string>): string {
  const words = component.split(/[^A-Za-z0-9]+/).filter((word) => word !== "");
  const pascal = words.map((word) => word[0]!.toUpperCase() + word.slice(1)).join("");
  const plain = /^[A-Za-z]/.test(pascal) ? pascal : `T${pascal}`;
  let name = plain;
  for (let count = 2; taken.has(name); count++) name = `${plain}${count}`;
  taken.add(name);
  return name;
}

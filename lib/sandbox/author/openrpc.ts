/** Writes a contract as an OpenRPC 1.3 document. */
import type { Contract, JsonSchema, MethodContract } from "./contract.ts";

/** An OpenRPC document; plain JSON. */
export type OpenRpcDocument = Record<string, unknown> & { openrpc: string; methods: Record<string, unknown>[] };

export interface OpenRpcOptions {
  /** Only what a caller with these roles may call; absent: everything. */
  readonly roles?: readonly string[];
  readonly title?: string;
  /** Version of the contract, not of OpenRPC. */
  readonly version?: string;
}

/** Errors any method may answer with, beside its own. */
const ERRORS = [
  { code: -32602, message: "Invalid params" },
  { code: -32603, message: "Internal error" },
  { code: -32001, message: "Rate limited" },
  { code: -32004, message: "Overloaded" },
  { code: -32005, message: "Handler timeout" },
];
const FORBIDDEN = { code: -32003, message: "Forbidden" };

/** True when a caller with `roles` may call the method. */
export function mayCall(method: MethodContract, roles: readonly string[]): boolean {
  return method.public === true || method.roles === undefined || method.roles.some((role) => roles.includes(role));
}

/** The document for one module. */
export function openRpc(contract: Contract, options: OpenRpcOptions = {}): OpenRpcDocument {
  return openRpcOfAll([{ contract }], options);
}

/**
 * One document for several modules: methods carry `x-subprotocol`. OpenRPC wants unique names, so a name that is taken appears
 * as `SUBPROTOCOL:name`, with the real one in `x-method`.
 */
export function openRpcOfAll(
  modules: readonly { readonly subprotocol?: string; readonly contract: Contract }[],
  { roles, title = "sallyport", version = "1" }: OpenRpcOptions = {},
): OpenRpcDocument {
  const schemas: Record<string, unknown> = {};
  const methods: Record<string, unknown>[] = [];
  const taken = new Set<string>();
  const raw: string[] = [];
  for (const { subprotocol, contract } of modules) {
    if (contract.kind === "raw" && subprotocol !== undefined) raw.push(subprotocol);
    for (const method of contract.methods.values()) {
      if (roles !== undefined && !mayCall(method, roles)) continue;
      const name = taken.has(method.name) ? `${subprotocol}:${method.name}` : method.name;
      taken.add(name);
      methods.push({
        ...describe(name, method, schemas),
        ...(name === method.name ? {} : { "x-method": method.name }),
        ...(subprotocol === undefined ? {} : { "x-subprotocol": subprotocol }),
      });
    }
  }
  return {
    openrpc: "1.3.2",
    info: { title, version },
    methods,
    ...(Object.keys(schemas).length === 0 ? {} : { components: { schemas } }),
    ...(raw.length === 0 ? {} : { "x-raw-subprotocols": raw }),
  };
}

function describe(name: string, method: MethodContract, schemas: Record<string, unknown>): Record<string, unknown> {
  const params = parameters(`${name}.params`, method.params, schemas);
  const result = method.result === undefined ? {} : local(`${name}.result`, method.result, schemas);
  return {
    name,
    ...(method.description === undefined ? {} : { description: method.description }),
    ...params,
    result: { name: "result", schema: result },
    errors: method.roles === undefined ? ERRORS : [...ERRORS, FORBIDDEN],
    ...(method.examples === undefined ? {} : { examples: method.examples.map(example) }),
    ...(method.roles === undefined ? {} : { "x-roles": method.roles }),
    ...(method.public === undefined ? {} : { "x-public": method.public }),
    "x-cost": method.cost,
  };
}

/** Content descriptors: one for each property of an object, one for each place of a tuple, else one for the whole. */
function parameters(name: string, schema: JsonSchema, schemas: Record<string, unknown>): Record<string, unknown> {
  const made = local(name, schema, schemas);
  const { properties, required, items } = made;
  if (made["type"] === "object" && properties !== null && typeof properties === "object") {
    const needed = Array.isArray(required) ? required : [];
    const entries = Object.entries(properties as Record<string, unknown>);
    // A descriptor that is required must not stand behind one that is not.
    const sorted = [
      ...entries.filter(([key]) => needed.includes(key)),
      ...entries.filter(([key]) => !needed.includes(key)),
    ];
    return {
      paramStructure: "by-name",
      params: sorted.map(([key, value]) => ({ name: key, required: needed.includes(key), schema: value })),
    };
  }
  if (made["type"] === "array" && Array.isArray(items)) {
    return {
      paramStructure: "by-position",
      params: items.map((value, index) => ({ name: `arg${index}`, required: true, schema: value as unknown })),
    };
  }
  return { paramStructure: "either", params: [{ name: "params", required: false, schema: made }] };
}

/** The schema with its own definitions moved to the document's components, so that its references hold. */
function local(name: string, schema: JsonSchema, schemas: Record<string, unknown>): Record<string, unknown> {
  const prefix = name.replaceAll(/[^A-Za-z0-9._-]/g, "_");
  const { $schema: _, definitions, $defs, ...rest } = schema;
  const rename = (reference: string): string => {
    const found = /^#\/(?:definitions|\$defs)\/(.+)$/.exec(reference);
    if (found !== null) return `#/components/schemas/${prefix}.${found[1]}`;
    return reference === "#" ? `#/components/schemas/${prefix}` : reference;
  };
  let whole = false;
  const walk = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(walk);
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => {
        if (key !== "$ref" || typeof inner !== "string") return [key, walk(inner)];
        whole ||= inner === "#";
        return [key, rename(inner)];
      }),
    );
  };
  const made = walk(rest) as Record<string, unknown>;
  for (const [key, value] of Object.entries({ ...(definitions as object), ...($defs as object) })) {
    schemas[`${prefix}.${key}`] = walk(value);
  }
  if (whole) schemas[prefix] = made;
  return made;
}

function example(value: unknown, index: number): Record<string, unknown> {
  const params = value !== null && typeof value === "object" && !Array.isArray(value)
    ? Object.entries(value).map(([name, inner]) => ({ name, value: inner as unknown }))
    : Array.isArray(value)
    ? value.map((inner, place) => ({ name: `arg${place}`, value: inner as unknown }))
    : [{ name: "params", value }];
  return { name: `example ${index + 1}`, params };
}

/** Formats contracts as an OpenRPC 1.4 document. */
import {
  type Contract,
  type ErrorContract,
  type JsonSchema,
  mayCall,
  mayFollow,
  type MethodContract,
  type TopicContract,
} from "../sandbox/author/contract.ts";
import { list } from "../sandbox/author/reported.ts";
import { ErrorCode, errorMessage } from "../rpc/errors.ts";
import { Components, entriesOf, isObject } from "./schemas.ts";

/** An OpenRPC document; plain JSON. */
export type OpenRpcDocument = Record<string, unknown> & { openrpc: string; methods: Record<string, unknown>[] };

export interface OpenRpcOptions {
  /**
   * Includes only methods that a caller with these roles may call, and topics that it may subscribe to. Absent: all.
   */
  readonly roles?: readonly string[];
  readonly title?: string;
  /** Version of the contract, not of OpenRPC. */
  readonly version?: string;
}

/** A module and its subprotocol. */
export interface ServedContract {
  readonly subprotocol?: string;
  readonly contract: Contract;
}

/** Errors of every method, in addition to its own. */
export const SERVER_ERRORS: readonly { readonly code: number; readonly message: string }[] = [
  ErrorCode.INVALID_PARAMS,
  ErrorCode.INTERNAL_ERROR,
  ErrorCode.RATE_LIMITED,
  ErrorCode.OVERLOADED,
  ErrorCode.TIMEOUT,
].map(errorObject);
export const FORBIDDEN_ERROR = errorObject(ErrorCode.FORBIDDEN);

function errorObject(code: number): { code: number; message: string } {
  return { code, message: errorMessage(code) };
}

/** Creates the document of one module. */
export function openRpc(contract: Contract, options: OpenRpcOptions = {}): OpenRpcDocument {
  return openRpcOfAll([{ contract }], options);
}

/**
 * Creates one document for several modules: methods have `x-subprotocol`, topics `subprotocol`. A duplicate name or
 * pattern becomes `SUBPROTOCOL:name`, with the real one in `x-method` or `pattern`.
 *
 * Extensions of OpenRPC 1.4: a method has `x-roles`, `x-public`, `x-cost`, `x-errors` (codes of the declared errors by
 * name), and `x-params` (the keywords of its parameters' schema besides their types). The `data` of an error is a JSON
 * Schema. `x-topics` has the topics by pattern.
 */
export function openRpcOfAll(
  modules: readonly ServedContract[],
  { roles, title = "sallyport", version = "1" }: OpenRpcOptions = {},
): OpenRpcDocument {
  const components = new Components();
  const methods: Record<string, unknown>[] = [];
  const topics: Record<string, unknown> = {};
  const raw: string[] = [];
  const taken = new Set<string>();
  for (const { subprotocol, contract } of modules) {
    if (contract.kind === "raw" && subprotocol !== undefined) raw.push(subprotocol);
    for (const method of contract.methods.values()) {
      if (roles !== undefined && !mayCall(method, roles)) continue;
      const name = taken.has(method.name) ? `${subprotocol}:${method.name}` : method.name;
      taken.add(name);
      methods.push({
        ...describeMethod(name, method, components),
        ...(name === method.name ? {} : { "x-method": method.name }),
        ...(subprotocol === undefined ? {} : { "x-subprotocol": subprotocol }),
      });
    }
    for (const topic of contract.topics.values()) {
      if (roles !== undefined && !mayFollow(topic, roles)) continue;
      const key = Object.hasOwn(topics, topic.pattern) ? `${subprotocol}:${topic.pattern}` : topic.pattern;
      topics[key] = {
        ...describeTopic(key, topic, components),
        ...(key === topic.pattern ? {} : { pattern: topic.pattern }),
        ...(subprotocol === undefined ? {} : { subprotocol }),
      };
    }
  }
  return {
    openrpc: "1.4.1",
    info: { title, version },
    methods,
    ...ifAny("components", Object.keys(components.schemas).length, { schemas: components.schemas }),
    ...ifAny("x-topics", Object.keys(topics).length, topics),
    ...ifAny("x-raw-subprotocols", raw.length, raw),
  };
}

function ifAny(key: string, count: number, value: unknown): Record<string, unknown> {
  return count === 0 ? {} : { [key]: value };
}

function describeMethod(name: string, method: MethodContract, components: Components): Record<string, unknown> {
  const { description, result, errors = [], examples, roles } = method;
  const schema = result === undefined ? {} : components.take(`${name}.result`, result);
  const server = roles === undefined ? SERVER_ERRORS : [...SERVER_ERRORS, FORBIDDEN_ERROR];
  return {
    name,
    ...(description === undefined ? {} : { description }),
    ...parameters(components.take(`${name}.params`, method.params)),
    result: { name: "result", schema },
    errors: [...server, ...errors.map((error) => describeError(name, error, components))],
    ...(examples === undefined ? {} : { examples: examples.map(example) }),
    ...(roles === undefined ? {} : { "x-roles": roles }),
    ...(method.public === undefined ? {} : { "x-public": method.public }),
    "x-cost": method.cost,
    ...ifAny("x-errors", errors.length, Object.fromEntries(errors.map((error) => [error.name, error.code]))),
  };
}

function describeError(method: string, error: ErrorContract, components: Components): Record<string, unknown> {
  const { name, code, message, data } = error;
  return { code, message, ...(data === undefined ? {} : { data: components.take(`${method}.${name}`, data) }) };
}

function describeTopic(key: string, topic: TopicContract, components: Components): Record<string, unknown> {
  const { description, params, roles, allow, recheckMs, publish, presence } = topic;
  const events = [...topic.events.values()];
  const inputs = events.filter(({ input }) => input !== undefined);
  return {
    ...(description === undefined ? {} : { description }),
    ...(params === undefined ? {} : { params: components.take(`${key}.params`, params) }),
    ...(roles === undefined ? {} : { roles }),
    allow,
    ...(recheckMs === undefined ? {} : { recheck_ms: recheckMs }),
    ...(publish === undefined ? {} : { publish }),
    ...(presence === undefined ? {} : { presence }),
    events: Object.fromEntries(events.map(({ name, data }) => [name, components.take(`${key}.${name}`, data)])),
    ...ifAny(
      "inputs",
      inputs.length,
      Object.fromEntries(inputs.map(({ name, input }) => [name, components.take(`${key}.${name}.input`, input!)])),
    ),
  };
}

/** Content descriptors: one for each property of an object or element of a tuple, otherwise one for the whole. */
function parameters(schema: JsonSchema): Record<string, unknown> {
  const { type, properties, required, items, ...rest } = schema;
  const more = ifAny("x-params", Object.keys(rest).length, rest);
  if (type === "object" && isObject(properties) && schema["$ref"] === undefined) {
    const needed = list(required);
    const described = entriesOf(properties).map(([name, inner]) => ({
      name,
      required: needed.includes(name),
      schema: inner,
    }));
    // A required descriptor must not follow an optional one.
    const sorted = [...described.filter((one) => one.required), ...described.filter((one) => !one.required)];
    return { paramStructure: "by-name", params: sorted, ...more };
  }
  if (type === "array" && Array.isArray(items)) {
    const least = typeof schema["minItems"] === "number" ? schema["minItems"] : items.length;
    const params = items.map((inner, index) => ({
      name: `arg${index}`,
      required: index < least,
      schema: inner as unknown,
    }));
    return { paramStructure: "by-position", params, ...more };
  }
  return { paramStructure: "either", params: [{ name: "params", required: false, schema }] };
}

function example(value: unknown, index: number): Record<string, unknown> {
  const params = isObject(value)
    ? Object.entries(value).map(([name, inner]) => ({ name, value: inner }))
    : Array.isArray(value)
    ? value.map((inner, place) => ({ name: `arg${place}`, value: inner as unknown }))
    : [{ name: "params", value }];
  return { name: `example ${index + 1}`, params };
}

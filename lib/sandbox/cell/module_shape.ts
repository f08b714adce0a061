/** Reads the exports of a handler module, and describes its contract. */
import { z } from "zod";
import type { DeclaredError } from "../author/context.ts";
import type { HandlerObject, Kit, Method, RawHandlers, RpcHandlers } from "../author/handlers.ts";
import type { AnyTopic, Topic } from "../author/topics.ts";
import { jsonText, parseJson } from "./json.ts";

/**
 * Returns the declaration of a module from its export.
 *
 * @throws {TypeError} if there is none; errors of the module's function are passed on
 */
export async function makeHandlers(exported: unknown, kit: Kit): Promise<HandlerObject> {
  if (exported === undefined) throw new TypeError("The module has no default export");
  const made: unknown = typeof exported === "function" ? await (exported as (kit: Kit) => unknown)(kit) : exported;
  if (made === null || typeof made !== "object") {
    throw new TypeError("The default export must be an object with methods or raw, or a function that returns one");
  }
  return made as HandlerObject;
}

export function isRaw(handlers: HandlerObject): handlers is RawHandlers {
  return handlers.raw !== undefined;
}

/**
 * The report of a cell about its module, which `checkContract` validates. A schema that JSON Schema can't represent is
 * reported as an error.
 */
export function describeHandlers(handlers: HandlerObject): unknown {
  const hooks = { open: hook(handlers, "open"), close: hook(handlers, "close") };
  if (isRaw(handlers)) {
    const raw = handlers.raw as unknown as Record<string, unknown> | null;
    return {
      kind: (handlers as { methods?: unknown }).methods === undefined ? "raw" : "both",
      hooks,
      ...describeTopics((handlers as { topics?: unknown }).topics),
      raw: { message: typeof raw?.["message"], binary: raw?.["binary"] ?? true, schema: schemaKind(raw?.["schema"]) },
    };
  }
  const methods = (handlers as RpcHandlers).methods as unknown;
  if (methods === null || typeof methods !== "object") return { kind: "none", hooks };
  return {
    kind: "rpc",
    hooks,
    methods: Object.entries(methods).map(([name, method]) => describeMethod(name, method as Method | null)),
    ...describeTopics((handlers as RpcHandlers).topics),
  };
}

function hook(handlers: HandlerObject, name: "open" | "close"): string {
  return typeof (handlers as unknown as Record<string, unknown>)[name];
}

function describeMethod(name: string, method: Method | null): unknown {
  if (method === null || typeof method !== "object") return { name, shape: shapeOf(method) };
  const { params, result, errors, roles, cost, description, examples } = method;
  return {
    name,
    shape: "object",
    handle: typeof method.handle,
    params: jsonSchema(params, "input"),
    ...(result === undefined ? {} : { result: jsonSchema(result, "output") }),
    ...(errors === undefined ? {} : { errors: describeErrors(errors) }),
    ...plain({ roles, cost, description, examples, public: method.public }),
    unknown: unknownKeys(method, METHOD_KEYS),
    misfits: misfits(params, examples),
  };
}

function describeErrors(errors: unknown): unknown {
  if (errors === null || typeof errors !== "object") return shapeOf(errors);
  return Object.entries(errors).map(([name, error]) => describeError(name, error as DeclaredError | null));
}

function describeError(name: string, error: DeclaredError | null): unknown {
  if (error === null || typeof error !== "object") return { name, shape: shapeOf(error) };
  const { code, message, data } = error;
  return {
    name,
    shape: "object",
    ...(data === undefined ? {} : { data: jsonSchema(data, "output") }),
    ...plain({ code, message }),
    unknown: unknownKeys(error, ERROR_KEYS),
  };
}

function describeTopics(topics: unknown): { topics?: unknown } {
  if (topics === undefined) return {};
  const listed = topics !== null && typeof topics === "object" ? Object.entries(topics) : [];
  return { topics: listed.map(([pattern, topic]) => describeTopic(pattern, topic as AnyTopic | null)) };
}

function describeTopic(pattern: string, topic: AnyTopic | null): unknown {
  if (topic === null || typeof topic !== "object") return { pattern, shape: shapeOf(topic) };
  const { params, allow, roles, recheck, publish, presence, description, events } = topic as Topic;
  return {
    pattern,
    shape: "object",
    allow: typeof allow,
    ...(params === undefined ? {} : { params: jsonSchema(params, "input") }),
    ...plain({ roles, recheck, publish, presence, description }),
    events: Object.entries(events ?? {}).map(([name, schema]) => describeEvent(name, schema)),
    unknown: unknownKeys(topic, TOPIC_KEYS),
  };
}

function describeEvent(name: string, schema: unknown): unknown {
  const data = jsonSchema(schema, "output");
  const input = jsonSchema(schema, "input");
  return { name, data, ...(jsonText(data) === jsonText(input) ? {} : { input }) };
}

function shapeOf(value: unknown): string {
  return value === null ? "null" : typeof value;
}

function unknownKeys(declared: object, known: ReadonlySet<string>): string[] {
  return Object.keys(declared).filter((key) => !known.has(key));
}

const METHOD_KEYS = new Set([
  "params",
  "result",
  "errors",
  "roles",
  "public",
  "cost",
  "description",
  "examples",
  "handle",
]);
const ERROR_KEYS = new Set(["code", "message", "data"]);
const TOPIC_KEYS = new Set([
  "params",
  "roles",
  "allow",
  "recheck",
  "publish",
  "presence",
  "events",
  "description",
]);

function schemaKind(schema: unknown): string {
  return schema === undefined ? "none" : isSchema(schema) ? "schema" : "wrong";
}

function isSchema(value: unknown): value is z.ZodType {
  return value !== null && typeof value === "object" && "_zod" in value &&
    typeof (value as { safeParse?: unknown }).safeParse === "function";
}

function jsonSchema(schema: unknown, io: "input" | "output"): { schema: unknown } | { error: string } {
  if (!isSchema(schema)) return { error: schema === undefined ? "is missing" : "is not a zod schema" };
  try {
    return {
      schema: parseJson(jsonText(z.toJSONSchema(schema, { io, unrepresentable: "any", target: "draft-7" }))!),
    };
  } catch (error) {
    return { error: `can't be written as JSON Schema (${error instanceof Error ? error.message : String(error)})` };
  }
}

/** Values that JSON can represent; any other value becomes a text of its type, which the check refuses. */
function plain(fields: Record<string, unknown>): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    try {
      out[key] = parseJson(jsonText(value)!);
    } catch {
      out[key] = { unserialisable: typeof value };
    }
  }
  return out;
}

/** Indices of examples that do not match the schema. */
function misfits(params: unknown, examples: unknown): number[] {
  if (!Array.isArray(examples) || !isSchema(params)) return [];
  const out: number[] = [];
  examples.forEach((example, index) => {
    try {
      if (!params.safeParse(example).success) out.push(index);
    } catch {
      // An asynchronous schema can't be tried here.
    }
  });
  return out;
}

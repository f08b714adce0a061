/** Reads what a handler module exports, in the cell, and makes its contract. */
import { z } from "zod";
import type { HandlerObject, Kit, Method, RawHandlers, RpcHandlers } from "../author/handlers.ts";
import { escapeHtml } from "./escape.ts";
import { jsonText, parseJson } from "./json.ts";

/** The kit given to a module's function. */
export const KIT: Kit = Object.freeze({ z, method: <T>(method: T) => method, escape: escapeHtml }) as Kit;

/** Makes the object of what a module exports. Throws whatever the module's function throws, `TypeError` when there is none. */
export async function makeHandlers(exported: unknown): Promise<HandlerObject> {
  if (exported === undefined) throw new TypeError("The module has no default export");
  const made: unknown = typeof exported === "function" ? await (exported as (kit: Kit) => unknown)(KIT) : exported;
  if (made === null || typeof made !== "object") {
    throw new TypeError("The default export must be an object with methods or raw, or a function that returns one");
  }
  return made as HandlerObject;
}

export function isRaw(handlers: HandlerObject): handlers is RawHandlers {
  return handlers.raw !== undefined;
}

/** What a cell reports about its module; `checkContract` reads it. A schema that JSON Schema can't say is reported as an error. */
export function describeHandlers(handlers: HandlerObject): unknown {
  const hooks = { open: hook(handlers, "open"), close: hook(handlers, "close") };
  if (isRaw(handlers)) {
    const raw = handlers.raw as unknown as Record<string, unknown> | null;
    return {
      kind: (handlers as { methods?: unknown }).methods === undefined ? "raw" : "both",
      hooks,
      raw: { message: typeof raw?.["message"], binary: raw?.["binary"] ?? true, schema: schemaKind(raw?.["schema"]) },
    };
  }
  const methods = (handlers as RpcHandlers).methods as unknown;
  if (methods === null || typeof methods !== "object") return { kind: "none", hooks };
  return {
    kind: "rpc",
    hooks,
    methods: Object.entries(methods).map(([name, method]) => describeMethod(name, method as Method | null)),
  };
}

function hook(handlers: HandlerObject, name: "open" | "close"): string {
  return typeof (handlers as unknown as Record<string, unknown>)[name];
}

function describeMethod(name: string, method: Method | null): unknown {
  if (method === null || typeof method !== "object") return { name, shape: method === null ? "null" : typeof method };
  const { params, result, roles, cost, description, examples } = method;
  return {
    name,
    shape: "object",
    handle: typeof method.handle,
    params: jsonSchema(params, "input"),
    ...(result === undefined ? {} : { result: jsonSchema(result, "output") }),
    ...plain({ roles, cost, description, examples, public: method.public }),
    unknown: Object.keys(method).filter((key) => !KNOWN.has(key)),
    misfits: misfits(params, examples),
  };
}

const KNOWN = new Set(["params", "result", "roles", "public", "cost", "description", "examples", "handle"]);

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

/** Only what JSON can carry; anything else becomes the text of what it is, which the check refuses. */
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

/** Indices of examples that the schema itself refuses. */
function misfits(params: unknown, examples: unknown): number[] {
  if (!Array.isArray(examples) || !isSchema(params)) return [];
  const out: number[] = [];
  examples.forEach((example, index) => {
    try {
      if (!params.safeParse(example).success) out.push(index);
    } catch {
      // An asynchronous schema: can't be tried here.
    }
  });
  return out;
}

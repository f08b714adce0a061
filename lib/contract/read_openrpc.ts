/** Parses an OpenRPC document of this program, of this or an earlier version. */
import { z } from "zod";
import type { Schema } from "./schemas.ts";
import type { Definitions } from "./schema_parts.ts";

export interface ReadMethod {
  readonly subprotocol: string | undefined;
  readonly name: string;
  readonly params: Schema;
  readonly result: Schema;
  /** Absent: any admitted session. */
  readonly roles: readonly string[] | undefined;
  /** Declared errors by code, with name and schema of the data. */
  readonly errors: ReadonlyMap<number, { readonly name: string; readonly data: Schema | undefined }>;
}

export interface ReadTopic {
  readonly subprotocol: string | undefined;
  readonly pattern: string;
  readonly params: Schema;
  readonly roles: readonly string[] | undefined;
  readonly allow: boolean;
  /** Absent: no client may. */
  readonly publish: readonly string[] | undefined;
  readonly presence: readonly string[] | undefined;
  readonly events: ReadonlyMap<string, { readonly data: Schema; readonly input: Schema }>;
}

export interface ReadContract {
  readonly methods: readonly ReadMethod[];
  readonly topics: readonly ReadTopic[];
  readonly raw: readonly string[];
  readonly definitions: Definitions;
}

const schema = z.union([z.boolean(), z.record(z.string(), z.unknown())]);
const roles = z.array(z.string()).optional();

const Method = z.looseObject({
  name: z.string(),
  "x-method": z.string().optional(),
  "x-subprotocol": z.string().optional(),
  paramStructure: z.string().optional(),
  params: z.array(z.looseObject({ name: z.string(), required: z.boolean().default(false), schema })),
  "x-params": z.record(z.string(), z.unknown()).default({}),
  result: z.looseObject({ schema }).optional(),
  errors: z.array(z.looseObject({ code: z.int(), data: schema.optional() })).default([]),
  "x-errors": z.record(z.string(), z.int()).default({}),
  "x-roles": roles,
});

const Topic = z.looseObject({
  pattern: z.string().optional(),
  subprotocol: z.string().optional(),
  params: schema.default(true),
  roles,
  allow: z.boolean().default(false),
  publish: roles,
  presence: roles,
  events: z.record(z.string(), schema),
  inputs: z.record(z.string(), schema).default({}),
});

const Document = z.looseObject({
  openrpc: z.string().regex(/^1\./, "must be a version 1 of OpenRPC"),
  methods: z.array(Method),
  components: z.looseObject({ schemas: z.record(z.string(), z.unknown()).default({}) }).default({ schemas: {} }),
  "x-topics": z.record(z.string(), Topic).default({}),
  "x-raw-subprotocols": z.array(z.string()).default([]),
});

/** Returns the contract, or the problems of the document. */
export function readOpenRpc(document: unknown): ReadContract | { problems: string[] } {
  const parsed = Document.safeParse(document);
  if (!parsed.success) {
    return { problems: parsed.error.issues.map(({ path, message }) => `${path.map(String).join(".")}: ${message}`) };
  }
  const { methods, components, "x-topics": topics, "x-raw-subprotocols": raw } = parsed.data;
  return {
    methods: methods.map(readMethod),
    topics: Object.entries(topics).map(([key, topic]) => readTopic(key, topic)),
    raw,
    definitions: components.schemas,
  };
}

function readMethod(method: z.output<typeof Method>): ReadMethod {
  const data = new Map(method.errors.map((error) => [error.code, error.data]));
  return {
    subprotocol: method["x-subprotocol"],
    name: method["x-method"] ?? method.name,
    params: paramsOf(method),
    result: method.result?.schema ?? true,
    roles: method["x-roles"],
    errors: new Map(Object.entries(method["x-errors"]).map(([name, code]) => [code, { name, data: data.get(code) }])),
  };
}

/** The schema of the parameters, assembled from the descriptors. */
function paramsOf({ paramStructure, params, "x-params": more }: z.output<typeof Method>): Schema {
  if (paramStructure === "by-name") {
    return {
      ...more,
      type: "object",
      properties: Object.fromEntries(params.map((param) => [param.name, param.schema])),
      required: params.filter((param) => param.required).map((param) => param.name),
    };
  }
  if (paramStructure === "by-position") return { ...more, type: "array", items: params.map((param) => param.schema) };
  return params[0]?.schema ?? true;
}

function readTopic(key: string, topic: z.output<typeof Topic>): ReadTopic {
  const { pattern = key, subprotocol, params, roles, allow, publish, presence, events, inputs } = topic;
  return {
    subprotocol,
    pattern,
    params,
    roles,
    allow,
    publish,
    presence,
    events: new Map(Object.entries(events).map(([name, data]) => [name, { data, input: inputs[name] ?? data }])),
  };
}

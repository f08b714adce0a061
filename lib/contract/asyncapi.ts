/**
 * Formats contracts as an AsyncAPI 3.0 document.
 *
 * The document describes the server. A module has a channel for its calls, and one for each topic, whose address is the
 * pattern. All channels use the same WebSocket connections; the payload of a message is the whole JSON-RPC 2.0 text
 * frame.
 */
import type { Contract, JsonSchema, MethodContract, TopicContract } from "../sandbox/author/contract.ts";
import { FORBIDDEN_ERROR, SERVER_ERRORS } from "./openrpc.ts";
import { Components, entriesOf, unusedKey } from "./schemas.ts";

/** An AsyncAPI document; plain JSON. */
export type AsyncApiDocument = Record<string, unknown> & { asyncapi: string };

export interface AsyncApiOptions {
  readonly title?: string;
  /** Version of the contract, not of AsyncAPI. */
  readonly version?: string;
  /** The URL of the server. Absent: the document names no server. */
  readonly server?: { readonly host: string; readonly path: string; readonly tls: boolean };
}

type Json = Record<string, unknown>;

const text = (value: string): Json => ({ type: "string", const: value });
const object = (properties: Json): Json => ({ type: "object", properties, required: Object.keys(properties) });
/** The `id` of a request (JSON-RPC 2.0 section 4). */
const ID = { type: ["string", "number", "null"] };
const VERSION = text("2.0");

/** Creates one document for several modules. */
export function asyncApiOfAll(
  modules: readonly { readonly subprotocol: string; readonly contract: Contract }[],
  { title = "sallyport", version = "1", server }: AsyncApiOptions = {},
): AsyncApiDocument {
  const writer = new Writer();
  for (const { subprotocol, contract } of modules) {
    if (contract.kind === "rpc") writer.module(subprotocol, contract);
  }
  const { components, channels, operations } = writer;
  const schemas = Object.keys(components.schemas).length === 0 ? {} : { schemas: components.schemas };
  const raw = modules.filter(({ contract }) => contract.kind === "raw").map(({ subprotocol }) => subprotocol);
  return {
    asyncapi: "3.0.0",
    info: { title, version },
    defaultContentType: "application/json",
    ...(server === undefined ? {} : { servers: { websocket: describeServer(server) } }),
    channels,
    operations,
    components: { ...schemas, securitySchemes: { token: { type: "http", scheme: "bearer", bearerFormat: "JWT" } } },
    ...(raw.length === 0 ? {} : { "x-raw-subprotocols": raw }),
  };
}

function describeServer({ host, path, tls }: NonNullable<AsyncApiOptions["server"]>): Json {
  return {
    host,
    pathname: path,
    protocol: tls ? "wss" : "ws",
    protocolVersion: "13",
    security: [{ $ref: "#/components/securitySchemes/token" }],
  };
}

class Writer {
  readonly components = new Components();
  readonly channels: Record<string, Json> = {};
  readonly operations: Record<string, Json> = {};

  module(subprotocol: string, contract: Contract): void {
    const messages: Record<string, Json> = {};
    const channel = this.#add(this.channels, `${subprotocol}.calls`, {
      address: "/",
      title: `Calls of ${subprotocol}`,
      messages,
      "x-subprotocol": subprotocol,
    });
    for (const method of contract.methods.values()) this.#method(subprotocol, channel, messages, method);
    for (const topic of contract.topics.values()) this.#topic(subprotocol, topic);
  }

  #method(subprotocol: string, channel: string, messages: Record<string, Json>, method: MethodContract): void {
    const { name, description, params, result, roles, errors = [] } = method;
    const say = (what: string, message: Json): Json => {
      const key = this.#add(messages, `${name}.${what}`, { name: `${name} ${what}`, ...message });
      return { $ref: `#/channels/${channel}/messages/${key}` };
    };
    const reply = (properties: Json): Json => ({
      correlationId: { location: "$message.payload#/id" },
      payload: object({ jsonrpc: VERSION, id: ID, ...properties }),
    });
    const take = (what: string, schema: JsonSchema) => this.components.take(`${name}.${what}`, schema);
    const request = say("request", {
      correlationId: { location: "$message.payload#/id" },
      payload: object({ jsonrpc: VERSION, id: ID, method: text(name), params: take("params", params) }),
    });
    const replies = [
      say("result", reply({ result: result === undefined ? {} : take("result", result) })),
      ...errors.map(({ name: error, code, message, data }) =>
        say(error, {
          ...reply({
            error: object({
              code: { const: code },
              message: text(message),
              ...(data === undefined ? {} : { data: take(error, data) }),
            }),
          }),
          title: message,
        })
      ),
      say("error", {
        ...reply({ error: { ...object({ code: { enum: serverCodes(roles) }, message: { type: "string" } }) } }),
        title: "An error of the server",
      }),
    ];
    this.#add(this.operations, `${subprotocol}.${name}`, {
      action: "receive",
      channel: { $ref: `#/channels/${channel}` },
      ...(description === undefined ? {} : { description }),
      messages: [request],
      reply: { channel: { $ref: `#/channels/${channel}` }, messages: replies },
      ...(roles === undefined ? {} : { "x-roles": roles }),
      "x-cost": method.cost,
    });
  }

  #topic(subprotocol: string, topic: TopicContract): void {
    const { pattern, description, params, roles, publish, presence, allow } = topic;
    const parameters = describeParameters(
      params === undefined ? {} : this.components.take(`${pattern}.params`, params),
    );
    const messages: Record<string, Json> = {};
    const channel = this.#add(this.channels, `${subprotocol}.${pattern}`, {
      address: pattern,
      ...(description === undefined ? {} : { description }),
      ...(Object.keys(parameters).length === 0 ? {} : { parameters }),
      messages,
      "x-subprotocol": subprotocol,
      ...(roles === undefined ? {} : { "x-roles": roles }),
      "x-allow": allow,
      ...(presence === undefined ? {} : { "x-presence": presence }),
    });
    const say = (what: string, message: Json): Json => ({
      $ref: `#/channels/${channel}/messages/${this.#add(messages, what, message)}`,
    });
    const sent = [...topic.events.values()].map(({ name, data }) =>
      say(name, { name, payload: eventFrame("topic.event", name, this.components.take(`${pattern}.${name}`, data)) })
    );
    const operation = { channel: { $ref: `#/channels/${channel}` } };
    this.#add(this.operations, `${subprotocol}.${pattern}.event`, {
      action: "send",
      ...operation,
      summary: "Subscribed connections receive these events.",
      messages: sent,
    });
    if (publish === undefined) return;
    const taken = [...topic.events.values()].map(({ name, data, input = data }) =>
      say(`${name}.publish`, {
        name: `${name} publish`,
        payload: eventFrame("topic.publish", name, this.components.take(`${pattern}.${name}.input`, input), { id: ID }),
      })
    );
    this.#add(this.operations, `${subprotocol}.${pattern}.publish`, {
      action: "receive",
      ...operation,
      summary: "Clients with these roles may publish.",
      messages: taken,
      "x-roles": publish,
    });
  }

  /** Adds a value under an unused key, and returns the key. */
  #add(to: Record<string, Json>, wanted: string, value: Json): string {
    const key = unusedKey(wanted, to);
    to[key] = value;
    return key;
  }
}

function eventFrame(method: string, event: string, data: JsonSchema, more: Json = {}): Json {
  const params = object({ topic: { type: "string" }, event: text(event), data });
  return object({ jsonrpc: VERSION, ...more, method: text(method), params });
}

function serverCodes(roles: readonly string[] | undefined): number[] {
  return [...SERVER_ERRORS, ...(roles === undefined ? [] : [FORBIDDEN_ERROR])].map(({ code }) => code);
}

/**
 * The parameters of a channel's address. AsyncAPI describes their values only as a list; `x-schema` has the whole
 * schema.
 */
function describeParameters(params: JsonSchema): Record<string, Json> {
  return Object.fromEntries(
    entriesOf(params["properties"]).map(([name, schema]) => {
      const { enum: values, description } = schema as Json;
      return [name, {
        ...(typeof description === "string" ? { description } : {}),
        ...(Array.isArray(values) && values.every((one) => typeof one === "string") ? { enum: values } : {}),
        "x-schema": schema,
      }];
    }),
  );
}

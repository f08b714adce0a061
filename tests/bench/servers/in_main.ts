/**
 * Sallyport with its handlers in the main isolate, to measure what the sandbox costs: the same front, limits, envelope
 * and schema, and no crossing. Takes the path of a configuration, and runs only synchronous JSON-RPC methods.
 */
import type { z } from "zod";
import { loadConfig } from "../../../lib/config/config.ts";
import { createLog } from "../../../lib/log/log.ts";
import { makeKit } from "../../../lib/sandbox/cell/kit.ts";
import { makeHandlers } from "../../../lib/sandbox/cell/module_shape.ts";
import type { HandlerModule, HandlerSettings, Line, MethodContract, Sandbox } from "../../../lib/sandbox/sandbox.ts";
import { startServer } from "../../../lib/server/server.ts";

const decoder = new TextDecoder();
const kit = makeKit({ publish() {}, log() {} });

interface Method {
  readonly params: z.ZodType;
  handle(params: unknown): unknown;
}

async function inMain(handlers: readonly HandlerSettings[]): Promise<Sandbox> {
  const modules = new Map<string, HandlerModule>();
  for (const settings of handlers) {
    const made = await makeHandlers((await import(`file://${settings.module}`)).default, kit) as { methods?: object };
    if (made.methods === undefined) continue;
    modules.set(settings.subprotocol, moduleOf(settings.subprotocol, new Map(Object.entries(made.methods))));
  }
  return { modules, close: () => Promise.resolve() };
}

function moduleOf(subprotocol: string, methods: ReadonlyMap<string, Method>): HandlerModule {
  const line: Line = {
    call(name, message, call) {
      const method = methods.get(name)!;
      const text = typeof message === "string" ? message : decoder.decode(message);
      const params = method.params.safeParse((JSON.parse(text) as { params?: unknown }).params);
      if (params.success) call.resolve(JSON.stringify(method.handle(params.data)));
      else call.reject(-32602);
    },
    message: (_data, call) => call.reject(-32603),
    allow: (_topic, _asked, call) => call.reject(-32603),
    publish: (_topic, _request, call) => call.reject(-32603),
    identity: () => {},
    close: () => {},
  };
  const contracts = [...methods.keys()].map((name): [string, MethodContract] => [name, { name, cost: 1, params: {} }]);
  return {
    subprotocol,
    contract: { kind: "rpc", binary: false, methods: new Map(contracts), topics: new Map() },
    ready: true,
    queueDepth: 0,
    attach: () => line,
    topicOf: () => undefined,
    publish: () => Promise.resolve({ refused: "unknown_topic" }),
  };
}

const config = loadConfig({ path: Deno.args[0]!, env: () => undefined });
const server = await startServer({
  config,
  log: createLog({ level: "error", format: "json" }),
  cells: {
    socketPath: "",
    start() {
      throw new Error("Handlers run in the main isolate here");
    },
  },
  startSandbox: inMain,
});
Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify({ event: "listening", url: server.url })}\n`));

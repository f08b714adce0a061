import type { Config } from "../config/config.ts";
import { startServe } from "../front/deno_serve/deno_serve.ts";
import { startEdge } from "../front/edge/edge.ts";
import type { Front, FrontDeps } from "../front/front.ts";
import type { Gate } from "../gate/gate.ts";

/**
 * Starts the front named by `server.engine`.
 *
 * @throws {Error} when the address can't be bound or the TLS material can't be used.
 */
export function startFront(config: Config, gate: Gate, deps: FrontDeps): Promise<Front> {
  return config.server.engine === "serve" ? startServe(config, gate, deps) : startEdge(config, gate, deps);
}

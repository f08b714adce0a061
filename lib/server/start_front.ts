/** Selects the engine of the front. */
import type { Config } from "../config/config.ts";
import { startServe } from "../front/deno_serve/deno_serve.ts";
import { startEdge } from "../front/edge/edge.ts";
import type { Front, FrontDeps } from "../front/front.ts";
import type { Gate } from "../gate/gate.ts";

/**
 * Starts the front of `server.engine`.
 *
 * @throws {Error} if the address can't be bound or the TLS material is unusable
 */
export function startFront(config: Config, gate: Gate, deps: FrontDeps): Promise<Front> {
  return config.server.engine === "serve" ? startServe(config, gate, deps) : startEdge(config, gate, deps);
}

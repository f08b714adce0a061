/** The HTTP routes of the public port. */

import type { Config } from "../../config/config.ts";
import { type Handshake, type Peer, type Refusal, refuse } from "../../gate/gate.ts";
import { internalError, pageResponse, securityHeaders } from "./headers.ts";
import type { Page } from "../page/page.ts";

/** Answers one HTTP request. Never rejects. */
export type Routes = (request: Request, peer: Peer) => Promise<Response>;

export interface RouteOptions {
  readonly config: Config;
  /** Files of the development page by path; only in development. */
  readonly page?: Page;
  /** Answers `POST /ticket` and its preflight; without it the route does not exist. */
  readonly ticket?: (request: Request, peer: Peer) => Promise<Response>;
  /** Called with exceptions of `ticket`; the client gets a 500 without detail. */
  readonly failed?: (error: unknown) => void;
  /** Logs, counts and answers a refusal. */
  readonly refused: (handshake: Handshake, peer: Peer, refusal: Refusal) => Response;
}

interface Route {
  readonly methods: readonly string[];
  answer(request: Request, peer: Peer): Response | Promise<Response>;
}

/**
 * Answers every request outside of the WebSocket path: `GET /healthz`, `POST /ticket`, in development the page;
 * otherwise 404 `not_found`, or 405 `method_not_allowed` with `Allow` (RFC 9110 15.5.6).
 */
export function createRoutes(options: RouteOptions): Routes {
  const { config, page, ticket } = options;
  const routes = new Map<string, Route>();
  routes.set("/healthz", {
    methods: ["GET", "HEAD"],
    answer: () => new Response("ok", { headers: { ...securityHeaders(config), "Content-Type": "text/plain" } }),
  });
  if (ticket !== undefined) routes.set("/ticket", { methods: ["POST", "OPTIONS"], answer: ticket });
  for (const [path, file] of page ?? []) {
    routes.set(path, "answer" in file ? file : { methods: ["GET", "HEAD"], answer: () => pageResponse(file, config) });
  }

  return async (request, peer) => {
    const { method, headers } = request;
    const handshake: Handshake = { method, url: new URL(request.url), headers };
    const route = routes.get(handshake.url.pathname);
    if (route === undefined) return options.refused(handshake, peer, refuse("not_found"));
    if (!route.methods.includes(method)) {
      const allowed = { "Allow": route.methods.join(", ") };
      return options.refused(handshake, peer, refuse("method_not_allowed", { headers: allowed }));
    }
    try {
      return await route.answer(request, peer);
    } catch (error) {
      options.failed?.(error);
      return internalError(config);
    }
  };
}

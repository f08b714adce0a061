/** HTTP routes of the public port besides WebSockets. */
import { createTicketEndpoint } from "../admission/admission.ts";
import { securityHeaders } from "../front/http/headers.ts";
import type { Page } from "../front/page/page.ts";
import { createRoutes, type Routes } from "../front/http/routes.ts";
import type { ServerGate } from "./gate.ts";
import type { Parts } from "./parts.ts";

/** @param page the development page by path */
export function httpRoutes(parts: Parts, gate: ServerGate, page?: Page): Routes {
  const { tickets, limits, log } = parts;
  const refused: ServerGate["refused"] = (handshake, peer, refusal) => gate.refused(handshake, peer, refusal);
  // Created for each request, because a reload replaces configuration and origins.
  const ticketEndpoint = () =>
    createTicketEndpoint({
      config: parts.config,
      origins: parts.origins,
      tickets,
      verify: (token) => parts.verifier.verify(token),
      ...gate.toll,
      takePreflight: (ip) => limits.preflight(ip),
      takeTicket: (user) => limits.ticket(user),
      refused,
      headers: securityHeaders(parts.config),
    });
  return createRoutes({
    config: parts.config,
    ...(page ? { page } : {}),
    ticket: (request, peer) => ticketEndpoint()(request, peer),
    failed: (error) => log.error("route.failed", { error: String(error) }),
    refused,
  });
}

/** Findings about durations that contradict each other or are too long. */
import { type Finding, finding } from "./finding.ts";
import type { Config } from "../schema.ts";
import { formatDuration } from "../units.ts";

type Add = (where: string, what: string, why: string, remedy: string) => void;

export function timeFindings({ server, auth, handlers }: Config): Finding[] {
  const findings: Finding[] = [];
  const add: Add = (...texts) => void findings.push(finding("warning", ...texts));
  addLivenessFindings(server, add);
  addWaitFindings(server, handlers, add);
  addAgeFindings(server, auth, add);
  return findings;
}

/** Durations after which a quiet client is pinged, and a client that is gone is noticed. */
function addLivenessFindings(server: Config["server"], add: Add): void {
  const idle = server.idle_timeout;
  if (idle > 0 && idle < server.ping_interval) {
    add(
      "server.idle_timeout",
      `${formatDuration(idle)} is shorter than server.ping_interval (${formatDuration(server.ping_interval)})`,
      "Quiet connections are closed before the first ping",
      "Make it several times the ping interval, or 0s for never",
    );
  }
  if (idle > server.max_session) {
    add(
      "server.idle_timeout",
      `${formatDuration(idle)} is longer than server.max_session (${formatDuration(server.max_session)})`,
      "Every session ends before it counts as idle",
      "Lower it, or set it to 0s",
    );
  }
  if (server.ping_interval >= server.max_session) {
    add(
      "server.ping_interval",
      `${formatDuration(server.ping_interval)} is not shorter than server.max_session (${
        formatDuration(server.max_session)
      })`,
      "No session lives long enough for a ping, so clients that are gone keep their connection",
      "Lower it to well under a minute",
    );
  }
  if (server.ping_interval > 60_000) {
    add(
      "server.ping_interval",
      `A client that is gone keeps its connection for ${formatDuration(2 * server.ping_interval)}`,
      "The server notices it by a missing pong only, and proxies often close connections after a quiet minute",
      "Lower it to 20s or 30s",
    );
  }
}

/** Durations that the server waits for clients and handlers. */
function addWaitFindings(server: Config["server"], handlers: Config["handlers"], add: Add): void {
  if (server.handshake_timeout > 30_000) {
    add(
      "server.handshake_timeout",
      `A client may take ${formatDuration(server.handshake_timeout)} to connect`,
      "A client that opens a connection and sends nothing holds it that long",
      "Lower it to 5s or 10s",
    );
  }
  const slowest = Math.max(0, ...handlers.map((handler) => handler.timeout));
  if (server.drain_timeout < slowest) {
    add(
      "server.drain_timeout",
      `${formatDuration(server.drain_timeout)} is shorter than a handler's timeout (${formatDuration(slowest)})`,
      "A restart cuts off requests that could still be answered",
      `Raise it to more than ${formatDuration(slowest)}`,
    );
  }
}

/** Durations for which a token is accepted. */
function addAgeFindings(server: Config["server"], auth: Config["auth"], add: Add): void {
  if (server.max_session > auth.max_age) {
    add(
      "server.max_session",
      `${formatDuration(server.max_session)} is longer than auth.max_age (${formatDuration(auth.max_age)})`,
      "A session may outlive the age at which its token would be refused",
      "Lower it to at most auth.max_age",
    );
  }
  if (auth.max_age > 30 * 86_400_000) {
    add(
      "auth.max_age",
      `Tokens are good for up to ${formatDuration(auth.max_age)}`,
      "A stolen token works for that long",
      "Issue tokens for minutes or hours and refresh them with session.refresh",
    );
  }
  if (auth.clock_skew > 300_000) {
    add(
      "auth.clock_skew",
      `Clocks may differ by ${formatDuration(auth.clock_skew)}`,
      "Tokens whose iat or nbf lies that far in the future are accepted",
      "Synchronise the clocks and lower it to 30s",
    );
  }
}

/** Findings about the limits of engine `serve`. */
import { type Finding, finding, type Severity } from "./finding.ts";
import type { Config } from "../schema.ts";

const GAPS: readonly (readonly [Severity, string, string])[] = [
  [
    "warning",
    "Fragments of a message have no limit and one frame may have 64 MiB",
    "One client can fill the memory: messages.max_bytes and messages.max_fragments apply only to what has already been buffered",
  ],
  [
    "warning",
    "There is no deadline for TLS and request head",
    "A client that sends half a request stays connected: server.handshake_timeout has no effect",
  ],
  [
    "warning",
    "Pings, pongs and empty fragments can't be counted",
    "The platform answers them, so no limit applies to a flood",
  ],
  ["warning", "Reading can't be paused", "Every message is delivered and buffered, however slow the handlers are"],
  [
    "warning",
    "Connections can't be refused before TLS and a full request",
    "Caps and bans by address act late, with an answer instead of a closed connection",
  ],
  [
    "warning",
    "Some protocol errors are accepted",
    "Unmasked frames, control frames over 125 bytes and interleaved messages are accepted, a frame over 64 MiB drops the connection without 1009",
  ],
  [
    "warning",
    "Some malformed request heads are accepted, others are answered by the platform",
    "Bare LF, empty lines before the request, HTTP/1.0 and absolute-form targets of the same host are accepted; duplicates and folded lines get the platform's own 400, which is not logged",
  ],
  [
    "warning",
    "The platform speaks HTTP/2 too, by ALPN and by prior knowledge",
    "Its connections stay open without a deadline and carry many requests; WebSockets don't open over it",
  ],
  [
    "warning",
    "When descriptors run out, the port is closed until there are some again",
    "Connections that never send a request can't be counted: server.max_connections does not bound them",
  ],
  [
    "note",
    "Broken frames end the connection without a close frame",
    "The client sees 1006 instead of 1002 or 1007",
  ],
  [
    "note",
    "A client that goes on sending while it is closed may miss the close frame",
    "The connection is cut at its next message, half a second later at most; it sees 1006 instead of the code",
  ],
  [
    "note",
    "A client that does not answer pings is closed with 1001",
    "The platform pings and closes by itself: no 4408 idle, and connection.closed says 1006",
  ],
  [
    "note",
    "A client that closes gets no more answers",
    "The platform answers a close frame at once, before what is in flight",
  ],
  ["note", "Small messages may wait up to 40 ms over TLS", "Nagle's algorithm stays on"],
  [
    "note",
    "A new certificate needs a restart",
    "It is fixed for the life of the listener, whose end closes every connection; a reload with another one is refused",
  ],
  [
    "note",
    "Refused requests may be followed by others on the same connection",
    "Connection: close in an answer does not close it",
  ],
];

export function engineFindings({ server }: Config): Finding[] {
  if (server.engine !== "serve") return [];
  return GAPS.map(([severity, what, why]) =>
    finding(
      severity,
      "server.engine",
      `Engine "serve": ${what[0]?.toLowerCase()}${what.slice(1)}`,
      why,
      'Use engine "edge"',
    )
  );
}

/** An open WebSocket with JSON-RPC. */
import { CallError } from "./call_error.ts";
import { OPEN } from "./limits.ts";
import type { End } from "./outcomes.ts";

export interface Line {
  readonly socket: WebSocket;
  /** Whether the socket is open. */
  open(): boolean;
  /** The server drains. From then on, in milliseconds since the epoch, it reads nothing more and only answers. */
  until: number;
  /** The calls sent on this line that are not settled, by id. A map, because the server chooses the key of the lookup. */
  readonly pending: Map<unknown, PendingCall>;
  /** Called after each settled call of the line. */
  settled?(): void;
  /** Whether data arrived since this was last set to false. */
  heard?: boolean;
  /** Ends the line at once, as if it had been closed with that code; the platform would wait for a dead peer. */
  drop(end: End): void;
}

/** A call that was sent, as its line sees it. */
export interface PendingCall {
  /** Rejects the call. */
  fail(message: string, code?: number): void;
  settle(error: CallError | null | undefined, result?: unknown): void;
}

/**
 * Creates a line on an open socket; it is in `lines` until it ends. `notified` receives notifications, `ended` the end, once,
 * and `failed` errors of malformed messages.
 */
export function createLine(
  socket: WebSocket,
  lines: Set<Line>,
  notified: (line: Line, method: string, params: unknown) => void,
  ended: (line: Line, end: End) => void,
  failed: (error: unknown) => void,
): Line {
  const line: Line = {
    socket,
    open: () => lines.has(line) && socket.readyState === OPEN,
    until: Infinity,
    pending: new Map(),
    drop(end) {
      socket.close(1000, end.reason.slice(0, 40)); // 123 bytes at most, RFC 6455 section 5.5
      finish(end);
    },
  };
  function finish(end: End): void {
    if (!lines.delete(line)) return;
    for (const call of line.pending.values()) call.fail(end.reason, end.code);
    ended(line, end);
  }
  lines.add(line);
  socket.onclose = finish;
  socket.onmessage = ({ data }) => {
    if (!line.open()) return;
    line.heard = true;
    try {
      const { id, method, params, result, error } = JSON.parse(data);
      if (typeof method === "string") notified(line, method, params ?? {});
      else {
        // The members of the error are unchecked.
        line.pending.get(id)?.settle(error && new CallError(error.message, error.code, "refused", error.data), result);
      }
    } catch (error) {
      failed(error);
    }
  };
  return line;
}

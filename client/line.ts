/** An open WebSocket with JSON-RPC. */

export interface Line {
  readonly socket: WebSocket;
  /** Whether the socket is open. */
  readonly open: boolean;
  /** The server drains: it answers pending calls and reads nothing more. */
  draining?: boolean;
  /** Whether data arrived since this was last set to false. */
  heard?: boolean;
  /** Ends the line at once, as if it had been closed with that code; the platform would wait for a dead peer. */
  drop(code: number, reason: string): void;
}

/** JSON-RPC 2.0 section 5.1. */
export interface ErrorObject {
  readonly code: number;
  readonly message: string;
  readonly data?: unknown;
}

export interface LineEvents {
  /** A response with unchecked members. */
  answered(id: unknown, error: ErrorObject | null | undefined, result: unknown): void;
  notified(line: Line, method: string, params: unknown): void;
  /** Called once. */
  ended(line: Line, code: number, reason: string): void;
  failed(error: unknown): void;
}

const OPEN = 1;

/** Creates a line on an open socket; it is in `lines` until it ends. */
export function createLine(socket: WebSocket, lines: Set<Line>, events: LineEvents): Line {
  const line: Line = {
    socket,
    get open() {
      return lines.has(line) && socket.readyState === OPEN;
    },
    drop(code, reason) {
      socket.close(1000, reason.slice(0, 40)); // 123 bytes at most, RFC 6455 section 5.5
      end(code, reason);
    },
  };
  function end(code: number, reason: string): void {
    if (lines.delete(line)) events.ended(line, code, reason);
  }
  lines.add(line);
  socket.onclose = ({ code, reason }) => end(code, reason);
  socket.onmessage = ({ data }) => {
    if (!line.open) return;
    line.heard = true;
    try {
      const { id, method, params, result, error } = JSON.parse(data);
      if (typeof method === "string") events.notified(line, method, params ?? {});
      else events.answered(id, error, result);
    } catch (error) {
      events.failed(error);
    }
  };
  return line;
}

/** Connections that end with a TCP reset, which `Deno.connect` can't be made to send. */
import { connect, type Socket } from "node:net";
import * as tls from "node:tls";
import type { TestServer } from "../helpers/test_server.ts";

export interface ResetOptions {
  readonly tls: boolean;
  /** The bytes to send first, if any. */
  readonly saying: Uint8Array | string | null;
  /** Whether to wait for the first bytes of an answer. */
  readonly answered: boolean;
}

/** Connects, says something, and resets the connection. */
export async function resetAfter(server: TestServer, options: ResetOptions): Promise<void> {
  const raw = connect({ host: "127.0.0.1", port: server.port });
  raw.on("error", () => {});
  await happened(raw, "connect");
  let socket: Socket = raw;
  if (options.tls) {
    socket = tls.connect({ socket: raw, servername: "localhost", ca: server.caPem });
    socket.on("error", () => {});
    await happened(socket, "secureConnect");
  }
  if (options.saying !== null) await new Promise((resolve) => socket.write(options.saying!, () => resolve(null)));
  if (options.answered) await happened(socket, "data");
  raw.resetAndDestroy();
}

/** Resolves with the event, or with the end of the connection. */
function happened(socket: Socket, event: string): Promise<void> {
  return new Promise((resolve) => {
    socket.once(event, () => resolve());
    socket.once("close", () => resolve());
  });
}

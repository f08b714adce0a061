/**
 * `Deno.serve` with `Deno.upgradeWebSocket`, as its manual shows it. `/ws` echoes bare, `/checked` makes the checks of checks.mjs,
 * `/room` hears what `/publish` says. Settings come as JSON in the environment variable BENCH_SERVER.
 */
import { Buffer } from "node:buffer";
import * as jose from "jose";
import { z } from "zod";
import { createAdmission, createAnswer } from "./checks.mjs";

/** The client of a connection; under `/checked` with its user. */
interface Client {
  readonly ip: string;
  user?: string;
  roles?: string[];
}

const settings = JSON.parse(Deno.env.get("BENCH_SERVER") ?? "{}");
const admission = await createAdmission({ ...settings, jose });
const answerer = createAnswer({ z });
const room = new Set<WebSocket>();

function open(path: string, socket: WebSocket, client: Client): void {
  socket.onerror = () => {};
  switch (path) {
    case "/checked": {
      const answer = answerer(client);
      socket.onmessage = ({ data }) => {
        if (typeof data !== "string") return socket.close(1003);
        const text = answer(data, Buffer.byteLength(data));
        if (text !== undefined) socket.send(text);
      };
      return;
    }
    case "/room":
      socket.onopen = () => room.add(socket);
      socket.onclose = () => room.delete(socket);
      return;
    case "/publish":
      socket.onmessage = ({ data }) => {
        const { text } = JSON.parse(data).params;
        const message = JSON.stringify({ jsonrpc: "2.0", method: "message", params: { from: "publisher", text } });
        for (const receiver of room) if (receiver.readyState === WebSocket.OPEN) receiver.send(message);
      };
      return;
    default:
      socket.onmessage = ({ data }) => {
        if (socket.readyState === WebSocket.OPEN) socket.send(data);
      };
  }
}

Deno.serve({
  hostname: "127.0.0.1",
  port: 0,
  cert: Deno.readTextFileSync(settings.certFile),
  key: Deno.readTextFileSync(settings.keyFile),
  onListen: ({ port }) => {
    Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify({ event: "listening", port }) + "\n"));
  },
}, async (request, { remoteAddr }) => {
  const path = new URL(request.url).pathname;
  const client: Client = { ip: remoteAddr.hostname };
  if (path === "/checked") {
    const { status, ...identity } = await admission(
      request.headers.get("origin"),
      request.headers.get("authorization"),
    );
    if (status !== undefined) return new Response("Refused", { status });
    Object.assign(client, identity);
  }
  if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") return new Response("Upgrade", { status: 426 });
  const protocol = request.headers.get("sec-websocket-protocol")?.split(",")[0]?.trim();
  const { socket, response } = Deno.upgradeWebSocket(request, protocol === undefined ? {} : { protocol });
  open(path, socket, client);
  return response;
});

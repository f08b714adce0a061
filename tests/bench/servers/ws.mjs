/**
 * `ws` on `node:https`, as its manual shows it. `/ws` echoes bare, `/checked` makes the checks of checks.mjs, `/room` hears what
 * `/publish` says. Settings come as JSON in the environment variable BENCH_SERVER.
 */
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import { createRequire } from "node:module";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { createAdmission, createAnswer } from "./checks.mjs";

const settings = JSON.parse(process.env.BENCH_SERVER);
const require = createRequire(settings.packages);
const { WebSocketServer } = require("ws");
const { z } = require("zod");
const jose = await import(pathToFileURL(require.resolve("jose")).href);

const admission = await createAdmission({ ...settings, jose });
const answerer = createAnswer({ z });
const server = createServer({ cert: readFileSync(settings.certFile), key: readFileSync(settings.keyFile) });
const sockets = new WebSocketServer({
  noServer: true,
  perMessageDeflate: false,
  handleProtocols: (offered) => offered.values().next().value,
});
const room = new Set();

function open(path, socket, client) {
  socket.on("error", () => {});
  switch (path) {
    case "/checked": {
      const answer = answerer(client);
      return socket.on("message", (data, binary) => {
        if (binary) return socket.close(1003);
        const text = answer(data.toString(), data.length);
        if (text !== undefined) socket.send(text);
      });
    }
    case "/room":
      room.add(socket);
      return socket.on("close", () => room.delete(socket));
    case "/publish":
      return socket.on("message", (data) => {
        const { text } = JSON.parse(data.toString()).params;
        const message = JSON.stringify({ jsonrpc: "2.0", method: "message", params: { from: "publisher", text } });
        for (const receiver of room) receiver.send(message);
      });
    default:
      return socket.on("message", (data, binary) => socket.send(data, { binary }));
  }
}

server.on("upgrade", async (request, socket, head) => {
  socket.on("error", () => {});
  const client = { ip: request.socket.remoteAddress };
  if (request.url === "/checked") {
    const { status, ...identity } = await admission(request.headers.origin, request.headers.authorization);
    if (status !== undefined) return socket.end(`HTTP/1.1 ${status} Refused\r\nConnection: close\r\n\r\n`);
    Object.assign(client, identity);
  }
  sockets.handleUpgrade(request, socket, head, (webSocket) => open(request.url, webSocket, client));
});
server.on("tlsClientError", () => {});
server.listen(0, "127.0.0.1", () => {
  process.stdout.write(JSON.stringify({ event: "listening", port: server.address().port }) + "\n");
});

/** `Bun.serve`, as its manual shows it: `/ws` echoes bare, `/room` hears what `/publish` says. Settings as JSON in BENCH_SERVER. */
/* global Bun */
import process from "node:process";

const settings = JSON.parse(process.env.BENCH_SERVER);
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  tls: { cert: Bun.file(settings.certFile), key: Bun.file(settings.keyFile) },
  fetch(request, server) {
    const { pathname } = new URL(request.url);
    if (server.upgrade(request, { data: { pathname } })) return undefined;
    return new Response("Upgrade", { status: 426 });
  },
  websocket: {
    perMessageDeflate: false,
    open(socket) {
      if (socket.data.pathname === "/room") socket.subscribe("room");
    },
    message(socket, message) {
      if (socket.data.pathname !== "/publish") return socket.send(message);
      const { text } = JSON.parse(message).params;
      return server.publish(
        "room",
        JSON.stringify({ jsonrpc: "2.0", method: "message", params: { from: "publisher", text } }),
      );
    },
  },
});
process.stdout.write(JSON.stringify({ event: "listening", port: server.port }) + "\n");

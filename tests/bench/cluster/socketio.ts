// deno-lint-ignore-file no-console -- the bench reads the port, and shows errors
/**
 * Socket.IO with its Redis adapter, as the manual shows it: a client that sends `join` is in the room, and `say` sends an
 * event to the room, on all nodes. The argument is the path of Redis' unix socket. Prints the port.
 */
import { createServer } from "node:http";
import { createClient } from "@redis/client";

/** Packages that only this bench needs. They are loaded by name, so that the project does not depend on them. */
const [ADAPTER, SOCKET_IO] = ["npm:@socket.io/redis-adapter@8.3.0", "npm:socket.io@4.8.4"];
const { createAdapter } = await import(ADAPTER!);
const { Server } = await import(SOCKET_IO!);

interface IoSocket {
  join(room: string): void;
  emit(event: string): void;
  on(event: string, run: (from: number, count: number) => void): void;
}

const [path = ""] = Deno.args;
const [publisher, subscriber] = [1, 2].map(() =>
  createClient({ socket: { path, tls: false }, username: "tester", password: "x" })
);
for (const client of [publisher!, subscriber!]) client.on("error", (error) => console.error(String(error)));
await Promise.all([publisher!.connect(), subscriber!.connect()]);

const http = createServer();
// The receivers of the bench answer no pings.
const io = new Server(http, {
  adapter: createAdapter(publisher, subscriber),
  transports: ["websocket"],
  pingInterval: 600_000,
});
io.on("connection", (socket: IoSocket) => {
  socket.on("join", () => {
    socket.join("r");
    socket.emit("joined");
  });
  socket.on("say", (from, count) => {
    for (let n = from; n < from + count; n++) io.to("r").emit("message", { n });
  });
});
http.listen(0, "127.0.0.1", () => {
  const address = http.address();
  console.log(typeof address === "object" ? address?.port : 0);
});

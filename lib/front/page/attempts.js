/** Messages that the server refuses, to try. Each gets an open socket. */

const FLOOD = 300;
const TOO_BIG = 70_000; // characters; messages.max_bytes is 64 KiB unless it was changed

function request(method, params) {
  return JSON.stringify({ jsonrpc: "2.0", id: crypto.randomUUID(), method, params });
}

export const ATTEMPTS = [
  { id: "bad-json", label: "Bad JSON", run: (socket) => socket.send('{"jsonrpc": "2.0", ') },
  { id: "invalid-request", label: "Not a request", run: (socket) => socket.send('{"hello": "world"}') },
  { id: "unknown-method", label: "Unknown method", run: (socket) => socket.send(request("no.such.method", {})) },
  {
    id: "invalid-params",
    label: "Invalid parameters",
    run: (socket) => socket.send(request("chat.send", { room: 42, text: [] })),
  },
  {
    id: "too-big",
    label: "Too big a message",
    run: (socket) => socket.send("x".repeat(TOO_BIG), `(${TOO_BIG.toLocaleString("en")} characters)`),
  },
  {
    id: "binary",
    label: "Binary message",
    run: (socket) => socket.send(new Uint8Array([1, 2, 3]), "(3 bytes, binary)"),
  },
  {
    id: "flood",
    label: `Flood of ${FLOOD}`,
    note: "Ends in a ban of a minute for this user.",
    run(socket) {
      for (let i = 0; i < FLOOD; i++) socket.send(request("session.whoami", {}));
    },
  },
];

/** What the inner gate refuses, to try. Each gets an open client. */

const FLOOD = 300;
const TOO_BIG = 70_000; // characters; messages.max_bytes is 64 KiB unless it was changed

function request(method, params) {
  return JSON.stringify({ jsonrpc: "2.0", id: crypto.randomUUID(), method, params });
}

export const ATTEMPTS = [
  { id: "bad-json", label: "Bad JSON", run: (client) => client.send('{"jsonrpc": "2.0", ') },
  { id: "invalid-request", label: "Not a request", run: (client) => client.send('{"hello": "world"}') },
  { id: "unknown-method", label: "Unknown method", run: (client) => client.send(request("no.such.method", {})) },
  {
    id: "invalid-params",
    label: "Invalid parameters",
    run: (client) => client.send(request("chat.send", { room: 42, text: [] })),
  },
  {
    id: "too-big",
    label: "Too big a message",
    run: (client) => client.send("x".repeat(TOO_BIG), `(${TOO_BIG.toLocaleString("en")} characters)`),
  },
  {
    id: "binary",
    label: "Binary message",
    run: (client) => client.send(new Uint8Array([1, 2, 3]), "(3 bytes, binary)"),
  },
  {
    id: "flood",
    label: `Flood of ${FLOOD}`,
    note: "Ends in a ban for a while, as it would for anybody.",
    run(client) {
      for (let i = 0; i < FLOOD; i++) client.send(request("session.whoami", {}));
    },
  },
];

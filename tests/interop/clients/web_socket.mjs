/** The `WebSocket` that a runtime has built in: Deno's, and that of Node (undici). The exchange comes as JSON in the argument. */
const { url, protocols, origin, room, text } = JSON.parse(
  (globalThis.Deno?.args ?? globalThis.process.argv.slice(2))[0],
);

const outcome = await new Promise((resolve) => {
  const socket = new WebSocket(url, { protocols, headers: { Origin: origin } });
  const seen = { opened: false, subprotocol: "", result: undefined, message: undefined };
  const call = (id, method, params) => socket.send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
  socket.addEventListener("open", () => {
    seen.opened = true;
    seen.subprotocol = socket.protocol;
    call(1, "topic.subscribe", { topic: "room:" + room });
  });
  socket.addEventListener("message", ({ data }) => {
    const { id, method, params, result } = JSON.parse(data);
    if (id === 1) call(2, "chat.send", { room, text });
    if (id === 2) seen.result = result;
    if (method === "topic.event") seen.message = params.data;
    if (seen.result !== undefined && seen.message !== undefined) socket.close(1000);
  });
  socket.addEventListener("error", () => seen.opened || resolve(seen));
  socket.addEventListener("close", () => resolve(seen));
});
// deno-lint-ignore no-console -- stdout is how the outcome leaves this program
console.log(JSON.stringify(outcome));
(globalThis.Deno ?? globalThis.process).exit(0);

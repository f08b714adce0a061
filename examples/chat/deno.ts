/**
 * Says one thing in the lobby and prints what is said there, from Deno:
 *
 *     TOKEN=… ORIGIN=https://app.example.com deno run -NE deno.ts wss://ws.example.com/ws "Good morning"
 */
import { createClient } from "@sallyport/client";
import type { Contract } from "./contract.ts";

const [url = "wss://localhost:8443/ws", text = "Good morning"] = Deno.args;
const origin = Deno.env.get("ORIGIN") ?? "https://localhost:8443";

/** The server lets in only origins that it knows. */
class WithOrigin extends WebSocket {
  constructor(address: string | URL, given?: string | string[] | WebSocketOptions) {
    const { protocols, headers } = given as WebSocketOptions;
    super(address, { ...(protocols ? { protocols } : {}), headers: { ...headers as Record<string, string>, origin } });
  }
}

await using client = createClient<Contract>(url, {
  subprotocol: "chat.v1",
  token: () => Deno.env.get("TOKEN") ?? null,
  env: { WebSocket: WithOrigin as typeof WebSocket },
});
// deno-lint-ignore no-console -- a script that prints
client.subscribe("room:lobby").on("message", (data) => console.log("message", JSON.stringify(data)));
await client.connect();
await client.call("chat.send", { room: "lobby", text });

/**
 * Says one thing in the lobby and prints what is said there, from Node 20 or later:
 *
 *     npm install @sallyport/client ws
 *     TOKEN=… ORIGIN=https://app.example.com node node.mjs wss://ws.example.com/ws "Good morning"
 */
import { createClient } from "@sallyport/client";
import WebSocket from "ws";
/** @import { Client } from "@sallyport/client" */
/** @import { Contract } from "./contract.ts" */

const [, , url, text = "Good morning"] = process.argv;

/** The server lets in only origins that it knows. */
class WithOrigin extends WebSocket {
  constructor(address, protocols, options) {
    super(address, protocols, { ...options, origin: process.env.ORIGIN });
  }
}

/** @type {Client<Contract>} */
const client = createClient(url, {
  subprotocol: "chat.v1",
  token: () => process.env.TOKEN ?? null,
  env: { WebSocket: /** @type {any} */ (WithOrigin) },
});
// deno-lint-ignore no-console -- a script that prints
client.subscribe("room:lobby").on("message", (data) => console.log("message", JSON.stringify(data)));
await client.connect();
await client.call("chat.send", { room: "lobby", text });
await client.close();

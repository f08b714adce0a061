/**
 * A chat room in a page. `client.js` beside it is `client/dist/mod.js`, which `deno task client` builds; `/token` is an
 * address of the application that answers with a token for the signed-in user.
 */
import { createClient } from "@sallyport/client";
/** @import { Client } from "@sallyport/client" */
/** @import { Contract } from "../contract.ts" */

const ROOM = "lobby";
const server = document.documentElement.dataset.server ?? "/ws";
const byId = (id) => document.getElementById(id);
const input = document.querySelector("input");

/** @type {Client<Contract>} */
const client = createClient(server, {
  subprotocol: "chat.v1",
  async token({ signal }) {
    const response = await fetch("/token", { method: "POST", signal });
    return response.status === 401 ? null : await response.text(); // null: signed out
  },
});

client.on("state", (state, why) => {
  byId("state").textContent = why === null ? state : `${state}: ${why.code} ${why.reason}`;
});

// On each new connection again.
client.subscribe(`room:${ROOM}`).on("message", ({ from, text }) => {
  const line = document.createElement("p");
  line.textContent = `${from}: ${text}`;
  byId("messages").append(line);
});

byId("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    await client.call("chat.send", { room: ROOM, text: input.value });
    input.value = "";
    byId("problem").textContent = "";
  } catch (error) {
    show(error);
  }
});

/** `outcome` says whether it is safe to send it again: not after `unknown`. */
function show({ outcome, message }) {
  byId("problem").textContent = `${outcome}: ${message}`;
}

client.connect().catch(show);

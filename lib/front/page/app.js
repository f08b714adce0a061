/** The development page: wires the form, the chat and the lists to one client. Everything is shown by textContent. */
import { ATTEMPTS } from "./attempts.js";
import { createClient, requestTicket } from "./client.js";
import { CLOSE_REASONS, closeMeaning, CLOSES, ERRORS, meaning, REASONS } from "./meanings.js";

const MOST_ENTRIES = 200;
const MOST_CHARACTERS = 300;

const byId = (id) => document.getElementById(id);
let client;

/** An element with text, a class, and children. */
function element(name, { text, kind, children = [] } = {}) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (kind !== undefined) made.className = kind;
  made.append(...children);
  return made;
}

/** Adds to the traffic list, newest first: `direction` is in, out or note; `explained` is the meaning of a code in it. */
function record(direction, text, explained) {
  const shown = text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}…` : text;
  const time = element("time", { text: new Date().toLocaleTimeString("en-GB") });
  const children = [time, element("code", { text: shown })];
  if (explained !== undefined) children.push(element("p", { text: explained }));
  const entry = element("li", { kind: explained === undefined ? direction : `${direction} refused`, children });
  byId("traffic").prepend(entry);
  while (byId("traffic").children.length > MOST_ENTRIES) byId("traffic").lastChild.remove();
}

function showStatus(state, text) {
  byId("status").dataset.state = state;
  byId("status").textContent = text;
  const open = state === "open";
  byId("open").disabled = state !== "closed";
  byId("close").disabled = state === "closed";
  for (const id of ["join", "leave", "who", "send"]) byId(id).disabled = !open;
  for (const button of byId("attempts").children) button.disabled = !open;
}

function showRefusal(text) {
  byId("refusal").hidden = text === "";
  byId("refusal").textContent = text;
}

function token() {
  return byId("token").value.trim();
}

/** Turns what `/ticket` answered into a sentence. */
function explainTicket({ ticket, status, reason, retryAfter }) {
  if (ticket !== undefined) {
    return "The server would give this token a ticket: origin and token are good. What else it refused, its log says.";
  }
  const wait = retryAfter === null ? "" : ` Retry after ${retryAfter} s.`;
  return `Refused with ${status} ${reason}: ${meaning(REASONS, reason)}${wait}`;
}

/** A browser hides the answer to a failed handshake, so ask where the answer can be read. */
async function askWhy() {
  const shown = byId("carrier").value === "nothing" ? "" : token();
  const answer = await requestTicket(shown).catch(() => undefined);
  const text = answer === undefined ? "The server does not answer." : explainTicket(answer);
  record("note", "POST /ticket", text);
  return text;
}

const events = {
  open(subprotocol) {
    showStatus("open", `connected, ${subprotocol}`);
    record("note", `Connected with subprotocol ${subprotocol}`);
  },
  sent: (text) => record("out", text),
  received: (text, error) => record("in", text, error === undefined ? undefined : meaning(ERRORS, error?.code)),
  notified(method, params) {
    if (method === "chat.message") showMessage(String(params.from), String(params.text));
    if (method === "chat.joined") showMessage(String(params.user), "has joined");
    if (method === "chat.left") showMessage(String(params.user), "has left");
  },
  async closed(code, reason, wasOpen) {
    client = undefined;
    showStatus("closed", "not connected");
    const name = `${code}${reason === "" ? "" : ` ${reason}`}`;
    record("note", `Closed: ${name}`, closeMeaning(code, reason));
    if (wasOpen) return showRefusal(code === 1000 ? "" : `Closed with ${name}: ${closeMeaning(code, reason)}`);
    showRefusal("The handshake was refused. Asking why…");
    const subprotocol = byId("subprotocol").value;
    showRefusal(`The handshake for ${subprotocol} was refused. ${await askWhy()}`);
  },
};

async function connect() {
  showRefusal("");
  showStatus("connecting", "connecting…");
  const url = new URL("/ws", location.href);
  url.protocol = "wss:";
  const protocols = [byId("subprotocol").value];
  const carrier = byId("carrier").value;
  if (carrier === "subprotocol" && token() !== "") protocols.push(`bearer.${token()}`);
  if (carrier === "ticket") {
    const answer = await requestTicket(token()).catch(() => ({ status: 0, reason: "", retryAfter: null }));
    if (answer.ticket === undefined) {
      showStatus("closed", "not connected");
      return showRefusal(explainTicket(answer));
    }
    url.searchParams.set("ticket", answer.ticket);
  }
  try {
    client = createClient(url, protocols, events);
  } catch {
    showStatus("closed", "not connected");
    showRefusal("This token can't travel as a subprotocol entry: it has characters that no token has.");
  }
}

function showMessage(from, text) {
  const list = byId("messages");
  list.append(element("li", { children: [element("b", { text: from }), element("span", { text })] }));
  while (list.children.length > MOST_ENTRIES) list.firstChild.remove();
  list.lastChild.scrollIntoView({ block: "nearest" });
}

async function showPresence() {
  const { result } = await client?.call("chat.who", { room: byId("room").value }) ?? {};
  if (result === undefined) return;
  const present = Array.isArray(result) ? result : Object.values(result).find(Array.isArray) ?? [];
  const names = present.map((one) => typeof one === "string" ? one : `${one.user} (${one.connections})`);
  byId("present").textContent = names.join(", ") || "nobody";
}

/** Runs `action` instead of what the form would do. */
function onSubmit(id, action) {
  byId(id).addEventListener("submit", (event) => {
    event.preventDefault();
    action();
  });
}

function onClick(id, action) {
  byId(id).addEventListener("click", action);
}

function fillList(id, table) {
  for (const [code, text] of table) byId(id).append(element("dt", { text: String(code) }), element("dd", { text }));
}

function takeTokenFromAddress() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given === null) return;
  byId("token").value = given;
  history.replaceState(null, "", location.pathname); // out of the address bar and the history
}

onSubmit("connect", connect);
onClick("close", () => client?.close());
onClick("why", async () => showRefusal(await askWhy()));
onClick("clear", () => byId("traffic").replaceChildren());
onSubmit("room-form", async () => {
  await client?.call("chat.join", { room: byId("room").value });
  await showPresence();
});
onClick("leave", async () => {
  await client?.call("chat.leave", { room: byId("room").value });
  await showPresence();
});
onClick("who", showPresence);
onSubmit("send-form", async () => {
  const echo = byId("subprotocol").value === "echo.v1";
  const text = byId("text").value;
  byId("text").value = "";
  if (echo) await client?.call("echo", { text });
  else await client?.call("chat.send", { room: byId("room").value, text });
});
for (const { id, label, note, run } of ATTEMPTS) {
  const button = element("button", { text: label });
  button.id = id;
  button.type = "button";
  if (note !== undefined) button.title = note;
  button.addEventListener("click", () => client !== undefined && run(client));
  byId("attempts").append(button);
}
fillList("reasons", REASONS);
fillList("errors", ERRORS);
fillList("closes", CLOSES);
fillList("close-reasons", CLOSE_REASONS);
takeTokenFromAddress();
addEventListener("hashchange", takeTokenFromAddress);
showStatus("closed", "not connected");

/** The development page: a chat on the client library, and the two gates to try. */
import { createClient } from "../../../client/mod.ts";
import { requestTicket, requestToken } from "./ask.js";
import { ATTEMPTS } from "./attempts.js";
import { createRoom } from "./chat.js";
import { CLOSE_REASONS, closeMeaning, CLOSES, ERRORS, meaning, REASONS } from "./meanings.js";
import { parse, recordingSocket } from "./socket.js";
import {
  byId,
  element,
  fillList,
  record,
  showAnswer,
  showMessage,
  showNotice,
  showPresent,
  showStatus,
} from "./view.js";
import { explainCall, explainEnd, explainRefusal } from "./words.js";

const TOKEN = "token";
/** The close code of a connection that this page breaks: any code that the library does not know. */
const BROKEN_BY_PAGE = 4000;

/** The client and its state; null before the first, and after `Disconnect`. */
let current = null;

const token = () => byId("token").value.trim();

class Connection {
  constructor() {
    const carrier = byId("carrier").value;
    this.token = carrier === "nothing" ? undefined : token();
    this.subprotocol = byId("subprotocol").value;
    this.socket = null;
    this.room = null;
    this.everOpen = false;
    this.lastEnd = "";
    /** An attempt has been sent: the next answer is shown beside its button. */
    this.attempting = false;
    const WebSocket = recordingSocket({
      opened: (socket) => this.socket = socket,
      sent: (text) => record("out", text),
      received: (text) => this.received(text),
      ended: (socket, code, reason) => this.ended(socket, code, reason),
    });
    this.client = createClient("/ws", {
      subprotocol: this.subprotocol,
      ...(carrier === "nothing" ? {} : { via: carrier, token: (ask) => this.giveToken(ask) }),
      env: { WebSocket },
    });
    this.client.on("state", (state, why) => this.became(state, why));
    // The state reports a failed attempt too.
    this.client.on("error", (error) => this.client.state === "open" && record("note", String(error)));
  }

  /** The server replaces a valid token; there is no replacement for a refused one. */
  async giveToken({ why, signal }) {
    if (why === "connect") return this.token;
    const renewed = await requestToken(this.token, this.client.user?.user ?? "", signal);
    if (renewed === null) return null;
    this.token = renewed;
    if (this === current) keepToken(renewed);
    return renewed;
  }

  start() {
    this.client.connect().catch(() => {}); // the states report it
    if (this.subprotocol === "chat.v1") this.enter(byId("room").value);
  }

  async stop() {
    await this.client.close();
  }

  became(state, why) {
    if (this !== current) return;
    const usable = state !== "closed" && this.subprotocol !== "nonsense.v9";
    if (state === "open") this.opened(usable);
    if (state === "connecting") showStatus("connecting", "Connecting…", { usable });
    if (state === "waiting") this.lost(why, usable);
    if (state === "closed") this.closed(why);
  }

  opened(usable) {
    const { user, roles } = this.client.user;
    showStatus("open", `Connected as ${user}`, { usable });
    if (this.everOpen) showNotice("Connected again.", "told");
    else showNotice("");
    record("note", `Connected as ${user}, roles: ${roles.join(", ") || "none"}`);
    this.everOpen = true;
    offerSecond(this.token);
  }

  lost(why, usable) {
    const text = this.lastEnd = explainEnd(why);
    const what = this.everOpen ? "Connection lost" : "Not connected yet";
    showStatus("waiting", `${what}, trying again`, { usable, retryInMs: why.retryInMs });
    showPresent([]);
    showNotice(text, why.code === 1000 ? "told" : "refused");
    record("note", what, text);
    if (!this.everOpen && why.code === 1006 && why.reason === "") this.askWhy();
  }

  closed(why) {
    showStatus("closed", "Not connected");
    showPresent([]);
    const clean = why.code === 1000 && why.reason === "";
    // Without another token after a refusal, the refusal is the reason to show.
    const refused = why.reason === "signed_out" && this.lastEnd;
    const text = clean ? "Disconnected." : refused ? `${refused} Sign a new one.` : explainEnd(why);
    showNotice(text, clean ? "told" : "refused");
    record("note", text);
  }

  /**
   * A browser hides the answer to a failed handshake. Asks by a ticket request, and stops when the next attempt would
   * fail in the same way.
   */
  async askWhy() {
    const answer = await requestTicket(this.token ?? "").catch(() => null);
    if (this !== current || this.client.state === "open") return;
    if (answer === null) {
      return showNotice("The server does not answer: it is not running, or takes no connection from this address.");
    }
    const text = answer.ticket === undefined
      ? explainRefusal(answer)
      : `The handshake for ${this.subprotocol} was refused, though origin and token are good. The server's log says why.`;
    current = null;
    showStatus("closed", "Not connected");
    showNotice(text);
    record("note", "The handshake was refused", text);
    await this.stop();
  }

  received(text) {
    const { method, params, error } = parse(text);
    const explained = error === undefined ? undefined : meaning(ERRORS, error?.code);
    record("in", text, explained);
    if (method === "session.reconnect" && this === current) {
      const seconds = (Number(params?.after_ms) / 1000).toFixed(1);
      showNotice(
        `The server restarts. A new connection opens within ${seconds} s, the old one stays until then.`,
        "told",
      );
      showStatus("open", "Connected, moving to a new connection", { usable: true });
    }
    if (error !== undefined && this.attempting) showAnswer(`Answered with ${error?.code}: ${explained}`);
  }

  ended(socket, code, reason) {
    const text = closeMeaning(code, reason);
    record("note", `Socket closed: ${code}${reason === "" ? "" : ` ${reason}`}`, code === 1000 ? undefined : text);
    if (this === current && socket !== this.socket && this.client.state === "open") {
      showStatus("open", `Connected as ${this.client.user.user}`, { usable: true });
      showNotice("Moved to a new connection; no message was lost.", "told");
    }
    if (socket === this.socket && this.attempting) {
      showAnswer(`Closed with ${code} ${reason}: ${text}`);
      this.attempting = false;
    }
  }

  attempt(run) {
    if (this.socket === null || this.socket.readyState !== WebSocket.OPEN) return;
    showAnswer("Sent, waiting for the answer…");
    this.attempting = true;
    run(this.socket);
  }

  enter(name) {
    this.leave();
    this.room = createRoom(
      this.client,
      name,
      {
        message: (from, text) => this === current && showMessage(from, text),
        event: (user, what) => this === current && showMessage(user, what, "event"),
        present: (users) => this === current && showPresent(users),
      },
      (error) => record("note", explainCall(error)),
      (reason) => record("note", `The room is denied: ${reason}`),
    );
  }

  leave() {
    this.inBackground(this.room?.leave());
    this.room = null;
  }

  async say(text) {
    byId("sent").textContent = this.client.state === "open" ? "" : "Waiting for the connection…";
    try {
      if (this.subprotocol === "echo.v1") {
        const answer = await this.client.call("echo", { text });
        showMessage("echo", answer.text);
      } else if (this.room === null) byId("sent").textContent = "Join a room first.";
      else await this.room.say(text);
      if (byId("sent").textContent.startsWith("Waiting")) byId("sent").textContent = "";
    } catch (error) {
      byId("sent").textContent = explainCall(error);
    }
  }

  async inBackground(promise) {
    try {
      await promise;
    } catch (error) {
      if (this !== current || this.client.state === "closed") return;
      const text = explainCall(error);
      record("note", text);
      byId("sent").textContent = text;
    }
  }
}

async function connect() {
  const before = current;
  current = null;
  await before?.stop();
  showNotice("");
  showPresent([]);
  keepToken(token());
  current = new Connection();
  current.start();
}

let offering;
/** Opens the page for a second user, with a token of the development server. */
async function offerSecond(own) {
  offering?.abort();
  const { signal } = offering = new AbortController();
  const name = byId("second").value.trim();
  const signed = own === undefined || name === "" ? null : await requestToken(own, name, signal);
  if (signal.aborted) return;
  const link = byId("second-link");
  link.hidden = signed === null;
  if (signed === null) return link.removeAttribute("href");
  byId("second-user").hidden = false;
  link.href = `/#token=${signed}`;
  link.textContent = `Open a tab as ${name}`;
}

/** Keeps the token for a reload of this tab. If the browser forbids storage, the field is empty. */
function keepToken(value) {
  byId("token").value = value;
  try {
    sessionStorage.setItem(TOKEN, value);
  } catch {
    // nothing is stored
  }
}

function keptToken() {
  try {
    return sessionStorage.getItem(TOKEN) ?? "";
  } catch {
    return "";
  }
}

/** Reads the token from the fragment, and removes it from the address bar and the history. */
function takeToken() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given === null) return false;
  history.replaceState(null, "", location.pathname);
  keepToken(given);
  return true;
}

/** Runs `action` instead of the form's default. */
function onSubmit(id, action) {
  byId(id).addEventListener("submit", (event) => {
    event.preventDefault();
    action();
  });
}

onSubmit("connect", connect);
byId("close").addEventListener("click", () => current?.stop());
byId("break").addEventListener("click", () => current?.socket?.close(BROKEN_BY_PAGE, "broken by this page"));
byId("clear").addEventListener("click", () => byId("traffic").replaceChildren());
byId("second").addEventListener("change", () => offerSecond(current?.token));
onSubmit("room-form", () => current?.enter(byId("room").value));
byId("leave").addEventListener("click", () => current?.leave());
onSubmit("send-form", () => {
  const text = byId("text").value;
  byId("text").value = "";
  current?.say(text);
});
for (const { id, label, note, run } of ATTEMPTS) {
  const button = element("button", { text: label });
  button.id = id;
  button.type = "button";
  if (note !== undefined) button.title = note;
  button.addEventListener("click", () => current?.attempt(run));
  byId("attempts").append(button);
}
fillList("reasons", REASONS);
fillList("errors", ERRORS);
fillList("closes", CLOSES);
fillList("close-reasons", CLOSE_REASONS);
showStatus("closed", "Not connected");
const given = takeToken();
if (!given) byId("token").value = keptToken();
if (token() !== "") connect();
else showNotice("To connect, open the address that serve --dev prints, or paste a token.", "told");
addEventListener("hashchange", () => takeToken() && connect());

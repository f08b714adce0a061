/** The display of the page. Everything is inserted as text. */

const MOST_ENTRIES = 200;
const MOST_CHARACTERS = 300;
const TICK_MS = 250;

export const byId = (id) => document.getElementById(id);

/** An element with text, a class, and children. */
export function element(name, { text, kind, children = [] } = {}) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (kind !== undefined) made.className = kind;
  made.append(...children);
  return made;
}

/** Adds to the list of events, newest first: `direction` is in, out or note; `explained` is the meaning of its code. */
export function record(direction, text, explained) {
  const shown = text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}…` : text;
  const time = element("time", { text: new Date().toLocaleTimeString("en-GB") });
  const name = element("b", { text: direction });
  const children = [time, name, element(direction === "note" ? "span" : "code", { text: shown })];
  if (explained !== undefined) children.push(element("p", { text: explained }));
  const entry = element("li", { kind: explained === undefined ? direction : `${direction} refused`, children });
  byId("traffic").prepend(entry);
  while (byId("traffic").children.length > MOST_ENTRIES) byId("traffic").lastChild.remove();
}

/** Shows the state of the connection. `usable`: calls are sent, or wait for a connection. */
export function showStatus(state, text, { usable = false, retryInMs } = {}) {
  byId("status").dataset.state = state;
  if (byId("status").textContent !== text) byId("status").textContent = text;
  const open = state === "open";
  byId("open").textContent = state === "closed" ? "Connect" : "Connect again";
  byId("close").disabled = state === "closed";
  byId("break").disabled = !open;
  for (const id of ["join", "leave", "send"]) byId(id).disabled = !usable;
  for (const button of byId("attempts").children) button.disabled = !open;
  countDown(retryInMs);
}

let ticking;
/** Shows the seconds until the next attempt, hidden from screen readers, which would read them continuously. */
function countDown(ms) {
  clearInterval(ticking);
  byId("countdown").textContent = "";
  if (ms === undefined) return;
  const due = performance.now() + ms;
  const tick = () => {
    const left = Math.max(0, due - performance.now());
    byId("countdown").textContent = `next attempt in ${(left / 1000).toFixed(1)} s`;
  };
  tick();
  ticking = setInterval(tick, TICK_MS);
}

/** Shows a notice: `kind` is refused or told; an empty text hides it. */
export function showNotice(text, kind = "refused") {
  const notice = byId("notice");
  notice.hidden = text === "";
  notice.className = `notice ${kind}`;
  notice.textContent = text;
}

export function showMessage(from, text, kind = "said") {
  const list = byId("messages");
  list.append(element("p", { kind, children: [element("b", { text: from }), element("span", { text })] }));
  while (list.children.length > MOST_ENTRIES) list.firstChild.remove();
  list.scrollTop = list.scrollHeight;
}

export function showPresent(users) {
  const names = users.map(({ user, connections }) => connections > 1 ? `${user} (${connections} connections)` : user);
  byId("present").textContent = names.join(", ") || "no users known yet";
}

/** Shows the last answer to an attempt, scrolled into view. */
export function showAnswer(text) {
  byId("answer").textContent = text;
  byId("answer").scrollIntoView({ block: "nearest" });
}

export function fillList(id, table) {
  for (const [code, text] of table) byId(id).append(element("dt", { text: String(code) }), element("dd", { text }));
}

/** A room of the chat: shows its messages, and its users by regular requests of presence. */

/** Time between two requests of presence. */
const PRESENCE_MS = 2_000;

/**
 * Follows a room of `client` until `leave`, on each new connection again. `show` gets `message(from, text)`, `event(user,
 * what)` and `present(list)`, a list of `{ user, connections }`; `failed` gets errors of calls in the background, `denied` why the
 * server denies the room.
 */
export function createRoom(client, name, show, failed, denied) {
  const topic = client.subscribe(`room:${name}`);
  /** Names of the users at the last look; null before the first. */
  let users = null;
  let timer;

  async function look() {
    try {
      const present = await topic.presence();
      if (topic.state !== "live") return;
      const now = new Set(present.map(({ user }) => user));
      for (const user of users ?? []) if (!now.has(user)) show.event(user, "has left");
      for (const user of users === null ? [] : now) if (!users.has(user)) show.event(user, "has joined");
      users = now;
      show.present(present);
    } catch (error) {
      failed(error);
    }
  }

  topic.on("message", ({ from, text }) => show.message(String(from), String(text)));
  topic.onState((state, reason) => {
    clearInterval(timer);
    if (state === "live") {
      look();
      timer = setInterval(look, PRESENCE_MS);
    } else {
      users = null;
      show.present([]);
    }
    if (state === "denied") denied(String(reason));
  });

  return {
    /** @throws {CallError} */
    say: (text) => client.call("chat.send", { room: name, text }),
    leave: () => topic.close(),
  };
}

/** A room of the chat: enters it, enters it again on each new connection, and shows its users. */

/** Minimum time between two requests of presence. */
const PRESENCE_PAUSE_MS = 150;
/** Maximum time that entering waits for a connection. */
const ENTER_TIMEOUT_MS = 60_000;

/**
 * Creates a room of `client`. `show` gets `message(from, text)`, `event(user, what)` and `present(list)`, a list of `{
 * user, connections }`; `failed` gets errors of calls in the background.
 */
export function createRoom(client, name, show, failed) {
  let timer;
  let left = false;
  let entering;

  async function askPresence() {
    timer = undefined;
    try {
      const { users } = await client.call("chat.who", { room: name });
      if (!left) show.present(users);
    } catch (error) {
      failed(error);
    }
  }

  function presenceChanged() {
    timer ??= setTimeout(askPresence, PRESENCE_PAUSE_MS);
  }

  const stop = client.on("notification", (method, params) => {
    if (method === "chat.message") show.message(String(params.from), String(params.text));
    if (method === "chat.joined") show.event(String(params.user), "has joined");
    if (method === "chat.left") show.event(String(params.user), "has left");
    if (method === "chat.joined" || method === "chat.left") presenceChanged();
  });

  return {
    name,
    /**
     * Enters once, on the connection for the next calls.
     *
     * @throws {CallError} if the call fails
     */
    async enter() {
      entering ??= client.call("chat.join", { room: name }, { timeout: ENTER_TIMEOUT_MS });
      try {
        await entering;
      } finally {
        entering = undefined;
      }
      presenceChanged();
    },
    /** @throws {CallError} */
    say: (text) => client.call("chat.send", { room: name, text }),
    /** @throws {CallError} */
    async leave() {
      left = true;
      clearTimeout(timer);
      stop();
      show.present([]);
      if (client.state === "open") await client.call("chat.leave", { room: name });
    },
  };
}

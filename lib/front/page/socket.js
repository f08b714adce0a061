/** The WebSocket that the client library gets from this page: it shows what passes, and sends what the library would not. */

/**
 * Makes the constructor for `Options.env` of the library. `tell` hears of everything: `opened(socket)`, `sent(text)`,
 * `received(text)`, `ended(socket, code, reason)`.
 */
export function recordingSocket(tell) {
  return class extends WebSocket {
    constructor(url, protocols) {
      super(url, protocols);
      this.addEventListener("open", () => tell.opened(this));
      this.addEventListener("close", ({ code, reason }) => tell.ended(this, code, reason));
      this.addEventListener("message", ({ data }) => {
        tell.received(typeof data === "string" ? data : `(${data.size} bytes, binary)`);
      });
    }

    /** Sends anything; `shown` is what is shown instead of it. */
    send(data, shown = data) {
      super.send(data);
      tell.sent(shown);
    }
  };
}

/** The message as an object; an empty one for a batch and for what is no JSON. */
export function parse(text) {
  try {
    const value = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
  } catch {
    return {};
  }
}

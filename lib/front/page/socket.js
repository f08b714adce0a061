/** The WebSocket of the client library in this page: shows messages, and sends messages that the library would not. */

/**
 * Creates the constructor for `Options.env` of the library. `tell` gets `opened(socket)`, `sent(text)`,
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

    /** Sends any text; `shown` is displayed instead of it. */
    send(data, shown = data) {
      super.send(data);
      tell.sent(shown);
    }
  };
}

/** Parses a message to an object; empty for a batch or invalid JSON. */
export function parse(text) {
  try {
    const value = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
  } catch {
    return {};
  }
}

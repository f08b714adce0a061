/** Runs deferred work after the event loop has polled every socket, so that it never delays input. */

/**
 * Runs functions after the event loop has polled every socket and the input has been processed.
 *
 * `setImmediate` guarantees that in Node, not in Deno 2.9: its event loop polls sockets only when it is idle, or after
 * 61 rounds (tokio's `event_interval`). Code that schedules work repeatedly delays all input by the time of 61 rounds.
 * Therefore a byte is sent through a socket pair: when it arrives, the loop has polled.
 */
export class Polls {
  #pair: Pair | undefined;
  #waiting: (() => void)[] = [];

  /**
   * Opens the socket pair, over a unix socket if possible. Before that, and after {@linkcode close}, `setImmediate` is
   * used.
   *
   * @throws {Error} if the pair can't be opened
   */
  async open(): Promise<void> {
    this.#pair = await unixPair().catch(loopbackPair);
  }

  close(): void {
    for (const end of this.#pair ?? []) end.close();
    this.#pair = undefined;
  }

  /** Calls `run` once. Functions that are added before the next poll run together, in order. */
  readonly after = (run: () => void): void => {
    if (this.#waiting.push(run) === 1) void this.#look();
  };

  async #look(): Promise<void> {
    try {
      // The read finds no data and waits for a poll; the byte is sent after that.
      if (this.#pair) await Promise.all([this.#pair[0].read(new Uint8Array(1)), this.#pair[1].write(BYTE)]);
    } catch {
      // closed
    }
    // The byte may be read before other sockets of the same poll; the next round is after all of them.
    setImmediate(() => setImmediate(() => this.#run()));
  }

  #run(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    // An exception in one function does not affect the others.
    for (const run of waiting) queueMicrotask(run);
  }
}

const BYTE = new Uint8Array(1);

type Pair = readonly [Deno.Conn, Deno.Conn];

/** Opens a pair through a unix socket in a private folder, which is removed once both ends are open. */
async function unixPair(): Promise<Pair> {
  const folder = await Deno.makeTempDir({ prefix: "sallyport-" });
  try {
    const path = `${folder}/polls`;
    using listener = Deno.listen({ transport: "unix", path });
    return await Promise.all([Deno.connect({ transport: "unix", path }), listener.accept()]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function loopbackPair(): Promise<Pair> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const near = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  near.setNoDelay(true);
  for (;;) {
    const far = await listener.accept();
    if (far.remoteAddr.port === near.localAddr.port) return [near, far];
    // Another process on this machine connected first.
    far.close();
  }
}

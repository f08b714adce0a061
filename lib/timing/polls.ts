/** Says when the event loop has looked at its sockets: what may wait goes on then, and keeps nobody from being heard. */

/**
 * Runs functions after the event loop has looked at every socket, and after what came on them was read and passed on.
 *
 * `setImmediate` promises that in Node, not in Deno 2.9: its loop looks at sockets only when nothing else is left to do,
 * or after 61 rounds (tokio's `event_interval`). Code that schedules one piece of work behind the other keeps all others
 * waiting for the time of 61. So a byte is sent to ourselves: when it has come, the loop has looked.
 */
export class Polls {
  #pair: Pair | undefined;
  #waiting: (() => void)[] = [];

  /**
   * Connects to ourselves, over a unix socket if possible. Until then, and after {@linkcode close}, `setImmediate` has to do.
   *
   * @throws {Error} when that can't be
   */
  async open(): Promise<void> {
    this.#pair = await unixPair().catch(loopbackPair);
  }

  close(): void {
    for (const end of this.#pair ?? []) end.close();
    this.#pair = undefined;
  }

  /** Calls `run` once; what is asked for meanwhile comes together, in order. */
  readonly after = (run: () => void): void => {
    if (this.#waiting.push(run) === 1) void this.#look();
  };

  async #look(): Promise<void> {
    try {
      // Finding nothing, the read waits for the loop to look; the byte comes after that.
      if (this.#pair) await Promise.all([this.#pair[0].read(new Uint8Array(1)), this.#pair[1].write(BYTE)]);
    } catch {
      // closed
    }
    // The byte is there before the other sockets of the same look are read; the next round is after them.
    setImmediate(() => setImmediate(() => this.#run()));
  }

  #run(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    // One that throws takes no other with it.
    for (const run of waiting) queueMicrotask(run);
  }
}

const BYTE = new Uint8Array(1);

type Pair = readonly [Deno.Conn, Deno.Conn];

/** In a folder that is ours alone, and gone once both ends are open. */
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
    // Somebody else on this machine was faster.
    far.close();
  }
}

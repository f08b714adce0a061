/** Exit status after a second signal. */
export const INTERRUPTED = 130;

/**
 * A terminal signals every process of its group, and a parent may pass the signal on. Signals within this time count as
 * one.
 */
const SAME_WISH_MS = 100;

/** Reactions to signals. */
export interface Wishes {
  /** The first SIGTERM or SIGINT: drain and end. */
  stop(): void;
  /** A further one: end at once. */
  interrupt(): void;
  /** SIGHUP. */
  reload(): void;
}

/** Handles signals for the rest of the process. `now` is a monotonic clock in milliseconds. */
export function listenToSignals(wishes: Wishes, now: () => number = () => performance.now()): void {
  let first: number | undefined;
  const stop = () => {
    if (first === undefined) {
      first = now();
      wishes.stop();
    } else if (now() - first >= SAME_WISH_MS) {
      wishes.interrupt();
    }
  };
  Deno.addSignalListener("SIGTERM", stop);
  Deno.addSignalListener("SIGINT", stop);
  Deno.addSignalListener("SIGHUP", () => wishes.reload());
}

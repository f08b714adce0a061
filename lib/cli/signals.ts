/** Exit status of a process that a second signal ends at once. */
export const INTERRUPTED = 130;

/** A terminal signals every process of its group, and a parent may pass the signal on: that is still one wish. */
const SAME_WISH_MS = 100;

/** What an operator wants by a signal. */
export interface Wishes {
  /** The first SIGTERM or SIGINT: end in good order. */
  stop(): void;
  /** Another one: end at once. */
  interrupt(): void;
  /** SIGHUP. */
  reload(): void;
}

/** Listens to signals for the rest of the process. `now` is in milliseconds, monotonic. */
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

/** Bounds the time of calls. */

/** A call did not settle in time. It may still take effect. */
export class Late extends Error {
  override readonly name = "Late";
}

/** Time after a deadline for reading what has arrived: the least, and the most, after this process stood still. */
const LEAST_GRACE_MS = 5;
const MOST_GRACE_MS = 100;

/**
 * The promise, rejected with {@linkcode Late} after so many milliseconds. A timer that is late shows that this process
 * did not run. Then an answer may have arrived that it has not read yet, and it gets up to 100 ms to read it.
 */
export function within<T>(milliseconds: number, promise: Promise<T>): Promise<T> {
  const due = performance.now() + milliseconds;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    const judge = () => reject(new Late(`no answer in ${milliseconds} ms`));
    timer = setTimeout(() => {
      const grace = LEAST_GRACE_MS + performance.now() - due;
      timer = setTimeout(judge, Math.min(MOST_GRACE_MS, grace));
    }, milliseconds);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Waits, unless the signal ends it; never rejects. */
export function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(done, milliseconds);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
    signal.addEventListener("abort", done);
  });
}

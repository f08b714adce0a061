/** Watches single files. */

/** Interval of the checks. A change takes effect within a second, including the reaction to it. */
const INTERVAL_MS = 250;

export interface Watch {
  /** Ends the watch. The callback is not called after this. */
  close(): void;
}

/**
 * Calls back after the file at `path` has changed, appeared or been replaced; calls never overlap. It polls the file
 * instead of using notifications, which follow neither the symlink chains of mounted secrets nor network file systems.
 * The removal of a file is no change: the last contents stay in force.
 */
export function watchFile(path: string, changed: () => void | Promise<void>, intervalMs: number = INTERVAL_MS): Watch {
  let last = fileState(path);
  let busy = false;
  const timer = setInterval(async () => {
    if (busy) return;
    const state = fileState(path);
    if (state === null || state === last) return;
    last = state;
    busy = true;
    try {
      await changed();
    } finally {
      busy = false;
    }
  }, intervalMs);
  Deno.unrefTimer(timer);
  return { close: () => clearInterval(timer) };
}

/** A fingerprint that changes with the contents; null when there is no file. */
export function fileState(path: string): string | null {
  try {
    const { dev, ino, size, mtime, ctime } = Deno.statSync(path);
    return [dev, ino, size, mtime?.getTime(), ctime?.getTime()].join(" ");
  } catch {
    return null;
  }
}

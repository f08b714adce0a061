/** Watching of single files. */

/** How often a file is looked at. A change is acted on within a second, with time to spare for the acting. */
const INTERVAL_MS = 250;

export interface Watch {
  /** No call of the callback begins after this. */
  close(): void;
}

/**
 * Calls back after the file at `path` changed, appeared or was replaced; never two calls at once. It asks for the state of
 * the file instead of for the system's notifications: those follow neither the chains of links that secrets are mounted
 * through, nor network file systems. A file that vanishes is no change: what was last read stays in force.
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

/** What differs when the contents do; null when there is no such file. */
export function fileState(path: string): string | null {
  try {
    const { dev, ino, size, mtime, ctime } = Deno.statSync(path);
    return [dev, ino, size, mtime?.getTime(), ctime?.getTime()].join(" ");
  } catch {
    return null;
  }
}

/** The life cycle of a page: hidden, offline, frozen, in the back/forward cache. */
import type { PageTarget } from "./env.ts";

/**
 * Listens to life-cycle events until `signal` is aborted. `suspend`: the page stops running; browsers would not keep a
 * page with an open socket. `wake`: the page runs again, the network may be back, or the page is visible.
 */
export function watchPage(
  target: PageTarget | null | undefined,
  signal: AbortSignal,
  suspend: () => void,
  wake: () => void,
): void {
  // Some events are dispatched to the document without bubbling; in the capture phase all reach the window.
  const listen = (event: string, run: () => void) => target?.addEventListener(event, run, { capture: true, signal });
  listen("pagehide", suspend);
  listen("freeze", suspend);
  listen("pageshow", wake);
  listen("resume", wake);
  listen("online", wake);
  listen("visibilitychange", () => hidden(target) || wake());
}

/** Whether the page is hidden. */
export function hidden(target: PageTarget | null | undefined): boolean | undefined {
  return target?.document?.hidden;
}

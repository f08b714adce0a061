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
  const listeners = {
    pagehide: suspend,
    freeze: suspend,
    pageshow: wake,
    resume: wake,
    online: wake,
    visibilitychange: () => hidden(target) || wake(),
  };
  for (const [event, listener] of Object.entries(listeners)) {
    // Some events are dispatched to the document without bubbling; in the capture phase all reach the window.
    target?.addEventListener(event, listener, { capture: true, signal });
  }
}

/** Whether the page is hidden. */
export function hidden(target: PageTarget | null | undefined): boolean | undefined {
  return target?.document?.hidden;
}

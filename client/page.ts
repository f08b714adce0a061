/** What becomes of a page: hidden, offline, frozen, kept in the back/forward cache. */
import type { PageTarget } from "./env.ts";

/**
 * Listens to the events of a page's life until `signal` is aborted. `suspend`: the page stops running; with an open socket
 * browsers would not keep it. `wake`: it runs again, the network may be back, or somebody looks.
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
    // Some are sent to the document and don't bubble: captured, all arrive at the window.
    target?.addEventListener(event, listener, { capture: true, signal });
  }
}

/** Nobody can see the page. */
export function hidden(target: PageTarget | null | undefined): boolean | undefined {
  return target?.document?.hidden;
}

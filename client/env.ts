/** The environment: sockets, requests, time and randomness. Tests replace it. */
import { MAX_TIMER_MS } from "./limits.ts";
import type { Options } from "./types.ts";

/** Target of the page's life-cycle events: a window or a replacement. */
export interface PageTarget extends EventTarget {
  readonly document?: { readonly hidden: boolean };
}

/** The constructor of the platform, whose second argument may contain headers, or that of npm's `ws`. */
export type SocketConstructor = new (
  url: string,
  protocols: string[] | { protocols: string[]; headers: HeadersInit },
  options: { headers: HeadersInit },
) => WebSocket;

export interface Env {
  readonly WebSocket: SocketConstructor;
  readonly fetch: typeof fetch;
  readonly target: PageTarget | null | undefined;
  /** From 0 to below 1. */
  random(): number;
  /** Milliseconds since the epoch, by the local clock. */
  now(): number;
  /** Calls `run` once after `ms`. Returns a function that cancels it. */
  later(run: () => void, ms: number): () => void;
}

/** The platform's environment with the replacements of `Options.env`. */
export function platformEnv(given?: Options["env"]): Env {
  const page = globalThis as PageTarget & { WebSocket?: unknown };
  return {
    WebSocket: page.WebSocket,
    fetch,
    target: page.document && page,
    random: Math.random,
    now: Date.now,
    later(run, ms) {
      const timer = setTimeout(run, Math.min(ms, MAX_TIMER_MS));
      return () => clearTimeout(timer);
    },
    ...given,
  } as Env;
}

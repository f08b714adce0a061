/** The world outside: sockets, requests, time and chance. Tests bring their own. */
import { MAX_TIMER_MS } from "./limits.ts";
import type { Options } from "./types.ts";

/** Where the events of a page's life arrive: a window, or what stands for one. */
export interface PageTarget extends EventTarget {
  readonly document?: { readonly hidden: boolean };
}

/** Both shapes of constructor: the platform's, whose second argument may carry headers, and that of npm's `ws`. */
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
  /** Runs once, `ms` from now; returns what prevents it. */
  later(run: () => void, ms: number): () => void;
}

/** The platform's world, with the replacements of `Options.env`. */
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

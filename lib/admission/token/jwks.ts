/** Keys fetched from the issuer's `jwks_url`. */
import type { Algorithm } from "../../config/config.ts";
import type { Log } from "../../log/log.ts";
import { readJwks } from "./jwk_set.ts";
import { KeyError, KeySet, type KeySource } from "./keys.ts";
import { type FetchBounds, fetchText } from "./fetch_text.ts";

/** Bounds on requests to the issuer. All times are milliseconds. */
export interface RemoteKeysOptions extends FetchBounds {
  /** Minimum time between two requests, regardless of unknown `kid`s in tokens. */
  cooldownMs: number;
  /** Minimum time between two requests while there are no keys and no token can be verified. */
  emptyCooldownMs: number;
  /** How long a handshake with an unknown `kid` waits for a pending request. */
  waitMs: number;
  /** Age at which the set is fetched again, so that a withdrawn key goes even when no new key is used. */
  maxAgeMs: number;
}

export interface RemoteKeysDeps {
  readonly log: Log;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Monotonic clock in milliseconds, for the age of what was fetched. Default `now`. */
  readonly steady?: () => number;
  /** Instead of the global one, to trust another certificate authority. */
  readonly fetch?: typeof fetch;
  /** Times and sizes of `jwks_url`. */
  readonly remote?: Partial<RemoteKeysOptions>;
}

const DEFAULTS: RemoteKeysOptions = {
  cooldownMs: 30_000,
  emptyCooldownMs: 5_000,
  timeoutMs: 5_000,
  waitMs: 2_000,
  maxAgeMs: 600_000,
  maxBytes: 256 * 1024,
};

/**
 * A key set that is fetched, cached, and replaced as a whole by the next valid one.
 *
 * - The URL comes from the configuration only. No claim or header of a token leads to a request.
 * - `keys` never waits. While the issuer is down, slow or sends invalid sets, the last valid set stays in force.
 * - At most one request is pending. An unknown `kid` starts one when the cool-down is over; otherwise it waits for the
 *   pending one, if any.
 */
export class RemoteKeys implements KeySource {
  readonly #url: string;
  readonly #algorithms: readonly Algorithm[];
  readonly #deps: RemoteKeysDeps;
  readonly #options: RemoteKeysOptions;
  readonly #closing = new AbortController();
  #keys = new KeySet([], true);
  #fetchedAt = -Infinity;
  #askedAt = -Infinity;
  #request: Promise<void> | null = null;

  constructor(url: string, algorithms: readonly Algorithm[], deps: RemoteKeysDeps) {
    if (new URL(url).protocol !== "https:") throw new KeyError("auth.jwks_url must be https");
    this.#url = url;
    this.#algorithms = algorithms;
    this.#deps = deps;
    this.#options = { ...DEFAULTS, ...deps.remote };
  }

  /** Takes over the keys of a previous source with the same URL and algorithms, so that a reload keeps them. */
  succeed(previous: RemoteKeys): void {
    if (previous.#url !== this.#url || previous.#algorithms.join() !== this.#algorithms.join()) return;
    this.#keys = previous.#keys;
    this.#fetchedAt = previous.#fetchedAt;
  }

  get keys(): KeySet {
    if (this.#now() - this.#fetchedAt >= this.#options.maxAgeMs && this.#mayAsk()) void this.#ask();
    return this.#keys;
  }

  async missed(): Promise<KeySet> {
    const request = this.#request ?? (this.#mayAsk() ? this.#ask() : null);
    if (request !== null) await within(request, this.#options.waitMs);
    return this.#keys;
  }

  /** Never throws: while the issuer is down, only tokens with unknown keys are refused. */
  async reload(): Promise<void> {
    await (this.#request ?? this.#ask());
  }

  close(): void {
    this.#closing.abort();
  }

  #now(): number {
    return (this.#deps.steady ?? this.#deps.now)();
  }

  #mayAsk(): boolean {
    const { cooldownMs, emptyCooldownMs } = this.#options;
    const waited = this.#now() - this.#askedAt;
    // The difference is negative when the clock has been set back; the request is then made at once.
    return this.#request === null && !this.#closing.signal.aborted &&
      (waited >= (this.#keys.size === 0 ? emptyCooldownMs : cooldownMs) || waited < 0);
  }

  #ask(): Promise<void> {
    this.#askedAt = this.#now();
    this.#request = this.#fetch().finally(() => this.#request = null);
    return this.#request;
  }

  async #fetch(): Promise<void> {
    const { log } = this.#deps;
    try {
      const text = await fetchText(this.#url, this.#options, this.#closing.signal, this.#deps.fetch ?? fetch);
      const { keys, ignored } = await readJwks(text, this.#algorithms);
      this.#keys = keys;
      this.#fetchedAt = this.#now();
      log.debug("keys.fetched", { source: "auth.jwks_url", keys: keys.size, ignored });
    } catch (error) {
      const why = error instanceof KeyError ? error.message : "no answer";
      if (!this.#closing.signal.aborted) {
        log.warn("keys.unavailable", { source: "auth.jwks_url", error: why, kept: this.#keys.size });
      }
    }
  }
}

/** Waits for the promise, at most `ms` milliseconds. */
async function within(promise: Promise<void>, ms: number): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  try {
    await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

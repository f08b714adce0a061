/** Counts the free file descriptors of this process and keeps a reserve. */

import type { Log } from "../log/log.ts";

/** The file that {@linkcode Descriptors} opens to test for a free descriptor. Needs the permission to read it. */
export const PLACEHOLDER = "/dev/null";

/** Size of the reserve: enough for the operators' server, the store, the log and a restarted cell. */
const RESERVE = 16;
const SMALL_RESERVE = 4;

/** After this time a shortage is not caused by a flood, and the reserve is reduced. */
const LASTING_MS = 3_000;

/** Free descriptors beside the reserve at which a shortage ends. */
const RECOVERED = 4;

/** Interval of the checks. */
const INTERVAL_MS = 250;

/** An open descriptor. */
export interface Placeholder {
  close(): void;
}

export interface DescriptorsOptions {
  readonly log: Log;
  /** Monotonic clock, in milliseconds. */
  readonly now: () => number;
  /** Opens one descriptor, or throws. */
  readonly open?: () => Placeholder;
}

/**
 * Detects a shortage of descriptors and keeps a reserve: placeholders that are closed when no other descriptor is left,
 * and opened again when there are free ones. While {@linkcode short} is true, connections to the public port must not
 * use descriptors.
 *
 * Without a descriptor the platform fails at the place that needs one, and in some places ends the process. Work that
 * can wait must therefore not open any during a shortage.
 */
export class Descriptors {
  readonly #log: Log;
  readonly #now: () => number;
  readonly #open: () => Placeholder;
  #reserve: Placeholder[] = [];
  #timer: ReturnType<typeof setInterval> | undefined;
  #shortSince = -1;
  /** Size of the reserve without a shortage. */
  #size = RESERVE;

  constructor(options: DescriptorsOptions) {
    this.#log = options.log;
    this.#now = options.now;
    this.#open = options.open ?? openPlaceholder;
  }

  /** Whether only the reserve is left. */
  get short(): boolean {
    return this.#shortSince >= 0;
  }

  /** Number of descriptors that can be opened beside a full reserve, at most `most`. */
  available(most: number): number {
    const missing = RESERVE - this.#reserve.length;
    return Math.max(0, countDescriptors(most + missing, this.#open) - missing);
  }

  /** Opens the reserve and starts the checks. */
  start(): void {
    this.look();
    this.#timer = setInterval(() => this.look(), INTERVAL_MS);
  }

  /** Reports a failure for lack of a descriptor at `where`. Closes the reserve at once. */
  exhausted(where: string): void {
    release(this.#reserve.splice(0));
    if (this.short) return;
    this.#shortSince = this.#now();
    this.#log.error("descriptors.exhausted", { where });
  }

  stop(): void {
    clearInterval(this.#timer);
    release(this.#reserve.splice(0));
  }

  /** Checks for free descriptors. Called four times a second. */
  look(): void {
    const lasting = this.short && this.#now() - this.#shortSince >= LASTING_MS;
    if (lasting || this.#size < RESERVE) this.#size = this.#has(RESERVE + RECOVERED) ? RESERVE : SMALL_RESERVE;
    if (!this.#has(this.#size + (this.short ? RECOVERED : 1))) return this.exhausted("watch");
    while (this.#reserve.length < this.#size) this.#reserve.push(this.#open());
    release(this.#reserve.splice(this.#size));
    if (!this.short) return;
    this.#log.info("descriptors.recovered", { duration_ms: Math.round(this.#now() - this.#shortSince) });
    this.#shortSince = -1;
  }

  /** Whether `count` descriptors can be open, the reserve included. */
  #has(count: number): boolean {
    const missing = count - this.#reserve.length;
    return countDescriptors(missing, this.#open) >= missing;
  }
}

/** Number of descriptors that this process can open now, at most `most`. About 10 µs each. */
export function countDescriptors(most: number, open: () => Placeholder = openPlaceholder): number {
  const opened = openMany(most, open);
  release(opened);
  return opened.length;
}

function openMany(count: number, open: () => Placeholder): Placeholder[] {
  const opened: Placeholder[] = [];
  try {
    while (opened.length < count) opened.push(open());
  } catch {
    // No descriptor is left.
  }
  return opened;
}

function release(placeholders: readonly Placeholder[]): void {
  for (const placeholder of placeholders) placeholder.close();
}

function openPlaceholder(): Placeholder {
  return Deno.openSync(PLACEHOLDER);
}

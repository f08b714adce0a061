/** File descriptors of this process: how many there are left, and some that are held back for its own work. */

import type { Log } from "../log/log.ts";

/** What {@linkcode Descriptors} opens to find out whether it can be; needs the permission to read it. */
export const PLACEHOLDER = "/dev/null";

/** Held back: what the operators' server, the store, the log and a cell that starts again need at a time; at least the few. */
const RESERVE = 16;
const SMALL_RESERVE = 4;

/** A shortage that lasts so long, in ms, has another reason than a flood: a small reserve has to do. */
const LASTING_MS = 3_000;

/** Free descriptors beside the reserve at which a shortage is over. */
const RECOVERED = 4;

/** How often the descriptors are tried, in ms. */
const INTERVAL_MS = 250;

/** An open descriptor. */
export interface Placeholder {
  close(): void;
}

export interface DescriptorsOptions {
  readonly log: Log;
  /** Milliseconds of a clock that nobody sets. */
  readonly now: () => number;
  /** Opens one more descriptor, or throws. */
  readonly open?: () => Placeholder;
}

/**
 * Says when descriptors run out, and keeps a reserve: placeholders, closed as soon as there is no other descriptor left and
 * taken again once there are. While {@linkcode short} is true, what comes from the public port must not use any.
 *
 * The platform leaves each who asks for a descriptor to find out, and some do by ending the process: so nothing that can
 * wait should ask during a shortage.
 */
export class Descriptors {
  readonly #log: Log;
  readonly #now: () => number;
  readonly #open: () => Placeholder;
  #reserve: Placeholder[] = [];
  #timer: ReturnType<typeof setInterval> | undefined;
  #shortSince = -1;
  /** How many are held back while there is no shortage. */
  #size = RESERVE;

  constructor(options: DescriptorsOptions) {
    this.#log = options.log;
    this.#now = options.now;
    this.#open = options.open ?? openPlaceholder;
  }

  /** Whether there are none left but the reserve. */
  get short(): boolean {
    return this.#shortSince >= 0;
  }

  /** How many can be opened now beside a full reserve, counted up to `most`. */
  available(most: number): number {
    const missing = RESERVE - this.#reserve.length;
    return Math.max(0, countDescriptors(most + missing, this.#open) - missing);
  }

  /** Takes the reserve and begins to watch. */
  start(): void {
    this.look();
    this.#timer = setInterval(() => this.look(), INTERVAL_MS);
  }

  /** Something failed for want of a descriptor: `where`. Gives the reserve up at once. */
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

  /** Tries whether there are descriptors left; the watch does it four times a second. */
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

  /** Whether there are `count`, those held back included. */
  #has(count: number): boolean {
    const missing = count - this.#reserve.length;
    return countDescriptors(missing, this.#open) >= missing;
  }
}

/** How many descriptors this process can open now, counted up to `most`; about 10 µs each. */
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
    // That is the answer.
  }
  return opened;
}

function release(placeholders: readonly Placeholder[]): void {
  for (const placeholder of placeholders) placeholder.close();
}

function openPlaceholder(): Placeholder {
  return Deno.openSync(PLACEHOLDER);
}

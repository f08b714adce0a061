/** Writes the counts of this node (seats, presence) to Redis. */
import { CALL_MS } from "../cluster.ts";
import { callScript } from "./scripts.ts";
import { within } from "./deadline.ts";
import type { Link, Send } from "./link.ts";

/** Reads the current count. Null: a call about it is in flight, so it is written later. */
export type ReadCount = () => number | null;

/** A count: where it is in Redis, and how to read it. */
export interface Counted {
  readonly partition: number;
  readonly key: string;
  readonly field: string;
  readonly read: ReadCount;
}

export interface CountWriterDeps {
  readonly link: Link;
  /** All counts of this node. */
  readonly all: () => Iterable<Counted>;
  /** Too many counts changed while Redis could not be reached; the node then writes all under another field. */
  readonly overflowed: () => void;
}

const WRITE_EVERY_MS = 50;
/** Fields written at once: those that changed, and those that are written again (5,000 a second). */
const MOST_CHANGED = 1_000;
const MOST_AGAIN = 250;
/** All counts are written again within this time, which is shorter than their life. */
const AGAIN_EVERY_MS = 1_200_000;
const MAX_WAITING = 200_000;

/**
 * Writes absolute counts some milliseconds after they change, many at once. A write that failed is repeated with the
 * value that is current then, so that no failure makes a count wrong for longer than the link is down.
 */
export class CountWriter {
  readonly #deps: CountWriterDeps;
  /** By partition and key: fields that have changed. */
  readonly #changed = new Map<number, Map<string, Map<string, ReadCount>>>();
  readonly #timer: ReturnType<typeof setInterval>;
  #waiting = 0;
  #again: Iterator<Counted> | null = null;
  /** All counts are to be written again after those of now. */
  #onceMore = false;
  #ageMs = 0;

  constructor(deps: CountWriterDeps) {
    this.#deps = deps;
    this.#timer = setInterval(() => this.#write(), WRITE_EVERY_MS);
  }

  changed({ partition, key, field, read }: Counted): void {
    let keys = this.#changed.get(partition);
    if (keys === undefined) this.#changed.set(partition, keys = new Map());
    let fields = keys.get(key);
    if (fields === undefined) keys.set(key, fields = new Map());
    if (!fields.has(field) && ++this.#waiting > MAX_WAITING) {
      this.forget();
      this.#deps.overflowed();
      return;
    }
    fields.set(field, read);
  }

  /** Writes all counts again, at a pace that Redis does not notice. While that goes on, it will begin once more. */
  writeAll(): void {
    if (this.#again === null) this.#begin();
    else this.#onceMore = true;
  }

  /** Forgets which counts have changed. */
  forget(): void {
    this.#changed.clear();
    this.#waiting = 0;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #write(): void {
    if ((this.#ageMs += WRITE_EVERY_MS) > AGAIN_EVERY_MS) this.writeAll();
    if (this.#again !== null && this.#deps.link.state.up) this.#takeAgain(this.#again);
    if (this.#waiting === 0) return;
    let room = MOST_CHANGED;
    for (const [partition, keys] of this.#changed) {
      if (room <= 0) return;
      if (this.#deps.link.isUp(partition)) room -= this.#writePartition(partition, keys, room);
      if (keys.size === 0) this.#changed.delete(partition);
    }
  }

  #begin(): void {
    this.#again = this.#deps.all()[Symbol.iterator]();
    this.#onceMore = false;
    this.#ageMs = 0;
  }

  #takeAgain(again: Iterator<Counted>): void {
    for (let i = 0; i < MOST_AGAIN; i++) {
      const { done, value } = again.next();
      if (done) {
        this.#again = null;
        if (this.#onceMore) this.#begin();
        return;
      }
      this.changed(value);
    }
  }

  /** Writes up to `room` fields, and returns how many. */
  #writePartition(partition: number, keys: Map<string, Map<string, ReadCount>>, room: number): number {
    let written = 0;
    for (const [key, fields] of keys) {
      if (written >= room) break;
      const args: string[] = [];
      const taken: [string, ReadCount][] = [];
      for (const [field, read] of fields) {
        if (written >= room) break;
        const count = read();
        if (count === null) continue;
        args.push(field, String(count));
        taken.push([field, read]);
        fields.delete(field);
        written++;
      }
      if (fields.size === 0) keys.delete(key);
      if (taken.length > 0) this.#send(partition, key, args, taken);
    }
    this.#waiting -= written;
    return written;
  }

  #send(partition: number, key: string, args: string[], taken: readonly [string, ReadCount][]): void {
    const send: Send = (command) => this.#deps.link.send(partition, command) ?? Promise.reject(new Error("down"));
    within(CALL_MS * 4, callScript(send, "count", [key], args)).catch(() => {
      for (const [field, read] of taken) this.changed({ partition, key, field, read });
    });
  }
}

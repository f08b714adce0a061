/** Batches on their way to a cell: what is collected for the next one, and the account of those it has not done yet. */

/** UTF-16 units or bytes a cell may have before it, in batches and waiting for them; beyond them it is full. */
const MOST_BYTES = 32 * 1024 * 1024;
/** What a cell is given at once, in operations; each 128 bytes count as one more. Some ten milliseconds' work. */
const WINDOW = 4096;
const BYTES_PER_OPERATION = 128;

export class CellBatches {
  readonly #post: (batch: unknown[]) => void;
  readonly #now: () => number;
  #batch: unknown[] = [];
  #batchBytes = 0;
  #batchAt = 0;
  #sent = 0;
  #done = 0;
  /** Batches not yet done: the number of the last operation, bytes, when. */
  readonly #flying: { end: number; bytes: number; at: number }[] = [];
  #flyingBytes = 0;
  #heard: number;
  #over = false;

  /** `post` gives the cell one batch; `now` in ms. */
  constructor(post: (batch: unknown[]) => void, now: () => number) {
    this.#post = post;
    this.#now = now;
    this.#heard = now();
  }

  /** Operations not done. */
  get undone(): number {
    return this.#sent - this.#done;
  }

  /** Whether it has enough to do for now. */
  get busy(): boolean {
    return this.undone + (this.#flyingBytes + this.#batchBytes) / BYTES_PER_OPERATION >= WINDOW;
  }

  /** Whether there is no room for more, with `waiting` bytes elsewhere. */
  full(waiting: number): boolean {
    return this.#flyingBytes + this.#batchBytes + waiting >= MOST_BYTES;
  }

  /** When (ms) the batch began that the next operation goes into. */
  get since(): number {
    return this.#batch.length === 0 ? this.#now() : this.#batchAt;
  }

  /** Counts an operation of `bytes` that the caller adds to the array returned, at once. */
  begin(bytes: number): unknown[] {
    if (this.#batch.length === 0) {
      this.#batchAt = this.#now();
      setImmediate(this.#flush);
    }
    this.#batchBytes += bytes;
    this.#sent++;
    return this.#batch;
  }

  /** The cell says that it has done `done` operations since its start; false when that can't be. */
  progress(done: number): boolean {
    if (!(done > this.#done) || done > this.#sent) return false;
    this.#done = done;
    this.#heard = this.#now();
    while (this.#flying.length > 0 && this.#flying[0]!.end <= done) this.#flyingBytes -= this.#flying.shift()!.bytes;
    return true;
  }

  /** Milliseconds the cell has owed us a sign of life; 0 when it owes none. */
  silent(now: number): number {
    const oldest = this.#flying[0];
    return oldest === undefined ? 0 : now - Math.max(oldest.at, this.#heard);
  }

  /** Nothing is sent any more. */
  end(): void {
    this.#over = true;
    this.#batch = [];
  }

  #flush = (): void => {
    const batch = this.#batch;
    if (batch.length === 0 || this.#over) return;
    this.#batch = [];
    this.#flying.push({ end: this.#sent, bytes: this.#batchBytes, at: this.#batchAt });
    this.#flyingBytes += this.#batchBytes;
    this.#batchBytes = 0;
    this.#post(batch);
  };
}

/** Latencies in logarithmic buckets: constant memory, no sorting, 2 % resolution. */
export class Histogram {
  static readonly #perDecade = 116; // 10^(1/116) is 1.02
  readonly #counts = new Float64Array(8 * Histogram.#perDecade); // 1 µs to 100 s
  #total = 0;

  /** Adds `count` observations of `ms` milliseconds. */
  add(ms: number, count = 1): void {
    const bucket = Math.floor(Math.log10(Math.max(ms * 1000, 1)) * Histogram.#perDecade);
    const index = Math.min(bucket, this.#counts.length - 1);
    this.#counts[index] = (this.#counts[index] ?? 0) + count;
    this.#total += count;
  }

  reset(): void {
    this.#counts.fill(0);
    this.#total = 0;
  }

  /** The upper edge, in milliseconds, of the bucket that holds quantile `q` (0 to 1); 0 when nothing was added. */
  quantile(q: number): number {
    if (this.#total === 0) return 0;
    let left = Math.ceil(q * this.#total);
    for (let bucket = 0; bucket < this.#counts.length; bucket++) {
      left -= this.#counts[bucket] ?? 0;
      if (left <= 0) return 10 ** ((bucket + 1) / Histogram.#perDecade) / 1000;
    }
    return Infinity;
  }
}

/** Label value of everything outside a counter's lists. */
export const OTHER = "other";

/** A counter with two labels of fixed values. Any other value counts as `other`. */
export class Counter {
  private readonly rows: ReadonlyMap<string, Map<string, { value: number }>>;

  constructor(first: readonly string[], second: readonly string[]) {
    const row = () => new Map([...second, OTHER].map((name) => [name, { value: 0 }]));
    this.rows = new Map([...first, OTHER].map((name) => [name, row()]));
  }

  add(first: string, second: string): void {
    const row = this.rows.get(first) ?? this.rows.get(OTHER)!;
    (row.get(second) ?? row.get(OTHER)!).value++;
  }

  get(first: string, second: string): number {
    return this.rows.get(first)?.get(second)?.value ?? 0;
  }

  /** Every pair with a count of at least one. */
  *entries(): Generator<[first: string, second: string, value: number]> {
    for (const [first, row] of this.rows) {
      for (const [second, cell] of row) if (cell.value > 0) yield [first, second, cell.value];
    }
  }
}

/**
 * How many cells a module gets: as many as its `cells` says; for 0 one per core, less the core that the front keeps busy
 * (on two cores, a second cell costs half of the throughput: three busy threads take turns), but at least one.
 */
export function cellCount({ cells }: { readonly cells: number }, cores: number): number {
  return cells > 0 ? cells : Math.max(1, cores - 1);
}

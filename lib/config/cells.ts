/**
 * Number of cells of a module: `cells`, or for 0 one per core minus one for the front, at least one. On two cores, a
 * second cell costs half of the throughput, because three busy threads alternate.
 */
export function cellCount({ cells }: { readonly cells: number }, cores: number): number {
  return cells > 0 ? cells : Math.max(1, cores - 1);
}

/** Processors for one of the fronts and its cells. */
export function coresOfFront(cores: number, fronts: number): number {
  return Math.max(1, Math.floor(cores / fronts));
}

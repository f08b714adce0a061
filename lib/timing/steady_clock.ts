/**
 * A monotonic clock in milliseconds since the epoch: the wall clock at creation, advanced by the monotonic clock. For
 * durations, and for moments that are compared after a restart. Dates written by others, such as a token's `exp`, are
 * compared with the wall clock.
 */
export function steadyClock(
  wall: () => number = Date.now,
  monotonic: () => number = () => performance.now(),
): () => number {
  const offset = wall() - monotonic();
  return () => offset + monotonic();
}

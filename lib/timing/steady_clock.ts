/**
 * A clock in milliseconds since the epoch that nobody sets: the wall clock at its making, and from then on the monotonic one.
 * For how long something lasts, and for what is to be compared with it after a restart. Dates that others wrote, such as a
 * token's `exp`, are judged by the wall clock.
 */
export function steadyClock(
  wall: () => number = Date.now,
  monotonic: () => number = () => performance.now(),
): () => number {
  const offset = wall() - monotonic();
  return () => offset + monotonic();
}

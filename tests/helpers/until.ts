/** Waits for a condition. */

/**
 * Resolves once `holds` is true, which is asked every 10 ms.
 * @param what What is waited for, for the message at the deadline.
 * @throws {Error} At the deadline, with what was waited for.
 */
export async function until(
  holds: () => boolean | Promise<boolean>,
  what: string | (() => string),
  deadlineMs = 30_000,
): Promise<void> {
  const end = performance.now() + deadlineMs;
  while (!await holds()) {
    if (performance.now() > end) {
      throw new Error(`Waited ${deadlineMs} ms in vain for ${typeof what === "string" ? what : what()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

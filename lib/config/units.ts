/**
 * Parses and formats durations and sizes.
 *
 * A value is one number and one unit, without blanks, sign, fraction or leading zero: `"500ms"`, `"5s"`, `"10m"`,
 * `"1h"`, `"365d"`; `"64KiB"`, `"1MiB"`, `"1GiB"`, `"512B"`, or bytes without a unit. Decimal units (`KB`, `MB`) are
 * refused, because many readers take them for multiples of 1024.
 */

const DURATION_REGEXP = /^(0|[1-9][0-9]{0,14})(ms|s|m|h|d)$/;
const SIZE_REGEXP = /^(0|[1-9][0-9]{0,15})(B|KiB|MiB|GiB)?$/;

const MILLISECONDS: ReadonlyMap<string, number> = new Map([
  ["ms", 1],
  ["s", 1000],
  ["m", 60_000],
  ["h", 3_600_000],
  ["d", 86_400_000],
]);

const BYTES: ReadonlyMap<string, number> = new Map([["B", 1], ["KiB", 2 ** 10], ["MiB", 2 ** 20], ["GiB", 2 ** 30]]);

/** Form of a duration, for messages. */
export const DURATION_FORM = 'a duration such as "500ms", "5s", "10m", "1h" or "7d"';

/** Form of a size, for messages. */
export const SIZE_FORM = 'a size such as "64KiB", "1MiB", "1GiB" or a whole number of bytes';

/**
 * Parses a duration to milliseconds.
 *
 * @throws {RangeError} if the text is not a duration, or exceeds a safe integer of milliseconds
 */
export function parseDuration(text: string): number {
  const match = DURATION_REGEXP.exec(text);
  const milliseconds = match ? Number(match[1]) * (MILLISECONDS.get(match[2] ?? "") ?? NaN) : NaN;
  if (!Number.isSafeInteger(milliseconds)) throw new RangeError(`Not ${DURATION_FORM}`);
  return milliseconds;
}

/**
 * Parses a size to bytes.
 *
 * @throws {RangeError} if the value is not a size, or exceeds a safe integer of bytes
 */
export function parseSize(value: string | number): number {
  const match = SIZE_REGEXP.exec(String(value));
  const bytes = match ? Number(match[1]) * (BYTES.get(match[2] ?? "B") ?? NaN) : NaN;
  if (!Number.isSafeInteger(bytes)) throw new RangeError(`Not ${SIZE_FORM}`);
  return bytes;
}

/** Formats whole milliseconds in the shortest exact form: 90000 is `90s`, 3600000 is `1h`. */
export function formatDuration(milliseconds: number): string {
  return format(milliseconds, MILLISECONDS, "s");
}

/** Formats whole bytes in the shortest exact form: 65536 is `64KiB`, 1000 is `1000B`. */
export function formatSize(bytes: number): string {
  return format(bytes, BYTES, "B");
}

function format(amount: number, units: ReadonlyMap<string, number>, zero: string): string {
  if (amount === 0) return `0${zero}`;
  let text = String(amount);
  for (const [unit, factor] of units) {
    if (amount % factor === 0) text = `${amount / factor}${unit}`;
  }
  return text;
}

import * as fc from "fast-check";
import { formatDuration, formatSize, parseDuration, parseSize } from "../../lib/config/units.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";

Deno.test("parseDuration() reads every unit", () => {
  const cases: [string, number][] = [
    ["0s", 0],
    ["0ms", 0],
    ["500ms", 500],
    ["5s", 5000],
    ["10m", 600_000],
    ["1h", 3_600_000],
    ["365d", 31_536_000_000],
  ];
  for (const [text, milliseconds] of cases) assertEquals(parseDuration(text), milliseconds, text);
});

Deno.test("parseDuration() rejects everything else", () => {
  const cases = [
    "",
    "5",
    "5 s",
    " 5s",
    "5s ",
    "5S",
    "5sec",
    "-5s",
    "+5s",
    "1.5s",
    "1e3s",
    "05s",
    "1h30m",
    "5s\n",
    "0x5s",
    "s",
    "∞s",
    "1w",
    "٣s",
  ];
  for (const text of [...cases, "999999999999999d", "9".repeat(400) + "s"]) {
    assertThrows(() => parseDuration(text), RangeError, undefined, text);
  }
});

Deno.test("parseSize() reads every unit, and bytes without one", () => {
  const cases: [string | number, number][] = [
    [0, 0],
    [65536, 65536],
    ["65536", 65536],
    ["512B", 512],
    ["64KiB", 65536],
    ["1MiB", 1048576],
    ["2GiB", 2147483648],
    [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
    ["8388607GiB", 8388607 * 2 ** 30],
  ];
  for (const [value, bytes] of cases) assertEquals(parseSize(value), bytes, String(value));
});

Deno.test("parseSize() rejects everything else", () => {
  const cases = [
    "",
    "1KB",
    "1kb",
    "1kib",
    "1K",
    "1M",
    "1 MiB",
    "1.5MiB",
    "-1",
    "+1B",
    "0x10",
    "01",
    "1TiB",
    "8388608GiB",
    "1MiB\n",
  ];
  const numbers = [NaN, Infinity, -1, 0.5, 1e23, 2 ** 53, -Infinity];
  for (const value of [...cases, ...numbers]) {
    assertThrows(() => parseSize(value), RangeError, undefined, String(value));
  }
});

Deno.test("formatDuration() and parseDuration() are inverse", () => {
  fc.assert(fc.property(fc.nat({ max: 10 ** 12 }), (ms) => assertEquals(parseDuration(formatDuration(ms)), ms)));
  fc.assert(
    fc.property(
      fc.nat(5000),
      (days) => assertEquals(parseDuration(formatDuration(days * 86_400_000)), days * 86_400_000),
    ),
  );
  assertEquals([0, 999, 90_000, 3_600_000, 86_400_000].map(formatDuration), ["0s", "999ms", "90s", "1h", "1d"]);
});

Deno.test("formatSize() and parseSize() are inverse", () => {
  fc.assert(fc.property(fc.maxSafeNat(), (bytes) => assertEquals(parseSize(formatSize(bytes)), bytes)));
  assertEquals([0, 1000, 65536, 1536, 2 ** 30].map(formatSize), ["0B", "1000B", "64KiB", "1536B", "1GiB"]);
});

Deno.test("parseDuration() and parseSize() give a safe natural number or throw, for any text", () => {
  const unit = fc.constantFrom("", "ms", "s", "m", "h", "d", "B", "KiB", "MiB", "GiB", "KB", " s");
  const text = fc.oneof(
    fc.string(),
    fc.tuple(fc.double(), unit).map(([n, u]) => `${n}${u}`),
    fc.tuple(fc.maxSafeInteger(), unit).map(([n, u]) => `${n}${u}`),
  );
  fc.assert(fc.property(text, (text) => {
    for (const parse of [parseDuration, parseSize]) {
      let result = 0;
      try {
        result = parse(text);
      } catch (error) {
        assert(error instanceof RangeError);
      }
      assert(Number.isSafeInteger(result) && result >= 0);
    }
  }));
});

import type { Promised } from "./mutant.ts";

export const base: readonly Promised[] = [
  {
    promise: "No file descriptors left",
    file: "lib/base/descriptors.ts",
    by: "tests/base/descriptors_test.ts",
    edits: [
      ["const RESERVE = 16;", "const RESERVE = 2;"],
      ["release(this.#reserve.splice(0));\n    if (this.short) return;", "if (this.short) return;"],
      ["if (this.short) return;\n    this.#shortSince = this.#now();", "this.#shortSince = this.#now();"],
      ["clearInterval(this.#timer);\n    release(this.#reserve.splice(0));", "clearInterval(this.#timer);"],
      ["this.#shortSince = -1;\n  }", "}"],
      ['if (!this.#has(this.#size + (this.short ? RECOVERED : 1))) return this.exhausted("watch");', ""],
      ["this.#size + (this.short ? RECOVERED : 1)", "this.#size + 1"],
      ["this.#size = this.#has(RESERVE + RECOVERED) ? RESERVE : SMALL_RESERVE", "this.#size = RESERVE"],
      ["const missing = RESERVE - this.#reserve.length;", "const missing = 0;"],
    ],
  },
  {
    promise: "Guessing secrets by timing",
    file: "lib/base/equal_secrets.ts",
    by: "tests/base/equal_secrets_test.ts",
    edits: [
      ["return equalDigests(left, right);", "return left.every((byte, index) => byte === right[index]);"],
      ["return equalDigests(left, right);", "return equalDigests(left.subarray(0, 1), right.subarray(0, 1));"],
      ["boolean = timingSafeEqual;", "boolean = (a, b) => a[0] === b[0];"],
      ['"SHA-256", encoder.encode(text)', '"SHA-1", encoder.encode(text)'],
    ],
  },
];

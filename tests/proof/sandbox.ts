import type { Promised } from "./mutant.ts";

export const sandbox: readonly Promised[] = [
  {
    promise: "A cell that violates the protocol, or floods the front",
    file: "lib/sandbox/wire/operation_reader.ts",
    by: "tests/sandbox/wire/operation_reader_test.ts",
    edits: [
      ["if (extra > (shape.extra ?? 0)) throw new WireError(`${shape.name}: value ${extra} is not allowed`);", ""],
      [
        "firstLength > this.#most(shape.first) || secondLength > this.#most(shape.second)",
        "firstLength > this.#most(shape.first)",
      ],
      ["if ((shape.id === undefined) !== (id === 0))", "if (shape.id === undefined && id !== 0)"],
    ],
  },
];

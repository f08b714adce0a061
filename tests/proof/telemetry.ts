import type { Promised } from "./mutant.ts";

export const telemetry: readonly Promised[] = [
  {
    promise: "docs/operations.md: No value that a client sends becomes a label",
    file: "lib/telemetry/counter.ts",
    by: "tests/telemetry/telemetry_test.ts",
    edits: [
      [
        "(row.get(second) ?? row.get(OTHER)!).value++;",
        "const cell = row.get(second);\n    if (cell) cell.value++;",
        "as other",
      ],
    ],
  },
  {
    promise: "docs/operations.md: No value that a client sends becomes a label",
    file: "lib/telemetry/metrics.ts",
    by: "tests/telemetry/metrics_test.ts",
    edits: [
      ["yield [[first, second], value];", "void value;", "the current counts"],
      ["for (const labels of always) yield [labels, counter.get(...labels)];", "void 0;", "the current counts"],
      ["value: count += value,", "value,", "cumulative histogram"],
      [
        "if (value === null) this.remove();\n        else this.set",
        "if (value === null) this.set(0);\n        else this.set",
      ],
      [
        "if (value === null) this.remove();\n        else this.inc",
        "if (value === null) this.inc(0);\n        else this.inc",
      ],
      ["counts === null ? [] : PUBLISHED_RESULTS.map", "counts === null ? [] : PUBLISHED_RESULTS.slice(1).map"],
      ["LIMIT_SCOPES.map((scope)", "LIMIT_SCOPES.slice(1).map((scope)"],
      ["milliseconds / 1000]", "milliseconds]"],
      ["() => startedAt / 1000", "() => startedAt"],
      ["else counter(name, help, read);", "else counter(name, help, () => 0);", "the current counts"],
    ],
  },
  {
    promise: "README.md: metrics and spans",
    file: "lib/telemetry/tracing.ts",
    by: "tests/telemetry/tracing_test.ts",
    edits: [
      [
        'if (status !== undefined) span.setAttribute("http.response.status_code", status);',
        "",
        "exports handshake and call spans",
      ],
      [
        'if (result === "internal" || result === "timeout")',
        'if (result === "internal")',
        "exports handshake and call spans",
      ],
      ["span.setStatus({ code: SpanStatusCode.ERROR, message });", "", "exports handshake and call spans"],
    ],
  },
];

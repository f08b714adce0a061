import type { Promised } from "./mutant.ts";

export const deploy: readonly Promised[] = [
  {
    promise: "Code that takes over the main process",
    file: "deploy/sallyport.service",
    by: "tests/deploy/service_test.ts",
    edits: [
      ["DynamicUser=yes\n", ""],
      ["NoNewPrivileges=yes\n", ""],
      ["ProtectSystem=strict\n", ""],
      ["RestrictNamespaces=yes\n", ""],
    ],
  },
];

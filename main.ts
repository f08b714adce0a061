#!/usr/bin/env -S deno run
/**
 * The command line, nothing else. What runs the front and the cells is this program too, by commands that are not the user's; each
 * role loads only its own code.
 */
const ROLES: Record<string, string> = {
  serve: import.meta.resolve("./lib/cli/serve.ts"),
  front: import.meta.resolve("./lib/cli/front.ts"),
  cell: import.meta.resolve("./lib/sandbox/cell/main.ts"),
};
const COMMANDS = import.meta.resolve("./lib/cli/main.ts");

if (import.meta.main) {
  const [role = ""] = Deno.args;
  const { main }: { main(words: readonly string[]): Promise<number> } = await import(ROLES[role] ?? COMMANDS);
  Deno.exit(await main(Deno.args));
}

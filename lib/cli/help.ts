/** `help`: formats the table of commands. */
import type { Io, ParsedArgs } from "./args.ts";
import { type Command, type CommandName, COMMANDS, type Option, OPTIONS } from "./commands.ts";

/** General help, or help for one command. Lines have at most 120 characters; no trailing newline. */
export function helpText(topic?: CommandName): string {
  return topic === undefined ? overview() : about(topic);
}

/** Prints help. */
// deno-lint-ignore require-await -- every command is called the same way
export async function help(args: ParsedArgs, io: Io): Promise<number> {
  for (const line of helpText(args.topic).split("\n")) io.stdout(line);
  return 0;
}

function overview(): string {
  return [
    "sallyport: a hardened WebSocket server",
    "",
    "usage: sallyport COMMAND [OPTION]…",
    "",
    ...columns(Object.entries(COMMANDS).map(([name, command]) => [name, command.summary])),
    "",
    "For the options of a command: sallyport help COMMAND",
    "",
    "exit status: 0 done, 1 failed, 2 wrong usage or configuration",
  ].join("\n");
}

function about(name: CommandName): string {
  const { summary, options, required = [], operand, details = [] }: Command = COMMANDS[name];
  const table: Record<string, Option> = OPTIONS;
  const words = options.map((option) => {
    const { value, many } = table[option] ?? {};
    const word = value === undefined ? `--${option}` : `--${option} ${value}`;
    return (required.includes(option) ? word : `[${word}]`) + (many ? "…" : "");
  });
  if (operand !== undefined) words.push(operand);
  const rows = options.map((option): [string, string] => {
    const { value, help } = table[option] ?? { help: "" };
    return [value === undefined ? `--${option}` : `--${option} ${value}`, help];
  });
  const lines = [`sallyport ${name}: ${summary}`, "", ["usage: sallyport", name, ...words].join(" ")];
  if (rows.length > 0) lines.push("", ...columns(rows));
  if (details.length > 0) lines.push("", ...details);
  return lines.join("\n");
}

function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}

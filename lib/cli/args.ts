/** Parses the command line. */
import { parseArgs } from "@std/cli/parse-args";
import type { KeyAlgorithm } from "../admission/admission.ts";
import {
  type Command,
  type CommandName,
  COMMANDS,
  type ContractFormat,
  isCommand,
  type Option,
  OPTIONS,
} from "./commands.ts";

export { type CommandName, COMMANDS, KEY_ALGORITHMS } from "./commands.ts";

/** A parsed command with its options; options that a command does not take have their default. */
export interface ParsedArgs {
  readonly command: CommandName;
  /** `--config FILE` */
  readonly config?: string;
  /** `--dev` */
  readonly dev: boolean;
  /** `--port PORT`, only with `--dev` */
  readonly port?: number;
  /** `--json` */
  readonly json: boolean;
  /** `--strict` */
  readonly strict: boolean;
  /** `--sub NAME`; always set for `token` */
  readonly sub?: string;
  /** Every `--role ROLE`, in order */
  readonly role: readonly string[];
  /** `--ttl DURATION`, milliseconds */
  readonly ttl: number;
  /** `--alg ALG` */
  readonly alg: KeyAlgorithm;
  /** `--out DIR`; always set for `keys` */
  readonly out?: string;
  /** `--format FORMAT` */
  readonly format: ContractFormat;
  /** `--check OLD.json` */
  readonly check?: string;
  /** The operand of `connect`; always there for it */
  readonly url?: string;
  /** `--token TOKEN` */
  readonly token?: string;
  /** `--origin ORIGIN` */
  readonly origin?: string;
  /** `--subprotocol NAME` */
  readonly subprotocol?: string;
  /** `--ca FILE` */
  readonly ca?: string;
  /** `--raw` */
  readonly raw: boolean;
  /** `help COMMAND`, `COMMAND --help` */
  readonly topic?: CommandName;
}

/** Output, one line a call, and environment of a command. */
export interface Io {
  stdout(line: string): void;
  stderr(line: string): void;
  env(name: string): string | undefined;
}

/** An invalid command line: exit status 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

const DEFAULTS = {
  dev: false,
  json: false,
  strict: false,
  raw: false,
  role: [],
  ttl: 3_600_000,
  alg: "ES256",
  format: "openrpc",
} as const;

/**
 * Parses a command line without the name of the program.
 *
 * @throws {UsageError} if the command or an option is unknown, an option lacks its value or is given twice, or a value
 * is not allowed
 */
export function parseCommandLine(words: readonly string[]): ParsedArgs {
  const [first, ...rest] = words;
  if (first === undefined) throw new UsageError("No command given, see: sallyport help");
  if (first === "--help" || first === "-h") return { ...DEFAULTS, command: "help" };
  if (first === "--version") return { ...DEFAULTS, command: "version" };
  if (first.startsWith("-")) {
    throw new UsageError(`The command must come before ${quoted(first)}, see: sallyport help`);
  }
  if (!isCommand(first)) {
    throw new UsageError(`No such command: ${quoted(first)}, there are ${Object.keys(COMMANDS).join(", ")}`);
  }
  if (rest.some((word) => word === "--help" || word === "-h")) return { ...DEFAULTS, command: "help", topic: first };
  if (first === "help") return { ...DEFAULTS, command: "help", ...topic(rest) };
  const given = options(first, rest);
  if (given["check"] !== undefined && given["format"] !== undefined) {
    throw new UsageError("--check and --format can't be used together: --check prints what has changed");
  }
  const args = { ...DEFAULTS, ...given, command: first } as ParsedArgs;
  if (args.dev && args.config !== undefined) {
    throw new UsageError("--dev and --config can't be used together: --dev makes its own configuration");
  }
  if (args.port !== undefined && !args.dev) {
    throw new UsageError("--port needs --dev; without --dev set server.port in the configuration file");
  }
  return args;
}

function topic(words: readonly string[]): { topic?: CommandName } {
  const [word, more] = words;
  if (word === undefined) return {};
  if (more !== undefined) throw new UsageError(`help takes one command, not also ${quoted(more)}`);
  if (!isCommand(word)) {
    throw new UsageError(`No such command: ${quoted(word)}, there are ${Object.keys(COMMANDS).join(", ")}`);
  }
  return { topic: word };
}

/** The result of `parseArgs` with every option collected in lists. */
type Collected = Record<string, unknown>;

/** The values of a command's options, and of its operand. */
function options(command: CommandName, words: readonly string[]): Record<string, unknown> {
  const { options: names, required = [] }: Command = COMMANDS[command];
  const table: Record<string, Option> = OPTIONS;
  const collected = collect(command, words);
  const values = operand(command, (collected._ as unknown[]).map(String));
  for (const name of names) {
    const option = table[name];
    if (option?.value === undefined) {
      values[name] = collected[name] === true;
      continue;
    }
    const given = (collected[name] ?? []) as string[];
    if (given.includes("")) throw new UsageError(`--${name} needs a value: --${name} ${option.value}`);
    if (given.length > 1 && !option.many) {
      throw new UsageError(`--${name} is given ${given.length} times, allowed is once`);
    }
    if (given.length > 0) values[name] = option.many ? given : read(name, option, given[0] ?? "");
    else if (required.includes(name)) throw new UsageError(`${command} needs --${name} ${option.value}`);
  }
  return values;
}

function collect(command: CommandName, words: readonly string[]): Collected {
  const { options: names, operand }: Command = COMMANDS[command];
  const table: Record<string, Option> = OPTIONS;
  const valued = names.filter((name) => table[name]?.value !== undefined);
  const flags = names.filter((name) => !valued.includes(name));
  words.forEach((word, index) => {
    // parseArgs would read "--dev=no" as true, and swallow a following "false".
    const flag = flags.find((name) => word === `--${name}` || word.startsWith(`--${name}=`));
    if (flag === undefined) return;
    if (word !== `--${flag}` || /^(true|false)$/.test(words[index + 1] ?? "")) {
      throw new UsageError(`--${flag} takes no value`);
    }
  });
  return (parseArgs as (words: readonly string[], options: object) => Collected)(words, {
    string: valued,
    collect: valued,
    boolean: flags,
    unknown: (word: string, key?: string) => {
      if (key === undefined) {
        if (operand !== undefined) return;
        throw new UsageError(`${command} takes no ${quoted(word)}, see: sallyport help ${command}`);
      }
      throw new UsageError(`${command} has no option ${quoted(word)}, see: sallyport help ${command}`);
    },
  });
}

/** The operand of a command that takes one, under its name. */
function operand(command: CommandName, words: readonly string[]): Record<string, unknown> {
  const { operand: name }: Command = COMMANDS[command];
  const unexpected = words[name === undefined ? 0 : 1];
  if (unexpected !== undefined) {
    throw new UsageError(`${command} takes no ${quoted(unexpected)}, see: sallyport help ${command}`);
  }
  if (name === undefined) return {};
  if (words[0] === undefined) throw new UsageError(`${command} needs a ${name}`);
  return { [name.toLowerCase()]: words[0] };
}

function read(name: string, option: Option, text: string): unknown {
  try {
    return option.read ? option.read(text) : text;
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(`--${name} is ${quoted(text)}, ${error.message}`);
    throw error;
  }
}

function quoted(word: string): string {
  return JSON.stringify(word);
}

/** The table of commands and options, used by the parser and the help text. */
import type { KeyAlgorithm } from "../admission/admission.ts";
import { parseDuration } from "../config/units.ts";

/** Algorithms of the command `keys`. */
export const KEY_ALGORITHMS = ["ES256", "EdDSA", "RS256", "HS256"] as const satisfies readonly KeyAlgorithm[];

/** Formats of the command `contract`. */
export const CONTRACT_FORMATS = ["openrpc", "asyncapi", "types"] as const;
export type ContractFormat = (typeof CONTRACT_FORMATS)[number];

/** The definition of an option. Flags have no `value`. */
export interface Option {
  /** The placeholder of the value in the help: `--config FILE`. */
  readonly value?: string;
  readonly help: string;
  /** May be given more than once. */
  readonly many?: boolean;
  /** Parses the value, or throws a RangeError that says what is allowed. */
  readonly read?: (text: string) => unknown;
}

export interface Command {
  readonly summary: string;
  /** The operand after the options. `[NAME]` is optional. */
  readonly operand?: string;
  readonly options: readonly OptionName[];
  /** Lines of help that follow the options. */
  readonly details?: readonly string[];
  /** Required options. */
  readonly required?: readonly OptionName[];
}

export const OPTIONS = {
  config: {
    value: "FILE",
    help: "the configuration file; default ./sallyport.toml, then /etc/sallyport/sallyport.toml",
  },
  dev: { help: "development mode: keys in ./certs, the examples with a demo page" },
  port: { value: "PORT", help: "with --dev: the port to listen on, 0 picks a free one (default 8443)", read: readPort },
  json: { help: "print findings as JSON" },
  strict: { help: "exit with status 1 on warnings, not only on errors" },
  sub: { value: "NAME", help: "the user id of the token" },
  role: { value: "ROLE", help: "a role of the user; can be repeated", many: true },
  ttl: { value: "DURATION", help: "lifetime of the token (default 1h)", read: readTtl },
  alg: { value: "ALG", help: `the algorithm: ${KEY_ALGORITHMS.join(", ")} (default ES256)`, read: readAlgorithm },
  out: { value: "DIR", help: "the folder to write the keys to" },
  format: {
    value: "FORMAT",
    help: "openrpc (1.4, default), asyncapi (3.0) or types (TypeScript, for the client library)",
    read: readFormat,
  },
  check: {
    value: "OLD.json",
    help: "compare with an earlier OpenRPC document: print breaking changes, exit with status 1",
  },
  token: { value: "TOKEN", help: "the token to send" },
  origin: { value: "ORIGIN", help: "the origin to send (default: that of the URL)" },
  subprotocol: { value: "NAME", help: "the subprotocol to ask for" },
  ca: { value: "FILE", help: "certificates to trust, as PEM; for serve --dev certs/server.crt" },
  raw: { help: "the subprotocol is not JSON-RPC: lines are sent unchanged" },
} as const satisfies Record<string, Option>;

export type OptionName = keyof typeof OPTIONS;

export const COMMANDS = {
  serve: { summary: "run the server", options: ["config", "dev", "port"] },
  check: {
    summary: "check configuration, keys, certificates and handlers without starting the server",
    options: ["config", "json", "strict"],
  },
  token: {
    summary: "sign a token with the configured private key or secret",
    options: ["sub", "role", "ttl", "config", "dev"],
    required: ["sub"],
  },
  keys: { summary: "make a key pair or a secret", options: ["alg", "out"], required: ["out"] },
  contract: {
    summary: "print what the handlers offer: methods, errors, topics and events; or what has changed",
    options: ["config", "format", "check"],
  },
  connect: {
    summary: "interactive client: a line in, a message out",
    details: [
      'A line is METHOD [PARAMS], such as chat.send {"room": "lobby", "text": "hi"}, or a whole JSON-RPC message.',
      "Messages go to standard output, the state of the connection to standard error.",
      "exit status: 0 input ended and every line was answered, 1 refused, closed for good or a call failed, 2 wrong usage",
    ],
    operand: "URL",
    options: ["token", "origin", "subprotocol", "ca", "raw"],
  },
  version: { summary: "print the versions", options: [] },
  help: { summary: "print help for all commands or for one", operand: "[COMMAND]", options: [] },
} as const satisfies Record<string, Command>;

export type CommandName = keyof typeof COMMANDS;

/** Whether a word is the name of a command. */
export function isCommand(word: string): word is CommandName {
  return Object.hasOwn(COMMANDS, word);
}

function readPort(text: string): number {
  const port = /^(0|[1-9][0-9]{0,4})$/.test(text) ? Number(text) : NaN;
  if (port >= 0 && port <= 65535) return port;
  throw new RangeError("must be a whole number from 0 to 65535");
}

function readTtl(text: string): number {
  const allowed = 'must be a duration such as "15m" or "1h", from "1s" to "365d"';
  try {
    const milliseconds = parseDuration(text);
    if (milliseconds >= 1000 && milliseconds <= 365 * 86_400_000) return milliseconds;
  } catch {
    // The message below covers this error.
  }
  throw new RangeError(allowed);
}

function readFormat(text: string): ContractFormat {
  const found = CONTRACT_FORMATS.find((name) => name === text);
  if (found !== undefined) return found;
  throw new RangeError(`must be one of ${CONTRACT_FORMATS.join(", ")}`);
}

function readAlgorithm(text: string): KeyAlgorithm {
  const found = KEY_ALGORITHMS.find((name) => name === text);
  if (found !== undefined) return found;
  throw new RangeError(`must be one of ${KEY_ALGORITHMS.join(", ")}`);
}

/** A problem of a configuration file. */
export interface Problem {
  /** The file as named by the user. */
  readonly file: string;
  /** The place in the file: `limits.types."chat.send".rate`, `handlers[0].module`, or `line 3`. */
  readonly key: string;
  /** The error and the allowed values. */
  readonly message: string;
}

/** All problems of a configuration. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map(formatProblem).join("\n"));
    this.problems = problems;
  }
}

/** Formats a problem on one line: `file: key: what is wrong, what is allowed`. */
export function formatProblem(problem: Problem): string {
  return [problem.file, problem.key, problem.message].filter((part) => part !== "").join(": ");
}

/** Formats a key as TOML does, with list positions in brackets. */
export function formatKey(path: readonly PropertyKey[]): string {
  return path.map((part, index) => {
    if (typeof part === "number") return `[${part}]`;
    const name = String(part);
    const written = /^[A-Za-z0-9_-]+$/.test(name) ? name : JSON.stringify(name);
    return index === 0 ? written : `.${written}`;
  }).join("");
}

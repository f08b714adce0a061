/**
 * Expands variables: `${NAME}` in a string is the environment variable of that name, `$$` is one `$`, and any other `$`
 * is an error, because `$HOME` taken literally would name an unintended folder. The value of a variable is not expanded
 * again.
 */

export interface Expanded {
  readonly path: readonly PropertyKey[];
  readonly written: string;
  readonly value: string;
}

export interface Expansion {
  /** The tree with every string expanded. Keys are not expanded. */
  readonly value: unknown;
  /** Strings with a variable: the text in the file and the result. */
  readonly expanded: readonly Expanded[];
  readonly problems: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[];
}

/** Expands every string of a parsed TOML document. */
export function expandVariables(document: unknown, env: (name: string) => string | undefined): Expansion {
  const expanded: Expanded[] = [];
  const problems: { path: readonly PropertyKey[]; message: string }[] = [];

  function walk(value: unknown, path: readonly PropertyKey[]): unknown {
    if (typeof value === "string") return value.includes("$") ? expand(value, path) : value;
    if (Array.isArray(value)) return value.map((entry, index) => walk(entry, [...path, index]));
    if (typeof value !== "object" || value === null || value instanceof Date) return value;
    return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, walk(entry, [...path, key])]));
  }

  function expand(written: string, path: readonly PropertyKey[]): string {
    let variables = 0;
    const value = written.replace(/\$(?:\$|\{([A-Za-z_][A-Za-z0-9_]*)\})?/g, (match, name: string | undefined) => {
      if (match === "$$") return "$";
      if (name === undefined) {
        problems.push({ path, message: "has a lone $, must be ${NAME} for a variable or $$ for the character" });
        return match;
      }
      const found = env(name);
      if (found === undefined) {
        problems.push({ path, message: `needs the environment variable ${name}, which is not set` });
      }
      variables++;
      return found ?? "";
    });
    if (variables > 0) expanded.push({ path, written, value });
    return value;
  }

  return { value: walk(document, []), expanded, problems };
}

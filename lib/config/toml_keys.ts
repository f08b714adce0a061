/**
 * Finds errors that the TOML parser accepts although TOML forbids them, or drops silently: a duplicate key (the last
 * one would win), two keys on one line, and the key `__proto__`. Each would be a line of the configuration without its
 * apparent effect.
 *
 * The scan runs over text that the parser has accepted. It follows keys, strings, comments and brackets only.
 */

export interface KeyMistake {
  readonly message: string;
  /** Counted from 1. */
  readonly line: number;
}

/** The first such error of a parsed TOML document, or null. */
export function findKeyMistake(document: string): KeyMistake | null {
  const walk = new Walk(document);
  try {
    walk.document();
    return null;
  } catch (error) {
    if (error instanceof Mistake) {
      return { message: error.message, line: document.slice(0, error.at).split("\n").length };
    }
    throw error;
  }
}

class Mistake extends Error {
  readonly at: number;

  constructor(at: number, message: string) {
    super(message);
    this.at = at;
  }
}

/** A key from the root: names, and a number for each entry of a list of tables. */
type Path = readonly (string | number)[];

/** Records the keys of a document, to find duplicates. */
class Given {
  readonly #values = new Set<string>();
  readonly #tables = new Set<string>();
  readonly #headers = new Set<string>();

  /** Whether a table header is `twice` there, or `late`: after a table inside it, which the parser can't read. */
  header(path: Path): "first" | "twice" | "late" {
    const state = this.#headers.has(id(path)) ? "twice" : this.#tables.has(id(path)) ? "late" : "first";
    this.#headers.add(id(path));
    return state;
  }

  /** Whether the key, its parent or a child already has a value; records it. */
  value(path: Path): boolean {
    const taken = this.table(path.slice(0, -1)) || this.#values.has(id(path)) || this.#tables.has(id(path));
    this.#values.add(id(path));
    return taken;
  }

  /** Whether the table or its parent is already a value; records it. */
  table(path: Path): boolean {
    const above = path.map((_, index) => id(path.slice(0, index + 1)));
    above.forEach((table) => this.#tables.add(table));
    return above.some((table) => this.#values.has(table));
  }
}

function id(path: Path): string {
  return JSON.stringify(path);
}

class Walk {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): void {
    const given = new Given();
    const lists = new Map<string, number>();
    let table: Path = [];
    for (this.#blank(); this.#at < this.#text.length; this.#blank()) {
      if (this.#text[this.#at] === "[") table = this.#header(given, lists);
      else this.#pair(given, table);
      this.#take(/[ \t]*(?:#[^\n]*)?\r?/y);
      if (this.#at < this.#text.length && this.#text[this.#at] !== "\n") {
        throw new Mistake(this.#at, "has something after the value, must be one key a line");
      }
    }
  }

  /** Parses `[a.b]` or `[[a.b]]`. Returns the table of the following keys. */
  #header(given: Given, lists: Map<string, number>): Path {
    const start = this.#at;
    const brackets = this.#take(/\[\[?/y).length;
    const names = this.#key();
    this.#take(/[ \t]*\]\]?/y);
    const path: (string | number)[] = [];
    names.forEach((name, index) => {
      path.push(name);
      const isNew = brackets === 2 && index === names.length - 1;
      const entries = (lists.get(id(path)) ?? 0) + (isNew ? 1 : 0);
      if (isNew) lists.set(id(path), entries);
      if (entries > 0) path.push(entries);
    });
    const state = given.header(path);
    if (state === "late") {
      throw new Mistake(start, `has [${names.join(".")}] after a table inside it, must come before`);
    }
    if (state === "twice" || given.table(path)) throw this.#twice(start, names);
    return path;
  }

  #pair(given: Given, table: Path): void {
    const start = this.#at;
    const names = this.#key();
    if (given.value([...table, ...names])) throw this.#twice(start, names);
    if (this.#take(/[ \t]*=[ \t]*/y) === "") throw this.#unexpected();
    this.#value();
  }

  #key(): string[] {
    const names: string[] = [];
    do {
      const start = this.#at;
      const written = this.#take(/[ \t]*(?:[A-Za-z0-9_-]+|"(?:\\.|[^"\\\n])*"|'[^'\n]*')/y).trim();
      if (written === "") throw this.#unexpected();
      const name = written.startsWith('"') ? unescaped(written) : written.replace(/^'(.*)'$/, "$1");
      if (name === "__proto__") throw new Mistake(start, "has the key __proto__, which is not allowed");
      names.push(name);
    } while (this.#take(/[ \t]*\.[ \t]*/y) !== "");
    return names;
  }

  #value(): void {
    const text = this.#take(/"""(?:\\[^]|[^\\])*?"{3,5}|'''[^]*?'{3,5}|"(?:\\.|[^"\\\n])*"|'[^'\n]*'/y);
    if (text !== "") return;
    const opening = this.#take(/[[{]/y);
    if (opening !== "") return this.#entries(opening === "[" ? null : new Given(), opening === "[" ? "]" : "}");
    if (this.#take(/[^\s"'#=,[\]{}]+/y) === "") throw this.#unexpected();
  }

  /** Parses a list, or an inline table when `given` is set, with its closing bracket. */
  #entries(given: Given | null, closing: string): void {
    for (this.#separator(); this.#text[this.#at] !== closing; this.#separator()) {
      if (given) this.#pair(given, []);
      else this.#value();
    }
    this.#at++;
  }

  #separator(): void {
    this.#take(/(?:[\s,]|#[^\n]*)*/y);
  }

  #blank(): void {
    this.#take(/(?:\s|#[^\n]*)*/y);
  }

  /** Consumes the match of a sticky expression at the current position; "" if none. */
  #take(expression: RegExp): string {
    expression.lastIndex = this.#at;
    const match = expression.exec(this.#text)?.[0] ?? "";
    this.#at += match.length;
    return match;
  }

  #twice(at: number, names: readonly string[]): Mistake {
    return new Mistake(at, `gives ${names.join(".")} a second time, must be given once`);
  }

  #unexpected(): Mistake {
    return new Mistake(this.#at, "is not TOML: a key or a value is expected");
  }
}

function unescaped(written: string): string {
  try {
    return JSON.parse(written);
  } catch {
    // JSON lacks the escape \UXXXXXXXX; the raw spelling also distinguishes keys.
    return written;
  }
}

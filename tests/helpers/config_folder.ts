/** A folder with every file a configuration may name, and configurations made of sections. */
import { type Config, ConfigError, loadConfig, type Problem } from "../../lib/config/config.ts";
import { assert, assertInstanceOf, assertMatch, assertStringIncludes, assertThrows } from "../assert.ts";

/** Lines of each table; `handlers` is a list of them. `null` leaves a table out. */
export interface Sections {
  server?: string;
  tls?: string | null;
  admission?: string | null;
  auth?: string | null;
  messages?: string;
  limits?: string;
  topics?: string;
  handlers?: string[];
  store?: string;
  cluster?: string;
  ops?: string;
  log?: string;
  /** Before all tables. */
  top?: string;
}

const SECRET_FILES = ["server.key", "es256.key.pem", "hs256.secret", "admin.token", "redis.url", "cluster.secret"];
const OPEN_FILES = ["server.crt", "es256.pub.pem", "keys.json", "revoked.txt", "chat.ts", "echo.ts", "ca.crt"];

/** The least that loads. */
const BASE: Sections = {
  admission: 'origins = ["https://app.example.com"]',
  auth: 'public_key_file = "es256.pub.pem"\nissuer = "https://id.example.com"',
  handlers: ['subprotocol = "chat.v1"\nmodule = "chat.ts"'],
};

/** The lines of `[auth]` without a key. */
export const AUTH = 'issuer = "https://id.example.com"\n';

/** A folder with all files of a configuration, which its end removes. */
export class ConfigFolder implements Disposable {
  readonly dir = Deno.makeTempDirSync({ prefix: "sallyport-config-" });

  constructor() {
    for (const name of SECRET_FILES) Deno.writeTextFileSync(`${this.dir}/${name}`, "secret\n", { mode: 0o600 });
    for (const name of OPEN_FILES) {
      Deno.writeTextFileSync(`${this.dir}/${name}`, "");
      Deno.chmodSync(`${this.dir}/${name}`, 0o644);
    }
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.dir, { recursive: true });
  }

  get path(): string {
    return `${this.dir}/sallyport.toml`;
  }

  load(sections: Sections = {}, variables: Record<string, string> = {}): Config {
    return this.loadText(toml(sections), variables);
  }

  loadText(text: string, variables: Record<string, string> = {}): Config {
    return loadConfig({ path: this.path, text, env: (name) => new Map(Object.entries(variables)).get(name) });
  }

  problems(sections: Sections, variables: Record<string, string> = {}): readonly Problem[] {
    return this.problemsOf(toml(sections), variables);
  }

  problemsOf(text: string, variables: Record<string, string> = {}): readonly Problem[] {
    const error = assertThrows(() => this.loadText(text, variables), ConfigError);
    assertInstanceOf(error, ConfigError);
    return error.problems;
  }

  /** Asserts that there is exactly one problem, at that key or inside it, with that message. */
  assertProblem(
    sections: Sections,
    key: string,
    message: string | RegExp,
    variables: Record<string, string> = {},
  ): void {
    const problems = this.problems(sections, variables).map((problem) => `${problem.key}: ${problem.message}`);
    if (problems.length !== 1) throw new Error(`One problem expected at ${key}, got:\n${problems.join("\n")}`);
    const [problem = ""] = problems;
    assert(problem.startsWith(key), `Problem expected at ${key}, got: ${problem}`);
    if (typeof message === "string") assertStringIncludes(problem, message);
    else assertMatch(problem, message);
  }
}

/** The text of a configuration: the least that loads, with these tables in place of its own. */
export function toml(sections: Sections): string {
  const { top = "", handlers = [], ...tables } = { ...BASE, ...sections };
  const parts = Object.entries(tables).filter(([, lines]) => lines !== null).map(([name, lines]) =>
    `[${name}]\n${lines}`
  );
  return [top, ...parts, ...handlers.map((lines) => `[[handlers]]\n${lines}`)].join("\n");
}

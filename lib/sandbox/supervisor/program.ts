/** How this program starts itself again in another role: from source, from the bundle, or as a compiled executable. */
import { basename, dirname } from "node:path";
import { fileURLToPath } from "node:url";

/** Roles with a process of their own. */
export type Role = "front" | "cell";

/** What is started: a file with arguments, and the whole environment of the process. */
export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** What a role is started with. */
export interface Start {
  /** V8's flags and Deno's permissions. A compiled executable has its own, the same for all roles. */
  readonly flags: readonly string[];
  /** Arguments after the name of the role. */
  readonly words?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts this program in a role. */
export interface Program {
  /** Folders from which a role reads code of the program at run time. */
  readonly folders: readonly string[];
  command(role: Role, start: Start): Command;
}

/** The main module. */
const MAIN = fileURLToPath(import.meta.resolve("../../../main.ts"));

/** From source, packages are found in Deno's cache, whose place these variables decide. */
const CACHE_VARIABLES = ["DENO_DIR", "XDG_CACHE_HOME", "HOME"];

/** This program, as it runs now. `main` stands in for its main module in tests. */
export function thisProgram(env: (name: string) => string | undefined, main = MAIN): Program {
  const executable = Deno.execPath();
  // The same file by another name: where it has its own name, node:child_process takes the arguments for those of Node and
  // adds "-A" to them.
  const file = `${dirname(executable)}/./${basename(executable)}`;
  const root = dirname(MAIN);
  if (Deno.build.standalone) {
    return { folders: [root], command: (role, { words = [], env = {} }) => ({ file, args: [role, ...words], env }) };
  }
  const source = import.meta.url.endsWith(".ts");
  const origin = source ? [`--config=${root}/deno.json`] : ["--no-config", "--no-lock", "--no-remote"];
  const common = [
    "run",
    "--quiet",
    "--no-prompt",
    "--cached-only",
    ...origin,
    "--unstable-worker-options",
    "--unstable-net",
    // Otherwise engine `serve` is told that the client has left whenever it is answered, and the platform writes to stderr.
    "--unstable-no-legacy-abort",
  ];
  const variables = CACHE_VARIABLES.flatMap((name): [string, string][] => {
    const value = env(name);
    return value === undefined ? [] : [[name, value]];
  });
  return {
    folders: [...new Set([source ? `${root}/lib` : root, dirname(main)])],
    command: (role, { flags, words = [], env: own = {} }) => ({
      file,
      args: [...common, ...flags, main, role, ...words],
      // The bundle needs no cache; without any of these variables Deno makes none.
      env: { ...(source ? Object.fromEntries(variables) : {}), ...own },
    }),
  };
}

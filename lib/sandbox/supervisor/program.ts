/** Starts this program in another role: from source, from the bundle, or as a compiled executable. */
import { basename, dirname } from "node:path";
import { fileURLToPath } from "node:url";

/** Roles with a process of their own. */
export type Role = "front" | "cell";

/** A command: a file with arguments, and the whole environment of the process. */
export interface ProcessCommand {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** Parameters of a role. */
export interface Start {
  /** Flags of V8 and Deno's permissions. A compiled executable has its own, the same for all roles. */
  readonly flags: readonly string[];
  /** Arguments after the name of the role. */
  readonly words?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts this program in a role. */
export interface Program {
  /** Folders with code that a role reads at run time. */
  readonly folders: readonly string[];
  command(role: Role, start: Start): ProcessCommand;
}

/** The main module. */
const MAIN = fileURLToPath(import.meta.resolve("../../../main.ts"));

/** From source, packages are in Deno's cache, whose location these variables define. */
const CACHE_VARIABLES = ["DENO_DIR", "XDG_CACHE_HOME", "HOME"];

/** This program as it runs now. `main` replaces its main module in tests. */
export function thisProgram(env: (name: string) => string | undefined, main = MAIN): Program {
  const executable = Deno.execPath();
  // The same file by another name. By its own name, node:child_process takes the arguments for those of Node and adds
  // "-A" to them.
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
    // Without it, the platform aborts every answered request of engine `serve`, and writes to stderr.
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
      // The bundle needs no cache; without these variables Deno creates none.
      env: { ...(source ? Object.fromEntries(variables) : {}), ...own },
    }),
  };
}

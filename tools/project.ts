/** What the tools share: where things are, how the server is run, how to run a program. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository's folder. */
export const ROOT = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");

/** Where everything that is made goes. */
export const DIST = join(ROOT, "dist");

/** The Deno that runs this. */
export const DENO = Deno.execPath();

interface Project {
  readonly version: string;
  readonly tasks: Readonly<Record<string, string>>;
  readonly unstable: readonly string[];
}

export async function readProject(): Promise<Project> {
  return JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json")));
}

/** How the task names the Deno that runs it: by its whole path, which is what a permission to run it needs. */
const OWN_PATH = "$(deno eval --no-config 'console.log(Deno.execPath())')";

/**
 * The flags with which the server runs: the ones between `deno run` and `main.ts` of the task `sallyport`, the one place
 * where its permissions are declared. The one program it may run is `deno`, itself. Throws when the task is not of that form, or
 * grants what the server must not have. `--allow-sys` has no finer form: the supervisor lowers the priority of cells, and reads a
 * clock once (lib/ops/monotonic_clock.ts); front and cells go without.
 *
 * `--max-semi-space-size=1` (MiB): V8 lets the space for new objects grow to 16 MiB, and takes 10 to 20 ms to clear it when
 * clients come and go in numbers; in which time nobody is heard. At 1 MiB it takes less than one, more often, and no more
 * in all (`deno task bench`).
 */
export function serverFlags(project: Project, deno = DENO): string[] {
  const words = (project.tasks["sallyport"] ?? "").replace(OWN_PATH, deno).split(" ");
  const end = words.indexOf("main.ts");
  if (words[0] !== "deno" || words[1] !== "run" || end < 0) {
    throw new TypeError('The task "sallyport" must be "deno run FLAGS main.ts"');
  }
  const flags = words.slice(2, end);
  const allowed = [`--allow-run=${deno}`, "--allow-sys"];
  for (const flag of flags) {
    if (/^(-A|--allow-(all|ffi))(=|$)/.test(flag) || /^--allow-(run|sys)/.test(flag) && !allowed.includes(flag)) {
      throw new TypeError(`The server must not run with ${flag}`);
    }
  }
  return [...new Set(flags)];
}

export interface Ran {
  readonly code: number;
  /** Standard output alone, for a program to read. */
  readonly stdout: string;
  /** Standard output, then standard error. */
  readonly output: string;
}

/** Runs a program in the repository; its output is returned, and shown too unless `quiet`. */
export async function run(
  program: string,
  args: readonly string[],
  options: { quiet?: boolean; env?: Record<string, string>; cwd?: string } = {},
): Promise<Ran> {
  const ran = await new Deno.Command(program, {
    args: [...args],
    cwd: options.cwd ?? ROOT,
    env: { NO_COLOR: "1", ...options.env },
  }).output();
  const decoder = new TextDecoder();
  const stdout = decoder.decode(ran.stdout);
  const output = stdout + decoder.decode(ran.stderr);
  if (!options.quiet) print(output.trimEnd());
  return { code: ran.code, stdout, output };
}

export function print(line: string): void {
  if (line !== "") Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

/**
 * Writes `SHA256SUMS` as `sha256sum -c` reads it: a line for each of `names`, and those for other files that it had and that are
 * still there.
 */
export async function writeSums(directory: string, names: readonly string[]): Promise<void> {
  const path = join(directory, "SHA256SUMS");
  const sums = new Map<string, string>();
  for (const line of (await Deno.readTextFile(path).catch(() => "")).split("\n")) {
    const [sum, name] = line.split("  ");
    if (sum && name && await Deno.stat(join(directory, name)).catch(() => null)) sums.set(name, sum);
  }
  for (const name of names) {
    const digest = await crypto.subtle.digest("SHA-256", await Deno.readFile(join(directory, name)));
    sums.set(name, new Uint8Array(digest).toHex());
  }
  const lines = [...sums].sort(([a], [b]) => a < b ? -1 : 1).map(([name, sum]) => `${sum}  ${name}\n`);
  await Deno.writeTextFile(path, lines.join(""));
}

/** Every file at or below `path`, which is relative to `root`, as are the results. */
export async function files(root: string, path: string): Promise<string[]> {
  if (!(await Deno.stat(join(root, path))).isDirectory) return [path];
  const entries = await Array.fromAsync(Deno.readDir(join(root, path)));
  return (await Promise.all(entries.map((entry) => files(root, join(path, entry.name))))).flat().sort();
}

/** Shared by the tools: paths, flags of the server, and running of programs. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository's folder. */
export const ROOT = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");

/** Folder of all build results. */
export const DIST = join(ROOT, "dist");

/** The Deno that runs this. */
export const DENO = Deno.execPath();

export interface Project {
  readonly version: string;
  readonly tasks: Readonly<Record<string, string>>;
  readonly unstable: readonly string[];
}

export async function readProject(): Promise<Project> {
  return JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json")));
}

/** The Deno executable in the task, by its full path, which the permission to run it needs. */
const OWN_PATH = "$(deno eval --no-config 'console.log(Deno.execPath())')";

/**
 * The server's flags: those between `deno run` and `main.ts` of the task `sallyport`, the one place where its
 * permissions are declared. The only program that it may run is itself, `deno`. `--allow-sys` has no finer form: the
 * supervisor lowers the priority of cells and reads a clock once (lib/ops/monotonic_clock.ts); front and cells don't
 * have it.
 *
 * `--max-semi-space-size=1` (MiB): V8 lets the space for new objects grow to 16 MiB, and takes 10 to 20 ms to clear it
 * when many clients connect and disconnect; no message is processed in that time. At 1 MiB it takes less than 1 ms,
 * more often, and no more in total (`deno task bench`).
 *
 * @throws {Error} if the task has another form, or grants a permission that the server must not have
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
  /** Standard output. */
  readonly stdout: string;
  /** Standard output, then standard error. */
  readonly output: string;
}

/** Runs a program in the repository. Returns its output, and prints it unless `quiet`. */
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
 * Writes `SHA256SUMS` in the format of `sha256sum -c`: a line for each of `names`, and the existing lines of other
 * files that still exist.
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

/** All files at or below `path`, which is relative to `root`, like the results. */
export async function files(root: string, path: string): Promise<string[]> {
  if (!(await Deno.stat(join(root, path))).isDirectory) return [path];
  const entries = await Array.fromAsync(Deno.readDir(join(root, path)));
  return (await Promise.all(entries.map((entry) => files(root, join(path, entry.name))))).flat().sort();
}

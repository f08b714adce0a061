/** A copy of the repository, in which one mutant after another is tried. */
import { dirname, join } from "node:path";

/** Of the output, what is kept. */
const KEPT_OUTPUT_BYTES = 16_384;
/** How long output is read on after the processes have ended. */
const LAST_OUTPUT_MS = 2_000;

const GENERATED: ReadonlySet<string> = new Set(["node_modules", "dist", "coverage"]);

export interface Ran {
  /** Whether the tests ended by themselves, before the deadline. */
  readonly ended: boolean;
  readonly code: number;
  /** JUnit XML; null when there is none, because no test could be loaded. */
  readonly report: string | null;
  /** The end of what was printed. */
  readonly output: string;
  readonly ms: number;
}

/**
 * Every file of the repository that is committed, or could be: changed and new ones are as they are now. Where the sources were
 * unpacked without their history it is every file that is not generated.
 */
export async function repositoryFiles(root: string): Promise<string[]> {
  if (!await Deno.stat(join(root, ".git")).then(() => true, () => false)) return await unpackedFiles(root, "");
  const { success, stdout, stderr } = await new Deno.Command("git", {
    // It may belong to another user, as in a container.
    args: [
      "-c",
      `safe.directory=${root}`,
      "ls-files",
      "-z",
      "--cached",
      "--others",
      "--exclude-standard",
      "--deduplicate",
    ],
    cwd: root,
  }).output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(`The files of the repository are not known: ${decoder.decode(stderr).trim()}`);
  const names = decoder.decode(stdout).split("\0").filter((name) => name !== "");
  const present = await Promise.all(names.map((name) => Deno.lstat(join(root, name)).then(() => true, () => false)));
  return names.filter((_, index) => present[index]);
}

async function unpackedFiles(root: string, folder: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(join(root, folder))) {
    const path = join(folder, name);
    if (!isDirectory) names.push(path);
    else if (!GENERATED.has(name)) names.push(...await unpackedFiles(root, path));
  }
  return names;
}

export class Copy {
  readonly #folder: string;

  /** `folder` is made; the caller removes it. */
  static async make(root: string, files: readonly string[], folder: string): Promise<Copy> {
    for (const directory of new Set(files.map((name) => dirname(join(folder, name))))) {
      await Deno.mkdir(directory, { recursive: true });
    }
    await Promise.all(files.map((name) => Deno.copyFile(join(root, name), join(folder, name))));
    return new Copy(folder);
  }

  private constructor(folder: string) {
    this.#folder = folder;
  }

  read(file: string): Promise<string> {
    return Deno.readTextFile(join(this.#folder, file));
  }

  write(file: string, text: string): Promise<void> {
    return Deno.writeTextFile(join(this.#folder, file), text);
  }

  /**
   * Runs a test file, or those of its tests whose name has one of `names` in it. Types are not checked: what a test asserts is
   * to fail, not the compiler. Afterwards no process is left, and nothing in the folder for temporary files.
   */
  async run(test: string, names: readonly string[] | null, deadlineMs: number, signal: AbortSignal): Promise<Ran> {
    const temporary = join(this.#folder, ".tmp");
    await Deno.mkdir(temporary);
    const junit = join(temporary, "junit.xml");
    const filter = names === null ? [] : ["--filter", `/${names.map(escapeRegExp).join("|")}/`];
    const began = performance.now();
    const child = new Deno.Command(Deno.execPath(), {
      args: ["test", "--no-check", "--no-prompt", "-A", "--fail-fast", "--junit-path", junit, ...filter, test],
      cwd: this.#folder,
      env: { NO_COLOR: "1", TMPDIR: temporary },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      // A process group of its own, so that all it has started can be ended with it.
      detached: true,
    }).spawn();
    const output = new Tail();
    const readers = [child.stdout, child.stderr].map((stream) => output.read(stream));
    let ended = true;
    const stop = () => {
      ended = false;
      killGroup(child.pid);
    };
    const timer = setTimeout(stop, deadlineMs);
    signal.addEventListener("abort", stop);
    try {
      const { code } = await child.status;
      const ms = performance.now() - began;
      killGroup(child.pid);
      await Promise.all(readers.map(({ done }) => done(LAST_OUTPUT_MS)));
      const report = await Deno.readTextFile(junit).catch(() => null);
      return { ended, code, report, output: output.text(), ms };
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
      await Deno.remove(temporary, { recursive: true });
    }
  }
}

function killGroup(leader: number): void {
  try {
    Deno.kill(-leader, "SIGKILL");
  } catch {
    // All of them have ended.
  }
}

function escapeRegExp(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
}

/** The end of several streams. */
class Tail {
  #text = "";

  /** `done` waits for the end of the stream, at most for some time: a process that escaped may hold it open. */
  read(stream: ReadableStream<Uint8Array>): { done(ms: number): Promise<void> } {
    const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
    const whole = (async () => {
      for (let next = await reader.read(); !next.done; next = await reader.read()) {
        this.#text = (this.#text + next.value).slice(-KEPT_OUTPUT_BYTES);
      }
    })();
    return {
      async done(ms) {
        const timer = setTimeout(() => reader.cancel(), ms);
        await whole.catch(() => {});
        clearTimeout(timer);
      },
    };
  }

  text(): string {
    return this.#text;
  }
}

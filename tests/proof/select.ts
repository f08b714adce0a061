/** Which mutants are tried. */
import type { Mutant } from "./mutant.ts";

export function withText(mutants: readonly Mutant[], text: string): Mutant[] {
  return mutants.filter((mutant) => Object.values(mutant).some((value) => value.includes(text)));
}

/** Those whose file or test is among `files`. */
export function ofFiles(mutants: readonly Mutant[], files: readonly string[]): Mutant[] {
  return mutants.filter(({ file, by }) => files.includes(file) || files.includes(by));
}

/** The files that the last `commits` commits changed, and those that are changed now. */
export async function changedFiles(root: string, commits: number): Promise<string[]> {
  const git = async (...args: string[]) => {
    const { success, stdout, stderr } = await new Deno.Command("git", { args, cwd: root }).output();
    const decoder = new TextDecoder();
    if (!success) throw new Error(`git ${args.join(" ")}: ${decoder.decode(stderr).trim()}`);
    return decoder.decode(stdout).split("\0").filter((name) => name !== "");
  };
  return [
    ...await git("diff", "--name-only", "-z", `HEAD~${commits}`),
    ...await git("ls-files", "-z", "--others", "--exclude-standard"),
  ];
}

/** `count` of them, the same ones for the same seed. */
export function sampleOf(mutants: readonly Mutant[], count: number, seed: number): Mutant[] {
  const random = generator(seed);
  const left = [...mutants];
  const chosen: Mutant[] = [];
  while (chosen.length < count && left.length > 0) chosen.push(...left.splice(Math.floor(random() * left.length), 1));
  return chosen;
}

/** The date as a number: 20261126. */
export function seedOf(date: Date): number {
  return Number(date.toISOString().slice(0, 10).replaceAll("-", ""));
}

/** Mulberry32. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ state >>> 15, 1 | state);
    mixed = (mixed + Math.imul(mixed ^ mixed >>> 7, 61 | mixed)) ^ mixed;
    return ((mixed ^ mixed >>> 14) >>> 0) / 2 ** 32;
  };
}

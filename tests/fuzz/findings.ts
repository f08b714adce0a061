/** Counterexamples kept as JSON, one a file: found once, tried by every later test run. */
import { type Counterexample, properties } from "./properties.ts";

const FOLDER = new URL("./findings/", import.meta.url);

/** Writes a counterexample down and says where. */
export async function keepFinding(found: Counterexample, folder: URL = FOLDER): Promise<string> {
  await Deno.mkdir(folder, { recursive: true });
  const slug = found.property.toLowerCase().replaceAll(/[^a-z]+/g, "_").slice(0, 40);
  const file = new URL(`${slug}_${found.seed}.json`, folder);
  await Deno.writeTextFile(file, JSON.stringify(found, null, 2) + "\n");
  return file.pathname;
}

/**
 * Tries every counterexample again; an empty or missing folder has none.
 *
 * @returns how many there were
 * @throws {Error} If one still fails, or names a property that is no more.
 */
export async function replayFindings(folder: URL = FOLDER): Promise<number> {
  let count = 0;
  for (const name of await filesOf(folder)) {
    const found: Counterexample = JSON.parse(await Deno.readTextFile(new URL(name, folder)));
    const property = properties.find((candidate) => candidate.name === found.property);
    if (property === undefined) throw new Error(`${name}: no such property: ${found.property}`);
    try {
      property.replay(found.input);
    } catch (cause) {
      throw new Error(`${name} fails again: ${found.property}`, { cause });
    }
    count++;
  }
  return count;
}

async function filesOf(folder: URL): Promise<string[]> {
  try {
    const names = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
    return names.filter((name) => name.endsWith(".json")).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

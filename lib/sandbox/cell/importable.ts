/**
 * What a module's imports may be read from: its folder, without links that lead out of it.
 *
 * Static imports are read, and errors in them quote their text, before the import guard is asked. So what must not be imported
 * must not be readable.
 */

/** Files and folders that are looked at; a module with more belongs in a folder of its own. */
const MAX_ENTRIES = 20_000;

/**
 * Paths below which everything may be read: the folder itself when all in it may be. Left out are links that lead out of the folder,
 * entries whose name begins with a dot, `node_modules`, and what is neither file nor folder. `module` is the real path of the
 * module's file, which may always be read.
 *
 * @throws {RangeError} When the folder holds too much.
 */
export function importablePaths(folder: string, module: string): string[] {
  const walk = new Walk(folder);
  const found = walk.look(folder, []);
  return found.whole ? [folder] : [...new Set([module, ...found.paths])];
}

interface Found {
  /** All that is in the folder may be read. */
  readonly whole: boolean;
  readonly paths: readonly string[];
}

class Walk {
  readonly #root: string;
  #entries = 0;

  constructor(root: string) {
    this.#root = root;
  }

  /** `above` are the real paths of the folders that led here, so that links in a circle come to an end. */
  look(folder: string, above: readonly string[]): Found {
    const real = Deno.realPathSync(folder);
    if (above.includes(real)) return { whole: false, paths: [] };
    let whole = true;
    const paths: string[] = [];
    for (const { name } of Deno.readDirSync(folder)) {
      if (++this.#entries > MAX_ENTRIES) {
        throw new RangeError(
          `The module's folder holds more than ${MAX_ENTRIES} files: give the module a folder of its own`,
        );
      }
      const path = `${folder}/${name}`;
      const kind = name === "node_modules" || name.startsWith(".") ? "other" : this.#kindOf(path);
      const inner = kind === "folder" ? this.look(path, [...above, real]) : { whole: kind === "file", paths: [] };
      if (inner.whole) paths.push(path);
      else {
        whole = false;
        paths.push(...inner.paths);
      }
    }
    return { whole, paths };
  }

  #kindOf(path: string): "file" | "folder" | "other" {
    try {
      if (!Deno.realPathSync(path).startsWith(`${this.#root}/`)) return "other";
      const { isFile, isDirectory } = Deno.statSync(path);
      return isFile ? "file" : isDirectory ? "folder" : "other";
    } catch {
      // A link to nothing, or something that may not be looked at.
      return "other";
    }
  }
}

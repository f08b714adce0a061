/**
 * Determines the readable paths for a module's imports: its folder, without links that lead out of it.
 *
 * Deno reads static imports, and quotes their text in errors, before it asks the import guard. A file that must not be
 * imported must therefore not be readable.
 */

/** Maximum number of files and folders that are scanned; a larger module needs a folder of its own. */
const MAX_ENTRIES = 20_000;

/**
 * Paths below which everything may be read: the folder itself if nothing in it is excluded. Excluded are links that
 * lead out of the folder, names that begin with a dot, `node_modules`, and entries that are neither file nor folder.
 * `module` is the real path of the module's file, which is always readable.
 *
 * @throws {RangeError} if the folder has too many entries
 */
export function importablePaths(folder: string, module: string): string[] {
  const walk = new Walk(folder);
  const found = walk.look(folder, []);
  return found.whole ? [folder] : [...new Set([module, ...found.paths])];
}

interface Found {
  /** Everything in the folder may be read. */
  readonly whole: boolean;
  readonly paths: readonly string[];
}

class Walk {
  readonly #root: string;
  #entries = 0;

  constructor(root: string) {
    this.#root = root;
  }

  /** `above` are the real paths of the parent folders, to stop at circular links. */
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
      // A broken link, or an inaccessible entry.
      return "other";
    }
  }
}

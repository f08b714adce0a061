/** The permissions of a cell's process. */
import type { Grants } from "../wire/handler_settings.ts";

/** Inputs of a cell's permissions. Paths are absolute. */
export interface CellReach {
  /** Folders with the program's own code. */
  readonly programFolders: readonly string[];
  /** The module's real folder. */
  readonly folder: string;
  readonly socketPath: string;
  /** Bytes of memory the module may use. */
  readonly memory: number;
  readonly permissions: Grants;
}

/**
 * The flags of `deno run` for a cell: what it needs to load and to reach its host, and the module's own permissions.
 *
 * @throws {TypeError} if an entry contains a comma
 */
export function cellFlags({ programFolders, folder, socketPath, memory, permissions }: CellReach): string[] {
  const { net = [], read = [], write = [], env = [], sys = [], import: imports = [] } = permissions;
  return [
    // The young generation is small, because collecting a large one delays all calls of the cell. The whole process is
    // measured as well.
    `--v8-flags=--max-old-space-size=${Math.max(1, Math.floor(memory / 2 ** 20))},--max-semi-space-size=4`,
    list("read", [...programFolders, folder, socketPath, ...read]),
    list("write", [socketPath, ...write]),
    list("net", [`unix:${socketPath}`, ...net]),
    ...(env.length > 0 ? [list("env", env)] : ["--deny-env"]),
    ...(sys.length > 0 ? [list("sys", sys)] : ["--deny-sys"]),
    ...(imports.length > 0 ? [list("import", imports)] : ["--deny-import"]),
    "--deny-run",
    "--deny-ffi",
  ];
}

/** A comma separates the entries of a flag and can't be escaped: an entry with one would grant two other things. */
function list(kind: string, entries: readonly string[]): string {
  for (const entry of entries) {
    if (entry.includes(",")) {
      throw new TypeError(`${JSON.stringify(entry)} has a comma, which no path or name here can have`);
    }
  }
  return `--allow-${kind}=${entries.join(",")}`;
}

/** The environment variables named by `granted`. A name that ends in `*` is a prefix. */
export function grantedVariables(
  granted: readonly string[] = [],
  environment: Readonly<Record<string, string>>,
): Record<string, string> {
  const matches = (name: string) =>
    granted.some((entry) => entry.endsWith("*") ? name.startsWith(entry.slice(0, -1)) : name === entry);
  return Object.fromEntries(Object.entries(environment).filter(([name]) => matches(name)));
}

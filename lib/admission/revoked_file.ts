/** `auth.revoked_file`: read at start, then watched. */
import type { Log } from "../ops/log.ts";
import { parseRevokedFile } from "./revocation_form.ts";
import type { Revocations } from "./revocations.ts";
import { watchFile } from "../ops/watch_file.ts";

export interface RevokedFile {
  /** Reads the file again, now. */
  reload(): Promise<void>;
  close(): void;
}

/**
 * Keeps the revocations of the file in force. A line that can't be read is reported (`revocations.rejected`, by its number)
 * and the others count: a slip of the pen must not let anyone back in. For the same reason a file that can't be read at all
 * leaves those before in force.
 *
 * @throws {Error} If the file can't be read at the start.
 */
export async function openRevokedFile(
  path: string,
  revocations: Revocations,
  deps: { readonly log: Log },
): Promise<RevokedFile> {
  const reload = async () => {
    const parsed = parseRevokedFile(await Deno.readTextFile(path));
    for (const { line, problem } of parsed.wrong) deps.log.error("revocations.rejected", { path, line, problem });
    revocations.replaceFile(parsed.revocations);
  };
  await reload();
  const watch = watchFile(path, async () => {
    try {
      await reload();
    } catch (error) {
      deps.log.error("revocations.rejected", { path, problem: error instanceof Error ? error.name : "can't be read" });
    }
  });
  return { reload, close: () => watch.close() };
}

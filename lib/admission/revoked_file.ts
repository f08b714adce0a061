/** `auth.revoked_file`: read at start, then watched. */
import type { Log } from "../ops/log.ts";
import { watchFile } from "../ops/watch_file.ts";
import { parseRevokedFile } from "./revocation_form.ts";
import type { Revocations } from "./revocations.ts";

export interface RevokedFile {
  /** Puts what the file had when it was opened in force. Until then nothing has changed, and after `close` nothing will. */
  apply(): void;
  /** Reads the file again, now. */
  reload(): Promise<void>;
  close(): void;
}

/**
 * Keeps the revocations of the file in force, from `apply` on. A line that can't be read is reported
 * (`revocations.rejected`, by its number) and the others count: a slip of the pen must not let anyone back in. For the same
 * reason a file that can't be read at all leaves those before in force.
 *
 * @throws {Error} If the file can't be read at the start.
 */
export async function openRevokedFile(
  path: string,
  revocations: Revocations,
  { log }: { readonly log: Log },
): Promise<RevokedFile> {
  const take = (text: string) => {
    const parsed = parseRevokedFile(text);
    for (const { line, problem } of parsed.wrong) log.error("revocations.rejected", { path, line, problem });
    revocations.replaceFile(parsed.revocations);
  };
  let state: "opened" | "applied" | "closed" = "opened";
  let stale = false;
  const reload = async () => {
    const text = await Deno.readTextFile(path);
    if (state === "applied") take(text);
  };
  const changed = async () => {
    try {
      await reload();
    } catch (error) {
      log.error("revocations.rejected", { path, problem: error instanceof Error ? error.name : "can't be read" });
    }
  };
  // Watched from before it is read, so that no change falls in between.
  const watch = watchFile(path, async () => {
    if (state === "applied") await changed();
    else stale = true;
  });
  try {
    const text = await Deno.readTextFile(path);
    return {
      apply() {
        state = "applied";
        take(text);
        if (stale) void changed();
      },
      reload,
      close() {
        state = "closed";
        watch.close();
      },
    };
  } catch (error) {
    watch.close();
    throw error;
  }
}

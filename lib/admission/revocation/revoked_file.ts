/** `auth.revoked_file`: read at start, then watched. */
import type { Log } from "../../log/log.ts";
import { fileState, watchFile } from "../../base/watch_file.ts";
import { type Revocation, RevocationEntries } from "./revocation_entries.ts";
import { RevokedLineReader, type WrongLine } from "./revocation_form.ts";
import type { FreshLines, Revocations } from "./revocations.ts";

/** Lines are taken away only from a file that was left alone for this long. */
const SETTLED_MS = 1_000;
/** Lines reported one by one; of more only the number. */
const REPORTED_LINES = 10;
const CHUNK_BYTES = 32 * 1024;
/** A pause after each chunk, in which the event loop looks at every socket. */
const PAUSE_MS = 1;

export interface RevokedFile {
  /** Puts what the file had when it was opened in force. Until then nothing has changed, and after `close` nothing will. */
  apply(): void;
  close(): void;
}

interface Reading {
  readonly entries: RevocationEntries;
  readonly fresh: FreshLines;
  readonly wrong: { readonly count: number; readonly first: readonly WrongLine[] };
  /** A last line without its newline, counted from 1. */
  readonly unfinished: number | null;
  /** {@linkcode fileState} before it was read. */
  readonly state: string | null;
}

/**
 * Keeps the revocations of the file in force, from `apply` on. It is read in small parts, however long it is. New lines act
 * as soon as they are read; lines that are gone act until the file ends with a newline and has been left alone for a
 * second, since a file that is being written lacks lines that are about to come.
 *
 * A line that can't be read is reported (`revocations.rejected`, by its number) and the others count: a slip of the pen must
 * not let anyone back in. For the same reason a file that is gone or can't be read leaves those before in force.
 *
 * @throws {Error} If the file can't be read at the start.
 */
export async function openRevokedFile(
  path: string,
  revocations: Revocations,
  { log }: { readonly log: Log },
): Promise<RevokedFile> {
  let state: "opened" | "applied" | "closed" = "opened";
  let stale = false;
  let settling: ReturnType<typeof setTimeout> | undefined;
  const take = (reading: Reading) => {
    clearTimeout(settling);
    report(path, reading, log);
    revocations.addFile(reading.entries, reading.fresh);
    if (reading.unfinished !== null) return;
    const settle = () => {
      if (fileState(path) === reading.state) revocations.settleFile();
    };
    if (ageMs(path) >= SETTLED_MS) settle();
    else settling = setTimeout(settle, SETTLED_MS);
  };
  const changed = async () => {
    try {
      const reading = await readRevoked(path, revocations);
      if (state === "applied") take(reading);
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
    const reading = await readRevoked(path, revocations);
    return {
      apply() {
        state = "applied";
        take(reading);
        if (stale) void changed();
      },
      close() {
        state = "closed";
        clearTimeout(settling);
        watch.close();
      },
    };
  } catch (error) {
    watch.close();
    throw error;
  }
}

async function readRevoked(path: string, revocations: Revocations): Promise<Reading> {
  const state = fileState(path);
  const entries = new RevocationEntries();
  const fresh = { count: 0, first: [] as Revocation[] };
  const wrong = { count: 0, first: [] as WrongLine[] };
  const lines = new RevokedLineReader({
    revocation(revocation) {
      if (!revocations.inFile(revocation) && ++fresh.count <= REPORTED_LINES) fresh.first.push(revocation);
      entries.add(revocation, Infinity, 0);
    },
    wrong(line) {
      if (++wrong.count <= REPORTED_LINES) wrong.first.push(line);
    },
  });
  const decoder = new TextDecoder();
  const chunk = new Uint8Array(CHUNK_BYTES);
  using file = await Deno.open(path);
  for (let size = await file.read(chunk); size !== null; size = await file.read(chunk)) {
    lines.push(decoder.decode(chunk.subarray(0, size), { stream: true }));
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  return { entries, fresh, wrong, unfinished: lines.unfinished, state };
}

/** For how long nobody wrote to the file; 0 where that can't be told. */
function ageMs(path: string): number {
  try {
    const { mtime, ctime } = Deno.statSync(path);
    return Date.now() - Math.max(mtime?.getTime() ?? Infinity, ctime?.getTime() ?? 0);
  } catch {
    return 0;
  }
}

function report(path: string, { wrong, unfinished }: Reading, log: Log): void {
  for (const { line, problem } of wrong.first) log.error("revocations.rejected", { path, line, problem });
  const more = wrong.count - wrong.first.length;
  if (more > 0) log.error("revocations.rejected", { path, problem: `${more} more lines are wrong` });
  if (unfinished !== null) {
    log.warn("revocations.rejected", {
      path,
      line: unfinished,
      problem: "has no newline at its end, and waits for it",
    });
  }
}

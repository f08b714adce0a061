/** `auth.revoked_file`: read at start, then watched. */
import type { Log } from "../../log/log.ts";
import { fileState, watchFile } from "../../base/watch_file.ts";
import { type Revocation, RevocationEntries } from "./revocation_entries.ts";
import { RevokedLineReader, type WrongLine } from "./revocation_form.ts";
import type { FreshLines, Revocations } from "./revocations.ts";

/** Removed lines take effect after the file has been unchanged for this long. */
const SETTLED_MS = 1_000;
/** Lines that are logged one by one; more are only counted. */
const REPORTED_LINES = 10;
const CHUNK_BYTES = 32 * 1024;
/** Pause after each chunk. The event loop polls every socket in it. */
const PAUSE_MS = 1;

export interface RevokedFile {
  /**
   * Puts the contents of the file at opening into force. Nothing changes before this call, and nothing after `close`.
   */
  apply(): void;
  close(): void;
}

interface Reading {
  readonly entries: RevocationEntries;
  readonly fresh: FreshLines;
  readonly wrong: { readonly count: number; readonly first: readonly WrongLine[] };
  /** The last line if it has no newline, counted from 1. */
  readonly unfinished: number | null;
  /** {@linkcode fileState} before it was read. */
  readonly state: string | null;
}

/**
 * Reads `revoked_file` in small chunks and keeps its revocations in force from `apply` on. New lines take effect as
 * soon as they are read. Removed lines stay in force until the file ends with a newline and has been unchanged for a
 * second, because a file that is being written is incomplete.
 *
 * An invalid line is logged (`revocations.rejected`, by its number) and the other lines apply: a typing error must not
 * lift a revocation. For the same reason the last contents stay in force when the file is removed or can't be read.
 *
 * @throws {Error} if the file can't be read at the start
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
  // The watch starts before the first read, so that no change is missed.
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

/** Milliseconds since the last write to the file; 0 where that is unknown. */
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

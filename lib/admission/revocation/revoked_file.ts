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
 * `revoked_file`, which is read in small chunks. Its revocations are in force from `apply` on. New lines take effect as
 * soon as they are read. Removed lines stay in force until the file ends with a newline and has been unchanged for a
 * second, because a file that is being written is incomplete.
 *
 * An invalid line is logged (`revocations.rejected`, by its number) and the other lines apply: a typing error must not
 * lift a revocation. For the same reason the last contents stay in force when the file is removed or can't be read.
 */
export class RevokedFile {
  readonly #path: string;
  readonly #revocations: Revocations;
  readonly #log: Log;
  readonly #watch: { close(): void };
  #state: "opened" | "applied" | "closed" = "opened";
  /** The contents at opening. */
  #opened: Reading | undefined;
  /** The file has changed since it was opened. */
  #stale = false;
  #settling: ReturnType<typeof setTimeout> | undefined;

  private constructor(path: string, revocations: Revocations, log: Log) {
    this.#path = path;
    this.#revocations = revocations;
    this.#log = log;
    this.#watch = watchFile(path, async () => {
      if (this.#state === "applied") await this.#changed();
      else this.#stale = true;
    });
  }

  /** @throws {Error} if the file can't be read */
  static async open(path: string, revocations: Revocations, { log }: { readonly log: Log }): Promise<RevokedFile> {
    // The watch starts before the first read, so that no change is missed.
    const file = new RevokedFile(path, revocations, log);
    try {
      file.#opened = await readRevoked(path, revocations);
      return file;
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /**
   * Puts the contents of the file at opening into force. Nothing changes before this call, and nothing after `close`.
   */
  apply(): void {
    this.#state = "applied";
    if (this.#opened !== undefined) this.#take(this.#opened);
    this.#opened = undefined;
    if (this.#stale) void this.#changed();
  }

  close(): void {
    this.#state = "closed";
    clearTimeout(this.#settling);
    this.#watch.close();
  }

  async #changed(): Promise<void> {
    const path = this.#path;
    try {
      const reading = await readRevoked(path, this.#revocations);
      if (this.#state === "applied") this.#take(reading);
    } catch (error) {
      const problem = error instanceof Error ? error.name : "can't be read";
      this.#log.error("revocations.rejected", { path, problem });
    }
  }

  #take(reading: Reading): void {
    clearTimeout(this.#settling);
    report(this.#path, reading, this.#log);
    this.#revocations.addFile(reading.entries, reading.fresh);
    if (reading.unfinished !== null) return;
    const settle = () => {
      if (fileState(this.#path) === reading.state) this.#revocations.settleFile();
    };
    if (ageMs(this.#path) >= SETTLED_MS) settle();
    else this.#settling = setTimeout(settle, SETTLED_MS);
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

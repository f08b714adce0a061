/** Asynchronous, bounded output of log lines. */
import { Buffer } from "node:buffer";

const MAX_WAITING_LENGTH = 1024 * 1024;

/**
 * Several processes write to one pipe, the supervisor and the fronts. The kernel does not mix their lines while no write
 * is longer than this (`PIPE_BUF` in pipe(7)).
 */
const MAX_WRITE_BYTES = 4096;

/** Destination of finished lines. Its methods never throw. */
export interface LineSink {
  write(line: string): void;
  flush(deadlineMs: number): Promise<void>;
  readonly lost: number;
}

/** The part of a file or pipe that the sink uses. */
export interface Output {
  write(bytes: Uint8Array): Promise<number>;
}

/**
 * Writes lines to standard output without blocking the server. Lines queue while one asynchronous write is pending, and
 * leave in the next, as many whole lines as a write may have. When the reader stops (a stopped journal), up to 1 MiB is queued, then lines are lost and counted.
 * A failed write (full disk, closed pipe) loses its lines; later lines are tried again. When writing works again, a
 * line `log.lost` reports the number of lost lines.
 */
export class StdoutSink implements LineSink {
  lost = 0;
  private reported = 0;
  private waiting: string[] = [];
  private waitingLength = 0;
  private writing: Promise<void> | null = null;
  private readonly encoder = new TextEncoder();

  /** @param fields further fields of `log.lost` */
  constructor(
    private readonly output: Output = Deno.stdout,
    private readonly now: () => number = Date.now,
    private readonly fields: Readonly<Record<string, unknown>> = {},
  ) {}

  write(line: string): void {
    if (this.waitingLength + line.length > MAX_WAITING_LENGTH) {
      this.lost++;
      return;
    }
    this.waiting.push(line);
    this.waitingLength += line.length;
    this.writing ??= this.pump();
  }

  /** Resolves when all lines are written, or after `deadlineMs` when the reader is stuck. */
  async flush(deadlineMs: number): Promise<void> {
    if (this.writing === null) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const deadline = new Promise<void>((resolve) => timer = setTimeout(resolve, deadlineMs));
    await Promise.race([this.writing, deadline]);
    clearTimeout(timer);
  }

  private async pump(): Promise<void> {
    // Lines of the same turn of the event loop leave in one write.
    await Promise.resolve();
    while (this.waiting.length > 0) {
      const lines = this.take();
      try {
        await this.writeAll(Buffer.concat(lines));
        this.reportLost();
      } catch {
        this.lost += lines.length;
      }
    }
    this.writing = null;
  }

  /** The lines of the next write: one at least, even if it is longer than a write may be. */
  private take(): Uint8Array[] {
    const lines: Uint8Array[] = [];
    let bytes = 0;
    for (const line of this.waiting) {
      const encoded = this.encoder.encode(`${line}\n`);
      bytes += encoded.length;
      if (lines.length > 0 && bytes > MAX_WRITE_BYTES) break;
      lines.push(encoded);
      this.waitingLength -= line.length;
    }
    this.waiting.splice(0, lines.length);
    return lines;
  }

  private async writeAll(bytes: Uint8Array): Promise<void> {
    let rest = bytes;
    while (rest.length > 0) rest = rest.subarray(await this.output.write(rest));
  }

  private reportLost(): void {
    if (this.lost === this.reported) return;
    const lines = this.lost - this.reported;
    this.reported = this.lost;
    const time = new Date(this.now()).toISOString();
    this.write(JSON.stringify({ time, level: "warn", event: "log.lost", ...this.fields, lines }));
  }
}

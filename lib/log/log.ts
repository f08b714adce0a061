import { type LineSink, StdoutSink } from "./output.ts";
import { FloodGate } from "./flood.ts";
import { plain } from "./values.ts";
import { colouredLine, jsonLine, prettyLine } from "./format.ts";

/** How much a line matters. A log of one level writes that level and the ones above it. */
export type Level = "debug" | "info" | "warn" | "error";

/** What a line says beside its time, level and event. Anything may be a value; see `plain` for what becomes of it. */
export type Fields = Record<string, unknown>;

/** Where the server says what happens: an event name in dotted words (`handshake.rejected`) and fields. */
export interface Log {
  debug(event: string, fields?: Fields): void;
  info(event: string, fields?: Fields): void;
  warn(event: string, fields?: Fields): void;
  error(event: string, fields?: Fields): void;
  /** May be changed while the server runs (reload). */
  level: Level;
}

/** A log with what only its owner needs. */
export interface OwnedLog extends Log {
  /** Writes what is still waiting, floods' counts included, within `deadlineMs` (default 500). Call it before exit. */
  flush(deadlineMs?: number): Promise<void>;
  /** Lines lost because the output failed or did not keep up. */
  readonly lost: number;
}

export interface LogOptions {
  level: Level;
  format: "json" | "pretty";
  /** Colours in pretty lines. Default: none. */
  colours?: boolean;
  /** Takes one line without its newline; by default a bounded, asynchronous writer to standard output. */
  write?: (line: string) => void;
  /** Milliseconds since the epoch. */
  now?: () => number;
}

const RANK: Record<Level, number> = { debug: 0, info: 1, warn: 2, error: 3 };

/**
 * Makes a log that writes one object a line. It never throws and never blocks: a value that can't be written is described,
 * a secret-looking one is blanked, an output that fails costs lines (`lost`), and more than ten of one event in a second are
 * counted, then reported by one line of that event with the field `suppressed`. Lines with a `ref` are told apart from
 * others: a hundred a second, and the field `refs` names 32 more.
 */
export function createLog(options: LogOptions): OwnedLog {
  const now = options.now ?? Date.now;
  const format = options.format === "json" ? jsonLine : options.colours ? colouredLine : prettyLine;
  const sink: LineSink = options.write ? new CallbackSink(options.write) : new StdoutSink();
  const print = (level: Level, event: string, fields: Fields) => {
    let line: string;
    try {
      line = format(now(), level, event, plain(fields));
    } catch {
      line = format(now(), level, event, { unprintable: true });
    }
    sink.write(line);
  };
  const flood = new FloodGate(
    now,
    (level, event, suppressed, { refs, module }) =>
      print(level, event, {
        ...(module === undefined ? {} : { module }),
        suppressed,
        ...(refs.length > 0 ? { refs } : {}),
      }),
  );

  const log = (level: Level, event: string, fields: Fields = {}) => {
    if (
      RANK[level] < RANK[owned.level] || !flood.admits(event, level, { ref: refOf(fields), module: moduleOf(fields) })
    ) return;
    print(level, event, fields);
  };
  const owned: OwnedLog = {
    level: options.level,
    debug: (event, fields) => log("debug", event, fields),
    info: (event, fields) => log("info", event, fields),
    warn: (event, fields) => log("warn", event, fields),
    error: (event, fields) => log("error", event, fields),
    flush: async (deadlineMs = 500) => {
      flood.report();
      await sink.flush(deadlineMs);
    },
    get lost() {
      return sink.lost;
    },
  };
  return owned;
}

/** What a client was told to ask for. One of another length is not the server's, and would make a summary of any size. */
function refOf(fields: Fields): string | undefined {
  try {
    const { ref } = fields;
    return typeof ref === "string" && ref.length <= 64 ? ref : undefined;
  } catch {
    return undefined; // a getter of the caller's
  }
}

/** Which handler module a line is about. */
function moduleOf(fields: Fields): string | undefined {
  try {
    const { module } = fields;
    return typeof module === "string" && module.length <= 128 ? module : undefined;
  } catch {
    return undefined; // a getter of the caller's
  }
}

/** Hands each line to a function of the caller's. */
class CallbackSink implements LineSink {
  lost = 0;

  constructor(private readonly callback: (line: string) => void) {}

  write(line: string): void {
    try {
      this.callback(line);
    } catch {
      this.lost++;
    }
  }

  flush(): Promise<void> {
    return Promise.resolve();
  }
}

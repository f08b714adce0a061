/** The log of the server: one JSON object a line. */
import { type LineSink, StdoutSink } from "./output.ts";
import { FloodGate } from "./flood.ts";
import { plain } from "./values.ts";
import { colouredLine, jsonLine, type Level, prettyLine } from "./format.ts";

export { type Level, printable } from "./format.ts";

/** Fields of a line besides time, level and event. Values may be anything; `plain` converts them. */
export type Fields = Record<string, unknown>;

/** Writes events: an event name in dotted words (`handshake.rejected`) and fields. */
export interface Log {
  debug(event: string, fields?: Fields): void;
  info(event: string, fields?: Fields): void;
  warn(event: string, fields?: Fields): void;
  error(event: string, fields?: Fields): void;
  /** May be changed while the server runs (reload). */
  level: Level;
}

/** A log with the methods for its owner. */
export interface OwnedLog extends Log {
  /** Writes queued lines and the counts of suppressed lines within `deadlineMs` (default 500). Call it before exit. */
  flush(deadlineMs?: number): Promise<void>;
  /** Number of lines lost because the output failed or was too slow. */
  readonly lost: number;
}

export interface LogOptions {
  level: Level;
  format: "json" | "pretty";
  /** Fields of every line. */
  fields?: Fields;
  /** Colours in pretty lines. Default false. */
  colours?: boolean;
  /** Receives one line without its newline. Default: a bounded, asynchronous writer to standard output. */
  write?: (line: string) => void;
  /** Milliseconds since the epoch. */
  now?: () => number;
}

const RANK: Record<Level, number> = { debug: 0, info: 1, warn: 2, error: 3 };

/**
 * Creates a log of one JSON object a line. It never throws and never blocks. A value that can't be serialised is
 * described, a value that looks like a secret is redacted, and a failing output loses lines (`lost`). More than ten
 * lines of one event in a second are counted and then reported by one line of that event with the field `suppressed`.
 * Lines with a `ref` have a separate limit of a hundred a second, and the field `refs` of the report names 32 more.
 */
export function createLog(options: LogOptions): OwnedLog {
  const now = options.now ?? Date.now;
  const own = options.fields ?? {};
  const format = options.format === "json" ? jsonLine : options.colours ? colouredLine : prettyLine;
  const sink: LineSink = options.write ? new CallbackSink(options.write) : new StdoutSink(Deno.stdout, now, own);
  const print = (level: Level, event: string, fields: Fields) => {
    let line: string;
    try {
      line = format(now(), level, event, plain({ ...own, ...fields }));
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

/**
 * The `ref` that a client was told. A value of another length is not the server's, and could make a summary of any
 * size.
 */
function refOf(fields: Fields): string | undefined {
  try {
    const { ref } = fields;
    return typeof ref === "string" && ref.length <= 64 ? ref : undefined;
  } catch {
    return undefined; // a getter of the caller threw
  }
}

/** The handler module of a line. */
function moduleOf(fields: Fields): string | undefined {
  try {
    const { module } = fields;
    return typeof module === "string" && module.length <= 128 ? module : undefined;
  } catch {
    return undefined; // a getter of the caller threw
  }
}

/** Passes each line to a callback. */
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

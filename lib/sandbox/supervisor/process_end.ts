/** Determines why a cell's process ended. */
import { plainText } from "../../base/plain_text.ts";
import { type ProcessEnd, VitalsKind } from "../wire/processes.ts";

/** Facts about an ended process. */
export interface Evidence {
  /** Exit status, or null when a signal ended it. */
  readonly code: number | null;
  readonly signal: string | null;
  /** Kind of the last frame, if it was a farewell. */
  readonly farewell?: VitalsKind | undefined;
  /** The reason for which the supervisor killed it. */
  readonly killed?: ProcessEnd | undefined;
  /** The end of its standard error. */
  readonly errors: string;
}

const MAX_DETAIL_LENGTH = 1_000;
/** V8 ends a process without memory by SIGTRAP or SIGABRT; a shell reports 128 plus the signal's number. */
const ABORTED: readonly (string | number | null)[] = ["SIGTRAP", "SIGABRT", 133, 134];

/** The most probable cause of an end. */
export function endOf({ code, signal, farewell, killed, errors }: Evidence): ProcessEnd {
  if (farewell === VitalsKind.OutOfMemory) return end("out_of_memory", "the process was over its memory");
  if (killed !== undefined) return end(killed.cause, killed.detail);
  const last = lastLine(errors);
  const how = signal !== null ? `ended by ${signal}` : `exit status ${code}`;
  if ((ABORTED.includes(signal) || ABORTED.includes(code)) && /out of memory/i.test(errors)) {
    return end("out_of_memory", `${how}: the heap was full`);
  }
  return end("crash", last === "" ? how : `${how}: ${last}`);
}

/** An end with a detail that is safe for the log. */
export function end(cause: ProcessEnd["cause"], detail: string): ProcessEnd {
  return { cause, detail: plainText(detail).slice(0, MAX_DETAIL_LENGTH) };
}

function lastLine(text: string): string {
  return text.split("\n").map(plainText).findLast((line) => line !== "") ?? "";
}

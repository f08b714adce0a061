/** The `console` of a cell, which writes to the handler's log instead of the process output. */
import type { Level } from "../wire/operations.ts";
import { describeError } from "./describe_error.ts";
import { jsonText } from "./json.ts";

const METHODS: Record<string, Level> = {
  debug: "debug",
  log: "info",
  info: "info",
  warn: "warn",
  error: "error",
  trace: "debug",
};
/** Methods without an equivalent in a log. */
const SILENT = [
  ..."assert clear count countReset dir dirxml group groupCollapsed groupEnd profile profileEnd".split(" "),
  ..."table time timeEnd timeLog timeStamp".split(" "),
];

/** Creates a console that passes its lines to `write`. */
export function cellConsole(
  write: (level: Level, message: string) => void,
): Record<string, (...values: unknown[]) => void> {
  const made: Record<string, (...values: unknown[]) => void> = {};
  for (const [name, level] of Object.entries(METHODS)) {
    made[name] = (...values) => write(level, values.slice(0, 20).map(shown).join(" "));
  }
  for (const name of SILENT) made[name] = () => {};
  return made;
}

function shown(value: unknown): string {
  if (typeof value === "string") return value;
  if (value instanceof Error) return describeError(value);
  try {
    return jsonText(value) ?? String(value);
  } catch {
    return Object.prototype.toString.call(value);
  }
}

/**
 * Loads the configuration: from one TOML file to one resolved and checked object, or to a list of all its problems.
 *
 * @module
 */
import { dirname, resolve } from "node:path";
import { z } from "zod";
import { decodeDocument } from "../base/utf8.ts";
import { type Expanded, expandVariables } from "./expand.ts";
import { checkFiles, resolvePaths } from "./files.ts";
import { ConfigError, formatKey, type Problem } from "./problems.ts";
import { applyRules, type Draft } from "./rules.ts";
import { type Config, ConfigSchema, SECTIONS } from "./schema.ts";
import { handlerShape } from "./schema_handlers.ts";
import { parseToml, TomlError } from "./toml.ts";

export { type Algorithm, ALGORITHMS, type Config, type HandlerConfig } from "./schema.ts";
export { ConfigError, formatProblem, type Problem } from "./problems.ts";
export { formatDuration, formatSize, parseDuration, parseSize } from "./units.ts";
export { type NamedFile, namedFiles } from "./files.ts";
export { frontCapacity } from "./admits.ts";
export { cellCount, coresOfFront } from "./cells.ts";
export { isLoopback } from "./texts.ts";
export { configOfFront, hasCluster } from "./fronts.ts";
export { devConfig, type DevOptions } from "./dev.ts";
export { type Changes, reloadable } from "./reload.ts";

/** Default locations of the configuration, in order. */
export const DEFAULT_PATHS: readonly string[] = ["./sallyport.toml", "/etc/sallyport/sallyport.toml"];

export interface LoadOptions {
  /** The file. Without `path` and `text`, the first existing file of `DEFAULT_PATHS`. */
  path?: string;
  /** The contents. The file is then not read; `path` is its name and the base of relative paths. */
  text?: string;
  /**
   * Reads an environment variable for `${NAME}`. A reload calls it again, when this process may have lost the
   * permission.
   */
  env: (name: string) => string | undefined;
}

/** The file that `loadConfig` reads: the named one, or the first existing default. */
export function findConfig(path?: string): string | undefined {
  return path ?? DEFAULT_PATHS.find((candidate) => exists(candidate));
}

/**
 * Reads, expands, checks and resolves a configuration.
 *
 * Durations become milliseconds, sizes bytes, paths absolute. Named files must exist and be readable, and files with
 * secrets must not be accessible to group and others.
 *
 * @throws {ConfigError} with all problems, if there are any
 */
export function loadConfig(options: LoadOptions): Config {
  const path = options.text === undefined ? findConfig(options.path) : options.path ?? "sallyport.toml";
  if (path === undefined) {
    throw new ConfigError([{
      file: DEFAULT_PATHS.join(", "),
      key: "",
      message: "no such file, name one with --config",
    }]);
  }
  const problems: Problem[] = [];
  const document = parse(options.text ?? read(path), path);
  const expansion = expandVariables(document, options.env);
  const report = (key: string, message: string) => {
    if (!problems.some((problem) => problem.key === key)) problems.push({ file: path, key, message });
  };
  for (const { path, message } of expansion.problems) report(formatKey(path), message);
  const draft = checkKeys(expansion.value, report);
  resolvePaths(draft, dirname(resolve(path)));
  checkFiles(draft, options.env("CREDENTIALS_DIRECTORY"), report);
  if (problems.length > 0) throw new ConfigError(problems.map((problem) => concealed(problem, expansion.expanded)));
  return draft as Config;
}

function parse(text: string, file: string): Record<string, unknown> {
  try {
    return parseToml(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    throw new ConfigError([{ file, key: error.line === null ? "" : `line ${error.line}`, message: error.message }]);
  }
}

/** Applies schema and rules to the whole tree. Returns the valid keys. */
function checkKeys(value: unknown, report: (key: string, message: string) => void): Draft {
  const raw = value as Record<string, unknown>;
  const result = ConfigSchema.safeParse(raw);
  for (const issue of result.error?.issues ?? []) {
    if (issue.code === "unrecognized_keys") {
      for (const key of issue.keys) report(formatKey([...issue.path, key]), issue.message);
    } else {
      report(formatKey(issue.path), issue.message);
    }
  }
  const draft = result.success ? result.data : draftOf(raw);
  applyRules({
    draft,
    given: (section, key) => isGiven(raw, section) && (key === undefined || isGiven(raw[section], key)),
    problem: report,
  });
  return draft;
}

/** The valid keys of a tree with errors. */
function draftOf(raw: Record<string, unknown>): Draft {
  const draft: Record<string, unknown> = {};
  for (const [section, shape] of Object.entries(SECTIONS)) {
    const present = isGiven(raw, section);
    if (present || !["tls", "cluster", "ops"].includes(section)) draft[section] = fieldsOf(shape, raw[section]);
  }
  if (Array.isArray(raw.handlers)) draft.handlers = raw.handlers.map((entry) => fieldsOf(handlerShape, entry));
  return draft as Draft;
}

function fieldsOf(shape: z.ZodRawShape, table: unknown): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const [key, schema] of Object.entries(shape)) {
    const input = isTable(table) && Object.hasOwn(table, key) ? table[key] : undefined;
    const result = z.safeParse(schema, input);
    if (result.success && result.data !== undefined) fields[key] = result.data;
  }
  return fields;
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isGiven(table: unknown, key: string): boolean {
  return isTable(table) && Object.hasOwn(table, key);
}

/** A message shows the file's text in place of a value from a variable, because the value may be a secret. */
function concealed(problem: Problem, expanded: readonly Expanded[]): Problem {
  let message = problem.message;
  for (const { path, written, value } of expanded) {
    // Away from its own key, a short value could match ordinary words of the message.
    if (value === "" || (value.length < 8 && formatKey(path) !== problem.key)) continue;
    message = message.replaceAll(JSON.stringify(value).slice(1, -1), () => written);
  }
  return { ...problem, message };
}

function read(path: string): string {
  try {
    return decodeDocument(Deno.readFileSync(path));
  } catch (error) {
    const message = error instanceof Deno.errors.NotFound
      ? "no such file, must be an existing file"
      : error instanceof TypeError
      ? "is not UTF-8 text, must be"
      : "can't be read, must be a file this user can read";
    throw new ConfigError([{ file: path, key: "", message }]);
  }
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    // An existing but unreadable file is a problem to report; the next default must not replace it.
    return !(error instanceof Deno.errors.NotFound);
  }
}

/**
 * Runs a call: parses the input, calls the handler, parses the result and serialises it as JSON.
 *
 * Way of a message: parameters come in, the result leaves as JSON text. Refuses with -32602 parameters that do not
 * match their schema, with -32603 a result that does not.
 */
import type { z } from "zod";
import type { Errors } from "../author/context.ts";
import type { JudgeContext } from "./judge_context.ts";
import { DeclaredErrors } from "./declared_errors.ts";
import { visibleIssues } from "./issues.ts";
import { jsonText } from "./json.ts";
import { checkLength } from "./utf8.ts";

/**
 * The input does not match the schema, which is the caller's fault (-32602). Not an `Error`, because its stack is not
 * used.
 */
export class Misfit {
  /** `data` is JSON text: `{"issues":[…]}`. */
  constructor(readonly data: string) {}
}

/** The parts of a callable. */
export interface CallableParts {
  readonly name: string;
  readonly params?: z.ZodType | undefined;
  readonly result?: z.ZodType | undefined;
  /** Errors that `ctx.fail` can create. */
  readonly errors?: Errors | undefined;
  /** The result is always "null". */
  readonly silent?: boolean;
  /** Maximum size of the result's JSON text in bytes. */
  readonly maxBytes: () => number;
  readonly handle: (input: never, ctx: never) => unknown;
}

/** A method of the module, its raw handler, or a hook. */
export class Callable {
  readonly name: string;
  readonly errors: DeclaredErrors;
  readonly #params: Schema | undefined;
  readonly #result: Schema | undefined;
  readonly #silent: boolean;
  readonly #maxBytes: () => number;
  readonly #handle: (input: unknown, ctx: JudgeContext) => unknown;

  constructor({ name, params, result, errors, silent = false, maxBytes, handle }: CallableParts) {
    this.name = name;
    this.errors = new DeclaredErrors(errors);
    this.#params = params === undefined ? undefined : new Schema(params);
    this.#result = result === undefined ? undefined : new Schema(result);
    this.#silent = silent;
    this.#maxBytes = maxBytes;
    this.#handle = handle as (input: unknown, ctx: JudgeContext) => unknown;
  }

  /** The value of omitted parameters: an empty object, unless the schema accepts undefined. */
  get absent(): unknown {
    return this.#params?.absent;
  }

  /**
   * Returns the JSON text of the result.
   *
   * @throws {Misfit} if the input is invalid; errors of the handler are passed on
   */
  run(input: unknown, ctx: JudgeContext): string | Promise<string> {
    if (this.#params === undefined) return this.#handled(input, ctx);
    const parsed = this.#params.parse(input);
    return isThenable(parsed) ? this.#parsedLater(parsed, ctx) : this.#fitting(parsed, ctx);
  }

  // `await` uses a promise's own state; a `then` that the module added to its promise is not called.
  async #parsedLater(parsed: PromiseLike<z.ZodSafeParseResult<unknown>>, ctx: JudgeContext): Promise<string> {
    return await this.#fitting(await parsed, ctx);
  }

  #fitting(parsed: z.ZodSafeParseResult<unknown>, ctx: JudgeContext): string | Promise<string> {
    if (!parsed.success) throw new Misfit(jsonText({ issues: visibleIssues(parsed.error) })!);
    return this.#handled(parsed.data, ctx);
  }

  #handled(input: unknown, ctx: JudgeContext): string | Promise<string> {
    const made = this.#handle(input, ctx);
    return isThenable(made) ? this.#checkedLater(made) : this.#checked(made);
  }

  async #checkedLater(made: PromiseLike<unknown>): Promise<string> {
    return await this.#checked(await made);
  }

  #checked(value: unknown): string | Promise<string> {
    if (this.#silent) return "null";
    if (this.#result === undefined) return this.#text(value);
    const parsed = this.#result.parse(value);
    return isThenable(parsed) ? this.#textLater(parsed) : this.#textOf(parsed);
  }

  async #textLater(parsed: PromiseLike<z.ZodSafeParseResult<unknown>>): Promise<string> {
    return this.#textOf(await parsed);
  }

  #textOf(parsed: z.ZodSafeParseResult<unknown>): string {
    if (!parsed.success) throw parsed.error;
    return this.#text(parsed.data);
  }

  #text(value: unknown): string {
    const text = jsonText(value) ?? "null";
    checkLength("The result", text, this.#maxBytes());
    return text;
  }
}

/** A schema, and whether it is asynchronous. */
class Schema {
  readonly absent: unknown;
  readonly #type: z.ZodType;
  #asynchronous = false;

  constructor(type: z.ZodType) {
    this.#type = type;
    this.absent = acceptsNothing(type) ? undefined : {};
  }

  parse(value: unknown): z.ZodSafeParseResult<unknown> | Promise<z.ZodSafeParseResult<unknown>> {
    if (this.#asynchronous) return this.#type.safeParseAsync(value);
    try {
      return this.#type.safeParse(value);
    } catch (error) {
      if (!isAsyncSchema(error)) throw error;
      this.#asynchronous = true;
      return this.#type.safeParseAsync(value);
    }
  }
}

function isThenable<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return value !== null && typeof value === "object" && typeof (value as { then?: unknown }).then === "function";
}

function acceptsNothing(type: z.ZodType): boolean {
  try {
    return type.safeParse(undefined).success;
  } catch {
    return false;
  }
}

function isAsyncSchema(error: unknown): boolean {
  return error instanceof Error && error.constructor.name === "$ZodAsyncError";
}

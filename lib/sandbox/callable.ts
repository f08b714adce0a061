/** What a call runs: its input is checked, handled, and the result checked and written as JSON. */
import type { z } from "zod";
import type { HandlerContext } from "./context.ts";
import { visibleIssues } from "./issues.ts";
import { MAX_TEXT } from "./wire.ts";

/** The input does not fit the schema: the caller's fault, answered -32602. No `Error`, since nobody wants its stack. */
export class Misfit {
  /** `data` is JSON text: `{"issues":[…]}`. */
  constructor(readonly data: string) {}
}

/** What one callable is made of. */
export interface CallableParts {
  readonly name: string;
  readonly params?: z.ZodType | undefined;
  readonly result?: z.ZodType | undefined;
  /** Its result is "null", whatever it returns. */
  readonly silent?: boolean;
  readonly handle: (input: never, ctx: never) => unknown;
}

/** A method of the module, its taking of raw frames, or a hook. */
export class Callable {
  readonly name: string;
  readonly #params: Schema | undefined;
  readonly #result: Schema | undefined;
  readonly #silent: boolean;
  readonly #handle: (input: unknown, ctx: HandlerContext) => unknown;

  constructor({ name, params, result, silent = false, handle }: CallableParts) {
    this.name = name;
    this.#params = params === undefined ? undefined : new Schema(params);
    this.#result = result === undefined ? undefined : new Schema(result);
    this.#silent = silent;
    this.#handle = handle as (input: unknown, ctx: HandlerContext) => unknown;
  }

  /** Stands for parameters that were left out: an empty object, unless the schema takes nothing at all. */
  get absent(): unknown {
    return this.#params?.absent;
  }

  /** JSON text of the result. Throws or rejects with a `Misfit`, or with whatever went wrong. */
  run(input: unknown, ctx: HandlerContext): string | Promise<string> {
    if (this.#params === undefined) return this.#handled(input, ctx);
    const parsed = this.#params.parse(input);
    return parsed instanceof Promise ? parsed.then((one) => this.#fitting(one, ctx)) : this.#fitting(parsed, ctx);
  }

  #fitting(parsed: z.ZodSafeParseResult<unknown>, ctx: HandlerContext): string | Promise<string> {
    if (!parsed.success) throw new Misfit(JSON.stringify({ issues: visibleIssues(parsed.error) }));
    return this.#handled(parsed.data, ctx);
  }

  #handled(input: unknown, ctx: HandlerContext): string | Promise<string> {
    const made = this.#handle(input, ctx);
    return isThenable(made) ? Promise.resolve(made).then((value) => this.#checked(value)) : this.#checked(made);
  }

  #checked(value: unknown): string | Promise<string> {
    if (this.#silent) return "null";
    if (this.#result === undefined) return resultText(value);
    const parsed = this.#result.parse(value);
    return parsed instanceof Promise ? parsed.then(checkedText) : checkedText(parsed);
  }
}

/** A schema, and whether it turned out to be asynchronous. */
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

function isThenable(value: unknown): value is PromiseLike<unknown> {
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

function checkedText(parsed: z.ZodSafeParseResult<unknown>): string {
  if (!parsed.success) throw parsed.error;
  return resultText(parsed.data);
}

function resultText(value: unknown): string {
  const text = JSON.stringify(value) ?? "null";
  if (text.length > MAX_TEXT) throw new RangeError("The result is longer than 1 MiB");
  return text;
}

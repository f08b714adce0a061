/** Declared errors of a method. `ctx.fail` creates one after parsing its data by its schema. */
import type { z } from "zod";
import type { Errors } from "../author/context.ts";
import { jsonText } from "./json.ts";
import { checkLength } from "./utf8.ts";

/** The error created by `ctx.fail`. Only the method that created it can answer with it. */
export class DeclaredFailure extends Error {
  override readonly name = "DeclaredFailure";

  /** `index` is the error's index in the declaration, `data` JSON text or empty. */
  constructor(readonly of: DeclaredErrors, readonly index: number, readonly data: string, message: string) {
    super(message);
  }
}

export class DeclaredErrors {
  readonly #known = new Map<string, { readonly index: number; readonly message: string; readonly data?: z.ZodType }>();

  constructor(declared: Errors = {}) {
    Object.entries(declared).forEach(([name, error], index) => this.#known.set(name, { ...error, index }));
  }

  /**
   * Creates a declared error.
   *
   * @throws {TypeError} if no such error is declared
   * @throws {z.ZodError} if the data does not match
   * @throws {RangeError} if the data is longer than `most` bytes
   */
  make(name: string, data: unknown, most: number): DeclaredFailure {
    const found = this.#known.get(name);
    if (found === undefined) throw new TypeError(`The method declares no error ${JSON.stringify(String(name))}`);
    if (found.data === undefined) {
      if (data !== undefined) throw new TypeError(`The error ${JSON.stringify(name)} declares no data`);
      return new DeclaredFailure(this, found.index, "", found.message);
    }
    const text = jsonText(found.data.parse(data)) ?? "";
    checkLength("The data of an error", text, most);
    return new DeclaredFailure(this, found.index, text, found.message);
  }
}

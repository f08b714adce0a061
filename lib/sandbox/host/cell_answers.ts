/**
 * Answers of a cell to its calls.
 *
 * Way of a message: checks an answer, and settles its call once. An answer that violates the table ends the cell.
 */
import { isUtf8 } from "node:buffer";
import { ErrorCode } from "../../rpc/errors.ts";
import type { Contract } from "../author/contract.ts";
import { type Operation, WireError } from "../wire/operation_reader.ts";
import { ToHost } from "../wire/operations.ts";
import type { Pending, PendingCalls } from "./pending_calls.ts";
import { type WorkBudget, workOf } from "./work.ts";

/** Errors a cell may answer with, without their sign. */
const CELL_ERRORS: ReadonlySet<number> = new Set([
  -ErrorCode.METHOD_NOT_FOUND,
  -ErrorCode.INVALID_PARAMS,
  -ErrorCode.INTERNAL_ERROR,
  -ErrorCode.FORBIDDEN,
  -ErrorCode.OVERLOADED,
]);

export class CellAnswers {
  readonly #pending: PendingCalls;
  readonly #contract: Contract;
  readonly #budget: WorkBudget;

  /** `contract` is what this cell has reported. What answers no call is charged to `budget`. */
  constructor(pending: PendingCalls, contract: Contract, budget: WorkBudget) {
    this.#pending = pending;
    this.#contract = contract;
    this.#budget = budget;
  }

  /** Settles the call that the operation answers. @throws {WireError} if the answer violates the table */
  take(operation: Operation): void {
    const { code, id, extra, first } = operation;
    switch (code) {
      case ToHost.Result:
        if (!isUtf8(first)) throw new WireError("a result is not UTF-8");
        return this.#answered(id, first.length)?.call.resolve(first);
      case ToHost.Error: {
        if (!CELL_ERRORS.has(extra)) throw new WireError("an error code is not one of a cell's");
        const data = dataOf(first);
        return this.#answered(id, first.length)?.call.reject(-extra, data);
      }
      case ToHost.DeclaredError:
        return this.#declaredError(operation);
    }
  }

  /** Code and message are those of the contract. */
  #declaredError({ id, extra, first }: Operation): void {
    const data = dataOf(first);
    const method = this.#pending.methodOf(id);
    const error = this.#contract.methods.get(method ?? "")?.errors?.[extra];
    if (method !== undefined && error === undefined) throw new WireError("an error is not one of the method's");
    const pending = this.#answered(id, first.length);
    if (error !== undefined) pending?.call.reject(error.code, data, error.message);
  }

  /** The call of that number, which is answered now; undefined when it has been. What was not asked for is charged. */
  #answered(id: number, bytes: number): Pending | undefined {
    const pending = this.#pending.take(id);
    if (pending === undefined) this.#budget.take(workOf(bytes, 0));
    return pending;
  }
}

function dataOf(bytes: Uint8Array): string | undefined {
  if (!isUtf8(bytes)) throw new WireError("data of an error is not UTF-8");
  return bytes.length === 0 ? undefined : new TextDecoder().decode(bytes);
}

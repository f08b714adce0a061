/** Contracts of modules, without a cell. */
import { checkContract } from "../../lib/sandbox/author/contract_check.ts";
import { makeKit } from "../../lib/sandbox/cell/kit.ts";
import { describeHandlers, makeHandlers } from "../../lib/sandbox/cell/module_shape.ts";
import type { Contract } from "../../lib/sandbox/author/contract.ts";

/** The contract of what a module exports. */
export async function contractOf(module: unknown): Promise<Contract> {
  const kit = makeKit({ publish() {}, log() {} });
  const checked = checkContract(describeHandlers(await makeHandlers(module, kit)));
  if ("problems" in checked) throw new TypeError(checked.problems.join("; "));
  return checked.contract;
}

/** The document as a reader of its text gets it. */
export function asSent<T>(document: T): T {
  return JSON.parse(JSON.stringify(document)) as T;
}

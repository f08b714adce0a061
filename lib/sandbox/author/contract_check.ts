/** Validates the contract that a cell reports, and names every problem. */
import { isReserved } from "../../rpc/errors.ts";
import type { Contract, ErrorContract, MethodContract } from "./contract.ts";
import {
  checkKeys,
  isDeep,
  list,
  MAX_LEVELS,
  object,
  type Raw,
  readDescription,
  readRoles,
  readSchema,
  type Wrong,
} from "./reported.ts";
import { isServerName } from "./server_methods.ts";
import { readTopics } from "./topic_check.ts";

/** A valid contract, with the fields that only the sandbox uses. */
export interface CheckedContract {
  readonly contract: Contract;
  /** The module has an `open` hook. */
  readonly opens: boolean;
}

const MOST_METHODS = 1000;
const METHOD_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.:\/-]{0,127}$/;
const MOST_COST = 1000;
const MOST_ERRORS = 100;
const ERROR_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.:\/-]{0,127}$/;
/** Maximum length of a declared error's message, in UTF-16 units. */
const MAX_MESSAGE_LENGTH = 1000;

/** Returns the contract, or the list of problems. */
export function checkContract(reported: unknown): CheckedContract | { problems: string[] } {
  const problems: string[] = [];
  const report = object(reported);
  const hooks = object(report["hooks"]);
  for (const name of ["open", "close"]) {
    if (hooks[name] !== "undefined" && hooks[name] !== "function") problems.push(`${name} is no function`);
  }
  const opens = hooks["open"] === "function";
  const kind = report["kind"];
  let contract: Contract | undefined;
  if (kind === "raw") contract = rawContract(report, problems);
  else if (kind === "rpc") contract = rpcContract(report, problems);
  else if (kind === "both") problems.push("has both methods and raw, a module is one or the other");
  else problems.push("has neither methods nor raw");
  return contract === undefined || problems.length > 0 ? { problems } : { contract, opens };
}

function rawContract(report: Raw, problems: string[]): Contract {
  const raw = object(report["raw"]);
  if (report["topics"] !== undefined) problems.push("raw has no topics, its clients speak no JSON-RPC");
  if (raw["message"] !== "function") problems.push("raw.message is no function");
  if (typeof raw["binary"] !== "boolean") problems.push("raw.binary is neither true nor false");
  if (raw["schema"] === "wrong") problems.push("raw.schema is not a zod schema");
  return { kind: "raw", binary: raw["binary"] !== false, methods: new Map(), topics: new Map() };
}

function rpcContract(report: Raw, problems: string[]): Contract {
  const methods = new Map<string, MethodContract>();
  const listed = list(report["methods"]);
  if (listed.length === 0) problems.push("methods is empty");
  if (listed.length > MOST_METHODS) problems.push(`has ${listed.length} methods, at most ${MOST_METHODS} are allowed`);
  for (const entry of listed.slice(0, MOST_METHODS)) {
    const found = object(entry);
    const name = String(found["name"]).slice(0, 200);
    const wrong = (what: string) => problems.push(`method ${JSON.stringify(name)}: ${what}`);
    const method = methodContract(name, found, wrong);
    if (methods.has(name)) wrong("is there twice");
    methods.set(name, method);
  }
  return { kind: "rpc", binary: false, methods, topics: readTopics(report["topics"], problems) };
}

function methodContract(name: string, found: Raw, wrong: (what: string) => void): MethodContract {
  if (!METHOD_NAME.test(name)) {
    wrong("a name is 1 to 128 letters, digits and _ . : / -, beginning with a letter, digit or _");
  }
  if (isServerName(name)) {
    wrong("names beginning with rpc., session. and topic. are the server's own");
  }
  if (found["shape"] !== "object") {
    wrong(`is ${String(found["shape"])}, not an object`);
    return { name, cost: 1, params: {} };
  }
  if (found["handle"] !== "function") wrong("handle is no function");
  checkKeys(found["unknown"], wrong);
  const params = readSchema("params", found["params"], wrong);
  const result = found["result"] === undefined ? undefined : readSchema("result", found["result"], wrong);
  const errors = found["errors"] === undefined ? undefined : errorContracts(found["errors"], wrong);
  const roles = readRoles("roles", found["roles"], wrong);
  const open = found["public"];
  if (open !== undefined && typeof open !== "boolean") wrong("public is neither true nor false");
  if (open === true && found["roles"] !== undefined) wrong("public: true and roles contradict each other");
  const cost = found["cost"] ?? 1;
  if (typeof cost !== "number" || !Number.isInteger(cost) || cost < 1 || cost > MOST_COST) {
    wrong(`cost is not a whole number from 1 to ${MOST_COST}`);
  }
  const description = readDescription(found["description"], wrong);
  const examples = readExamples(found, wrong);
  return {
    name,
    cost: typeof cost === "number" ? cost : 1,
    params,
    ...(result === undefined ? {} : { result }),
    ...(errors === undefined ? {} : { errors }),
    ...(roles === undefined ? {} : { roles }),
    ...(typeof open === "boolean" ? { public: open } : {}),
    ...(description === undefined ? {} : { description }),
    ...(examples === undefined ? {} : { examples }),
  };
}

function readExamples({ examples, misfits }: Raw, wrong: Wrong): readonly unknown[] | undefined {
  if (examples !== undefined && !Array.isArray(examples)) wrong("examples is not a list");
  for (const [index, example] of list(examples).entries()) {
    if (isDeep(example)) wrong(`examples[${index}] is nested more than ${MAX_LEVELS} levels deep`);
  }
  for (const index of list(misfits)) wrong(`examples[${String(index)}] does not fit params`);
  return Array.isArray(examples) ? examples : undefined;
}

function errorContracts(listed: unknown, wrong: Wrong): ErrorContract[] {
  if (!Array.isArray(listed)) wrong("errors is no object");
  const found = list(listed).slice(0, MOST_ERRORS).map((entry) => errorContract(object(entry), wrong));
  if (list(listed).length > MOST_ERRORS) wrong(`has more than ${MOST_ERRORS} errors`);
  const codes = new Set<number>();
  for (const { code } of found) {
    if (codes.has(code)) wrong(`two errors have the code ${code}`);
    if (Number.isInteger(code)) codes.add(code);
  }
  return found;
}

function errorContract(found: Raw, wrong: Wrong): ErrorContract {
  const name = String(found["name"]).slice(0, 200);
  const what = `error ${JSON.stringify(name)}:`;
  if (!ERROR_NAME.test(name)) {
    wrong(`${what} a name is 1 to 128 letters, digits and _ . : / -, beginning with a letter, digit or _`);
  }
  const { code, message } = found;
  if (found["shape"] !== "object") wrong(`${what} is ${String(found["shape"])}, not an object`);
  else {
    checkKeys(found["unknown"], (problem) => wrong(`${what} ${problem}`));
    if (typeof code !== "number" || code !== (code | 0)) wrong(`${what} code is no 32-bit integer`);
    else if (isReserved(code)) wrong(`${what} codes from -32768 to -32000 are reserved`);
    if (typeof message !== "string" || message === "" || message.length > MAX_MESSAGE_LENGTH) {
      wrong(`${what} message is not 1 to ${MAX_MESSAGE_LENGTH} characters`);
    }
  }
  const data = found["data"] === undefined ? undefined : readSchema(`${what} data`, found["data"], wrong);
  return { name, code: Number(code), message: String(message), ...(data === undefined ? {} : { data }) };
}

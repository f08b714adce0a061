/** Reads the contract a cell reports. A cell is not believed: everything is checked here, and every problem named. */
import type { Contract, JsonSchema, MethodContract } from "./contract.ts";

/** A contract that was read, with what only the sandbox needs. */
export interface CheckedContract {
  readonly contract: Contract;
  /** The module has an `open` hook. */
  readonly opens: boolean;
}

const MOST_METHODS = 1000;
const METHOD_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.:\/-]{0,127}$/;
const ROLE = /^[^\s,;"\\]{1,128}$/;
const MOST_COST = 1000;
/** Longest description, in UTF-16 units. */
const MAX_DESCRIPTION_LENGTH = 10_000;
/** Objects and lists inside one another, in a schema or an example. */
const MAX_LEVELS = 64;

type Raw = Record<string, unknown>;

/** Gives the contract, or the list of what is wrong with it. */
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
  if (kind === "raw") contract = rawContract(object(report["raw"]), problems);
  else if (kind === "rpc") contract = rpcContract(report["methods"], problems);
  else if (kind === "both") problems.push("has both methods and raw, a module is one or the other");
  else problems.push("has neither methods nor raw");
  return contract === undefined || problems.length > 0 ? { problems } : { contract, opens };
}

function rawContract(raw: Raw, problems: string[]): Contract {
  if (raw["message"] !== "function") problems.push("raw.message is no function");
  if (typeof raw["binary"] !== "boolean") problems.push("raw.binary is neither true nor false");
  if (raw["schema"] === "wrong") problems.push("raw.schema is not a zod schema");
  return { kind: "raw", binary: raw["binary"] !== false, methods: new Map() };
}

function rpcContract(listed: unknown, problems: string[]): Contract {
  const methods = new Map<string, MethodContract>();
  const list = Array.isArray(listed) ? listed as unknown[] : [];
  if (list.length === 0) problems.push("methods is empty");
  if (list.length > MOST_METHODS) problems.push(`has ${list.length} methods, at most ${MOST_METHODS} are allowed`);
  for (const entry of list.slice(0, MOST_METHODS)) {
    const found = object(entry);
    const name = String(found["name"]).slice(0, 200);
    const wrong = (what: string) => problems.push(`method ${JSON.stringify(name)}: ${what}`);
    const method = methodContract(name, found, wrong);
    if (methods.has(name)) wrong("is there twice");
    methods.set(name, method);
  }
  return { kind: "rpc", binary: false, methods };
}

function methodContract(name: string, found: Raw, wrong: (what: string) => void): MethodContract {
  if (!METHOD_NAME.test(name)) {
    wrong("a name is 1 to 128 letters, digits and _ . : / -, beginning with a letter, digit or _");
  }
  if (/^(?:rpc|session)\./.test(name)) wrong("names beginning with rpc. and session. are the server's own");
  if (found["shape"] !== "object") {
    wrong(`is ${String(found["shape"])}, not an object`);
    return { name, cost: 1, params: {} };
  }
  if (found["handle"] !== "function") wrong("handle is no function");
  for (const key of strings(found["unknown"])) wrong(`${key.slice(0, 100)} is not known here`);
  const params = schema("params", found["params"], wrong);
  const result = found["result"] === undefined ? undefined : schema("result", found["result"], wrong);
  const roles = found["roles"];
  if (roles !== undefined) {
    if (
      !Array.isArray(roles) || roles.length === 0 || !roles.every((role) => typeof role === "string" && ROLE.test(role))
    ) {
      wrong("roles is not a list of role names");
    } else if (new Set(roles).size !== roles.length) wrong("roles names one role twice");
  }
  const open = found["public"];
  if (open !== undefined && typeof open !== "boolean") wrong("public is neither true nor false");
  if (open === true && roles !== undefined) wrong("public: true and roles contradict each other");
  const cost = found["cost"] ?? 1;
  if (typeof cost !== "number" || !Number.isInteger(cost) || cost < 1 || cost > MOST_COST) {
    wrong(`cost is not a whole number from 1 to ${MOST_COST}`);
  }
  const description = found["description"];
  if (description !== undefined && typeof description !== "string") wrong("description is no text");
  if (typeof description === "string" && description.length > MAX_DESCRIPTION_LENGTH) {
    wrong(`description has ${description.length} characters, at most ${MAX_DESCRIPTION_LENGTH} are allowed`);
  }
  const examples = found["examples"];
  if (examples !== undefined && !Array.isArray(examples)) wrong("examples is not a list");
  for (const [index, example] of (Array.isArray(examples) ? examples as unknown[] : []).entries()) {
    if (isDeep(example)) wrong(`examples[${index}] is nested more than ${MAX_LEVELS} levels deep`);
  }
  for (const index of Array.isArray(found["misfits"]) ? found["misfits"] as unknown[] : []) {
    wrong(`examples[${String(index)}] does not fit params`);
  }
  return {
    name,
    cost: typeof cost === "number" ? cost : 1,
    params,
    ...(result === undefined ? {} : { result }),
    ...(Array.isArray(roles) ? { roles: Object.freeze(roles.map(String)) } : {}),
    ...(typeof open === "boolean" ? { public: open } : {}),
    ...(typeof description === "string" ? { description } : {}),
    ...(Array.isArray(examples) ? { examples: examples as unknown[] } : {}),
  };
}

function schema(what: string, found: unknown, wrong: (what: string) => void): JsonSchema {
  const { schema, error } = object(found);
  if (typeof error === "string") wrong(`${what} ${error}`);
  else if (schema === null || typeof schema !== "object" || Array.isArray(schema)) wrong(`${what} has no JSON Schema`);
  else if (isDeep(schema)) {
    wrong(`${what} is nested more than ${MAX_LEVELS} levels deep`);
    return {};
  }
  return object(schema);
}

/** Whether there are more levels than allowed. Without recursion, which a contract could make overflow. */
function isDeep(value: unknown): boolean {
  const isObject = (one: unknown): one is object => one !== null && typeof one === "object";
  let level = [value];
  for (let depth = 0; depth < MAX_LEVELS && level.length > 0; depth++) {
    level = level.filter(isObject).flatMap((one) => Object.values(one) as unknown[]);
  }
  return level.some(isObject);
}

function object(value: unknown): Raw {
  return value !== null && typeof value === "object" && !Array.isArray(value) ? value as Raw : {};
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}

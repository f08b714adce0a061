/** Names what in a contract has changed so that clients of the old one break. */
import type { Change, Direction } from "./change.ts";
import { compareSchemas } from "./compare_schemas.ts";
import type { ReadContract, ReadMethod, ReadTopic } from "./read_openrpc.ts";
import { isObject, type Schema } from "./schemas.ts";

/** One line for people, without a final full stop. */
export interface BreakingChange {
  readonly text: string;
  /** It may break clients or not: the comparison can't tell. */
  readonly undecided: boolean;
}

/**
 * The breaking changes from an old contract to a new one: what was removed; parameters that take less; results, events and data of
 * errors that say more; roles that were taken away. In no change is a method, topic, event or error added, a description, a cost
 * or a message.
 */
export function compareContracts(old: ReadContract, current: ReadContract): BreakingChange[] {
  const raw = old.raw.filter((subprotocol) => !current.raw.includes(subprotocol))
    .map((subprotocol) => decided(`raw module ${quoted(subprotocol)}: is gone`));
  const methods = old.methods.flatMap((method) => {
    const found = counterpart(method, current.methods, ({ name }) => name);
    const label = `method ${quoted(method.name)}${of(method)}`;
    return found === undefined ? [decided(`${label}: is gone`)] : compareMethods(label, method, found, old, current);
  });
  const topics = old.topics.flatMap((topic) => {
    const found = counterpart(topic, current.topics, ({ pattern }) => pattern.replaceAll(PLACEHOLDER, "{}"));
    const label = `topic ${quoted(topic.pattern)}${of(topic)}`;
    return found === undefined ? [decided(`${label}: is gone`)] : compareTopics(label, topic, found, old, current);
  });
  return [...raw, ...methods, ...topics];
}

const PLACEHOLDER = /\{[^}]*\}/g;

interface Served {
  readonly subprotocol: string | undefined;
}

/** The same thing of the new contract. A document of `rpc.discover` names no subprotocol: then the name decides alone. */
function counterpart<T extends Served>(one: T, among: readonly T[], keyOf: (one: T) => string): T | undefined {
  return among.find((other) =>
    keyOf(one) === keyOf(other) &&
    (one.subprotocol === other.subprotocol || one.subprotocol === undefined || other.subprotocol === undefined)
  );
}

function compareMethods(
  label: string,
  method: ReadMethod,
  found: ReadMethod,
  old: ReadContract,
  current: ReadContract,
): BreakingChange[] {
  const schemas = (what: string, before: Schema, after: Schema, direction: Direction) =>
    compareParts(`${label}: ${what}`, before, after, direction, old, current);
  const errors = [...method.errors].flatMap(([code, { name, data }]) => {
    const what = `error ${quoted(name)} (${code})`;
    const other = found.errors.get(code);
    if (other === undefined) return [decided(`${label}: ${what} is gone`)];
    if (data === undefined) return [];
    if (other.data === undefined) return [decided(`${label}: ${what} has no data any more`)];
    return schemas(`data of ${what}`, data, other.data, "sent");
  });
  return [
    ...lostRoles(label, "call it", method.roles, found.roles),
    ...schemas("params", method.params, found.params, "taken"),
    ...schemas("result", method.result, found.result, "sent"),
    ...errors,
  ];
}

function compareTopics(
  label: string,
  topic: ReadTopic,
  found: ReadTopic,
  old: ReadContract,
  current: ReadContract,
): BreakingChange[] {
  const schemas = (what: string, before: Schema, after: Schema, direction: Direction) =>
    compareParts(`${label}: ${what}`, before, after, direction, old, current);
  const events = [...topic.events].flatMap(([name, { data, input }]) => {
    const other = found.events.get(name);
    if (other === undefined) return [decided(`${label}: event ${quoted(name)} is gone`)];
    const published = topic.publish === undefined || found.publish === undefined;
    return [
      ...schemas(`event ${quoted(name)}`, data, other.data, "sent"),
      ...published ? [] : schemas(`publishing ${quoted(name)}`, input, other.input, "taken"),
    ];
  });
  return [
    ...lostRoles(label, "subscribe", topic.roles, found.roles),
    ...found.allow && !topic.allow
      ? [{ text: `${label}: the module decides of each connection now`, undecided: true }]
      : [],
    ...lostRights(label, "publish", topic.publish, found.publish),
    ...lostRights(label, "ask who is there", topic.presence, found.presence),
    ...schemas("params", renamed(topic, found), found.params, "taken"),
    ...events,
  ];
}

/** The old parameters, under the names that the new pattern gives them. */
function renamed(topic: ReadTopic, found: ReadTopic): Schema {
  const [before, after] = [topic.pattern, found.pattern].map((pattern) => pattern.match(PLACEHOLDER) ?? []);
  const { params } = topic;
  if (!isObject(params) || !isObject(params["properties"])) return params;
  const names = new Map(before!.map((name, index) => [name.slice(1, -1), after![index]!.slice(1, -1)]));
  const rename = (name: string) => names.get(name) ?? name;
  const required = Array.isArray(params["required"]) ? params["required"].map((name) => rename(String(name))) : [];
  const properties = Object.entries(params["properties"]).map(([name, schema]) => [rename(name), schema]);
  return { ...params, properties: Object.fromEntries(properties) as Record<string, unknown>, required };
}

function compareParts(
  label: string,
  before: Schema,
  after: Schema,
  direction: Direction,
  old: ReadContract,
  current: ReadContract,
): BreakingChange[] {
  const changes: Change[] = compareSchemas(
    { schema: before, definitions: old.definitions },
    { schema: after, definitions: current.definitions },
    direction,
  );
  return changes.map(({ path, what, undecided }) => ({ text: `${label}${path}: ${what}`, undecided }));
}

/** Roles that had a right; absent means that all have it. */
function lostRoles(
  label: string,
  right: string,
  before: readonly string[] | undefined,
  after: readonly string[] | undefined,
): BreakingChange[] {
  if (after === undefined) return [];
  if (before === undefined) return [decided(`${label}: only ${after.map(quoted).join(", ")} may ${right} now`)];
  return before.filter((role) => !after.includes(role))
    .map((role) => decided(`${label}: role ${quoted(role)} may not ${right} any more`));
}

/** Roles that had a right; absent means that none has it. */
function lostRights(
  label: string,
  right: string,
  before: readonly string[] | undefined,
  after: readonly string[] | undefined,
): BreakingChange[] {
  return (before ?? []).filter((role) => !(after ?? []).includes(role))
    .map((role) => decided(`${label}: role ${quoted(role)} may not ${right} any more`));
}

function decided(text: string): BreakingChange {
  return { text, undecided: false };
}

function of({ subprotocol }: Served): string {
  return subprotocol === undefined ? "" : ` of ${quoted(subprotocol)}`;
}

/** As JSON: no control character of a document reaches the terminal. */
function quoted(text: string): string {
  return JSON.stringify(text);
}

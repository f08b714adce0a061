/** Finds the changes of a contract that break clients of the old one. */
import { list } from "../sandbox/author/reported.ts";
import type { Change, Direction } from "./change.ts";
import { compareSchemas } from "./compare_schemas.ts";
import type { ReadContract, ReadMethod, ReadTopic } from "./read_openrpc.ts";
import { isObject, type Schema } from "./schemas.ts";

/** A readable line without a final full stop. */
export interface BreakingChange {
  readonly text: string;
  /** The comparison can't tell whether it breaks clients. */
  readonly undecided: boolean;
}

/**
 * The breaking changes from an old contract to a new one: removals; parameters that accept less; results, events and
 * data of errors that contain more; roles that lost a right. An added method, topic, event or error, and another
 * description, cost or message are no breaking changes.
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

/**
 * The counterpart in the new contract. A document of `rpc.discover` has no subprotocol: then the name alone decides.
 */
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
    ...lostRights(label, "read the presence", topic.presence, found.presence),
    ...schemas("params", renamed(topic, found), found.params, "taken"),
    ...events,
  ];
}

/** The old parameters with the names of the new pattern. */
function renamed(topic: ReadTopic, found: ReadTopic): Schema {
  const [before, after] = [topic.pattern, found.pattern].map((pattern) => pattern.match(PLACEHOLDER) ?? []);
  const { params } = topic;
  if (!isObject(params) || !isObject(params["properties"])) return params;
  const names = new Map(before!.map((name, index) => [name.slice(1, -1), after![index]!.slice(1, -1)]));
  const rename = (name: string) => names.get(name) ?? name;
  const required = list(params["required"]).map((name) => rename(String(name)));
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

/** Roles with a right before; absent means all. */
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

/** Roles with a right before; absent means none. */
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

/** Formats as JSON, so that no control character of a document reaches the terminal. */
function quoted(text: string): string {
  return JSON.stringify(text);
}

/** Validates the topics that a cell reports. */
import { parseDuration } from "../../config/units.ts";
import type { EventContract, JsonSchema, TopicContract } from "./contract.ts";
import { checkKeys, list, object, type Raw, readDescription, readRoles, readSchema, type Wrong } from "./reported.ts";
import { TopicPattern } from "./topic_pattern.ts";

const MOST_TOPICS = 100;
const MOST_EVENTS = 200;
const EVENT_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.:\/-]{0,127}$/;
/** Bounds of `recheck`, in milliseconds. */
const MIN_RECHECK_MS = 1000;
const MAX_RECHECK_MS = 86_400_000;

/** Returns the topics by pattern; adds problems to `problems`. */
export function readTopics(listed: unknown, problems: string[]): ReadonlyMap<string, TopicContract> {
  const topics = new Map<string, TopicContract>();
  if (listed === undefined) return topics;
  const found = list(listed);
  if (found.length === 0) problems.push("topics is empty");
  if (found.length > MOST_TOPICS) problems.push(`has ${found.length} topics, at most ${MOST_TOPICS} are allowed`);
  const patterns: TopicPattern[] = [];
  for (const entry of found.slice(0, MOST_TOPICS)) {
    const raw = object(entry);
    const text = String(raw["pattern"]);
    const wrong = (what: string) => problems.push(`topic ${JSON.stringify(text.slice(0, 200))}: ${what}`);
    const pattern = readPattern(text, wrong);
    if (pattern === undefined) continue;
    const other = patterns.find((earlier) => earlier.overlaps(pattern));
    if (other !== undefined) wrong(`a name can match both this and ${JSON.stringify(other.text.slice(0, 200))}`);
    patterns.push(pattern);
    topics.set(text, readTopic(pattern, raw, wrong));
  }
  return topics;
}

function readPattern(text: string, wrong: Wrong): TopicPattern | undefined {
  try {
    return new TopicPattern(text);
  } catch (error) {
    wrong(error instanceof TypeError ? error.message : String(error));
  }
}

function readTopic(pattern: TopicPattern, found: Raw, wrong: Wrong): TopicContract {
  const none = { pattern: pattern.text, allow: false, events: new Map<string, EventContract>() };
  if (found["shape"] !== "object") {
    wrong(`is ${String(found["shape"])}, not an object`);
    return none;
  }
  checkKeys(found["unknown"], wrong);
  if (found["allow"] !== "function" && found["allow"] !== "undefined") wrong("allow is no function");
  const params = readParams(pattern, found["params"], wrong);
  const roles = readRoles("roles", found["roles"], wrong);
  const recheckMs = readRecheck(found["recheck"], wrong);
  const publish = readRoles("publish", found["publish"], wrong);
  const presence = readRoles("presence", found["presence"], wrong);
  const description = readDescription(found["description"], wrong);
  return {
    ...none,
    allow: found["allow"] === "function",
    events: readEvents(found["events"], wrong),
    ...(params === undefined ? {} : { params }),
    ...(roles === undefined ? {} : { roles }),
    ...(recheckMs === undefined ? {} : { recheckMs }),
    ...(publish === undefined ? {} : { publish }),
    ...(presence === undefined ? {} : { presence }),
    ...(description === undefined ? {} : { description }),
  };
}

function readParams({ placeholders }: TopicPattern, found: unknown, wrong: Wrong): JsonSchema | undefined {
  if (found === undefined) {
    if (placeholders.length > 0) wrong(`params is missing, the pattern has {${placeholders[0]}}`);
    return undefined;
  }
  const before: string[] = [];
  const schema = readSchema("params", found, (what) => before.push(what));
  before.forEach(wrong);
  if (before.length > 0) return schema;
  const properties = object(schema["properties"]);
  if (schema["type"] !== "object") {
    wrong("params is no object schema");
    return schema;
  }
  for (const name of placeholders) {
    if (!Object.hasOwn(properties, name)) wrong(`params has no ${name}, which the pattern has`);
  }
  for (const name of list(schema["required"])) {
    if (!placeholders.includes(String(name))) wrong(`params needs ${String(name)}, which the pattern does not have`);
  }
  return schema;
}

function readRecheck(found: unknown, wrong: Wrong): number | undefined {
  if (found === undefined) return undefined;
  try {
    const milliseconds = parseDuration(String(found));
    if (milliseconds >= MIN_RECHECK_MS && milliseconds <= MAX_RECHECK_MS) return milliseconds;
  } catch {
    // Refused below.
  }
  wrong('recheck is no duration from "1s" to "1d"');
}

function readEvents(listed: unknown, wrong: Wrong): ReadonlyMap<string, EventContract> {
  const events = new Map<string, EventContract>();
  const found = list(listed);
  if (found.length === 0) wrong("events is empty");
  if (found.length > MOST_EVENTS) wrong(`has ${found.length} events, at most ${MOST_EVENTS} are allowed`);
  for (const entry of found.slice(0, MOST_EVENTS)) {
    const { name, data, input } = object(entry);
    const known = String(name).slice(0, 200);
    const what = `event ${JSON.stringify(known)}`;
    if (!EVENT_NAME.test(known)) {
      wrong(`${what}: a name is 1 to 128 letters, digits and _ . : / -, beginning with a letter, digit or _`);
    }
    const event = { name: known, data: readSchema(`${what}:`, data, wrong) };
    const taken = input === undefined ? {} : { input: readSchema(`${what}:`, input, wrong) };
    events.set(known, { ...event, ...taken });
  }
  return events;
}

/** Makes one answer of those of several fronts. */
import type { AdminAnswer } from "./attempt.ts";
import type { Conditions } from "./ops_target.ts";

type Body = AdminAnswer["body"];

/** Numbers of which each front has its own part. Others are the same on every front. */
const SUMMED = ["closed", "delivered"];

/** The name of a front in `missing`. */
const nameOf = (front: number) => `front:${front}`;

/**
 * The answer for all fronts, from those by the number of the front (null: none). A change succeeds if it does on one
 * front. Where a front gave no answer or failed (5xx) while others succeeded, the body has `complete: false` and
 * `missing`, the names of these fronts.
 */
export function mergeAnswers(answers: ReadonlyMap<number, AdminAnswer | null>): AdminAnswer {
  const given = [...answers.values()].filter((answer) => answer !== null);
  const done = given.filter(({ status }) => status < 300);
  const silent = [...answers].filter(([, answer]) => answer === null || done.length > 0 && answer.status >= 500);
  const missing = silent.map(([front]) => nameOf(front));
  if (done.length === 0) {
    const refusal = given.find(({ status }) => status !== 404) ?? given[0]!;
    return { ...refusal, body: withMissing(refusal.body, missing) };
  }
  const body = withMissing(mergeBodies(done.map((answer) => answer.body)), missing);
  const logged = done.find((answer) => answer.logged !== undefined)?.logged;
  return { status: 200, body, ...(logged === undefined ? {} : { logged: corrected(logged, body) }) };
}

/** The conditions of readiness of all fronts. `fronts` is true when each of them has answered. */
export function mergeConditions(
  answers: ReadonlyMap<number, Conditions | null>,
): Record<string, boolean> & { readonly fronts: boolean } {
  const given = [...answers.values()].filter((conditions) => conditions !== null);
  const names = new Set(given.flatMap((conditions) => Object.keys(conditions) as (keyof Conditions)[]));
  const merged = [...names].map((name) => [name, given.every((conditions) => conditions[name])] as const);
  return { ...Object.fromEntries(merged), fronts: given.length === answers.size };
}

function mergeBodies(bodies: readonly Body[]): Body {
  const merged: Record<string, unknown> = {};
  for (const body of bodies) {
    for (const [name, value] of Object.entries(body)) merged[name] = mergeValues(name, merged[name], value);
  }
  return merged;
}

function mergeValues(name: string, before: unknown, value: unknown): unknown {
  if (before === undefined) return value;
  if (typeof before === "number" && typeof value === "number") {
    return SUMMED.includes(name) ? before + value : Math.max(before, value);
  }
  if (Array.isArray(before) && Array.isArray(value)) return unique([...before, ...value]);
  return name === "complete" ? before === true && value === true : before;
}

/** Entries with the same `id` or `key` are the same thing, seen by several fronts. */
function unique(entries: readonly unknown[]): unknown[] {
  const known = new Map<unknown, unknown>();
  for (const entry of entries) {
    const { id, key } = entry as { id?: unknown; key?: unknown };
    const name = id ?? key ?? entry;
    if (!known.has(name)) known.set(name, entry);
  }
  return [...known.values()];
}

function withMissing(body: Body, missing: readonly string[]): Body {
  if (missing.length === 0) return body;
  const { missing: before = [] } = body as { missing?: readonly string[] };
  return { ...body, complete: false, missing: [...before, ...missing] };
}

/** The fields of the log with the numbers of all fronts, and what is missing. */
function corrected(logged: Body, body: Body): Body {
  const numbers = Object.keys(logged).filter((name) => typeof body[name] === "number");
  return {
    ...logged,
    ...Object.fromEntries(numbers.map((name) => [name, body[name]])),
    ...("missing" in body ? { missing: body["missing"] } : {}),
  };
}

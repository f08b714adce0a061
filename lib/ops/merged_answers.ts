/** Makes one answer of those of several fronts. */
import type { AdminAnswer } from "./attempt.ts";
import type { Conditions } from "./ops_target.ts";

type Body = AdminAnswer["body"];

/** Numbers of which each front has its own part. Others are the same on every front. */
const SUMMED = ["closed", "delivered"];

/** The name of a front in `missing`. */
const nameOf = (front: number) => `front:${front}`;

/** Whether the answer of one front is about all nodes of the cluster: no node is missing, and all have taken the change. */
export function isAboutAll({ body }: AdminAnswer): boolean {
  return body["complete"] !== false && body["applied"] !== "here";
}

/** Whether a front has done what was asked, on itself at least. */
function isDone({ status, body }: AdminAnswer): boolean {
  return status < 300 || body["applied"] === "here";
}

/**
 * The answer for all fronts, from those by the number of the front (null: none). A change succeeds if it does on one
 * front. Where a front gave no answer or failed (5xx) while others succeeded, the body has `complete: false` and
 * `missing`, the names of these fronts.
 */
export function mergeAnswers(answers: ReadonlyMap<number, AdminAnswer | null>): AdminAnswer {
  const given = [...answers.values()].filter((answer) => answer !== null);
  const done = given.filter(isDone);
  const silent = [...answers].filter(([, answer]) =>
    answer === null || done.length > 0 && answer.status >= 500 && !isDone(answer)
  );
  const missing = silent.map(([front]) => nameOf(front));
  if (done.length === 0) {
    const refusal = given.find(({ status }) => status !== 404) ?? given[0]!;
    return { ...refusal, body: withMissing(refusal.body, missing) };
  }
  const status = Math.min(...done.map((answer) => answer.status));
  const body = withMissing(mergeBodies(done.map((answer) => answer.body), status), missing);
  const logged = done.find((answer) => answer.logged !== undefined)?.logged;
  return { status, body, ...(logged === undefined ? {} : { logged: corrected(logged, body) }) };
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

/** One front that has told all nodes of a change (200) has done so for those that could not. */
function mergeBodies(bodies: readonly Body[], status: number): Body {
  const merged: Record<string, unknown> = {};
  for (const body of bodies) {
    for (const [name, value] of Object.entries(body)) {
      if (status >= 300 || name !== "error" && name !== "applied") {
        merged[name] = mergeValues(name, merged[name], value);
      }
    }
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

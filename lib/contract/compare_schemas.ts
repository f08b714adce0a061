/**
 * Compares an old and a new JSON Schema (draft 7) of the same value, for a client that was written for the old one.
 *
 * Values from clients must still be accepted: every value of the old schema must fit the new one. Values for clients
 * must be as before: every value of the new schema must fit the old one. Two conventions apply. A new optional property
 * in values from clients breaks nothing, because clients do not send it. Clients ignore unknown properties, so values
 * for clients may have new ones.
 *
 * Where inclusion can't be decided (different patterns, an unknown keyword), the change is reported as `undecided`.
 */
import { list } from "../sandbox/author/reported.ts";
import type { Change, Direction } from "./change.ts";
import { OBJECT_KEYWORDS, ObjectComparison } from "./compare_objects.ts";
import {
  boundsText,
  boundsWithin,
  canonical,
  constraintsOf,
  type Definitions,
  isAny,
  type Json,
  mergeObjects,
  numberOf,
  placeOf,
  placesOf,
  resolve,
  shown,
  takes,
  valuesOf,
  variantsOf,
} from "./schema_parts.ts";
import { entriesOf, isObject, type Schema } from "./schemas.ts";

/** Maximum number of steps of a comparison; schemas within the bounds of a contract take a few thousand. */
const MAX_STEPS = 200_000;

/** The changes between two schemas that break clients. */
export function compareSchemas(
  old: { readonly schema: Schema; readonly definitions: Definitions },
  current: { readonly schema: Schema; readonly definitions: Definitions },
  direction: Direction,
): Change[] {
  const [narrow, wide] = direction === "taken" ? [old, current] : [current, old];
  return new Comparison(direction, narrow.definitions, wide.definitions).included(narrow.schema, wide.schema, "");
}

/**
 * `narrow` must be included in `wide`: the old schema in the new one for `taken`, otherwise the new one in the old one.
 */
class Comparison {
  readonly #direction: Direction;
  readonly #narrowDefinitions: Definitions;
  readonly #wideDefinitions: Definitions;
  readonly #objects: ObjectComparison;
  /** Pairs of definitions under comparison. Within them they count as included, as recursion requires. */
  readonly #open = new Set<string>();
  #steps = 0;

  constructor(direction: Direction, narrow: Definitions, wide: Definitions) {
    this.#direction = direction;
    this.#narrowDefinitions = narrow;
    this.#wideDefinitions = wide;
    this.#objects = new ObjectComparison((one, other, path) => this.included(one, other, path), direction);
  }

  included(narrow: unknown, wide: unknown, path: string): Change[] {
    if (++this.#steps > MAX_STEPS) return this.#undecided(path, "the schemas are too large to be compared");
    if (isObject(narrow) && narrow["$ref"] !== undefined || isObject(wide) && wide["$ref"] !== undefined) {
      return this.#referenced(narrow, wide, path);
    }
    const [inner, outer] = [constraintsOf(narrow), constraintsOf(wide)];
    if (inner === null || outer !== null && isAny(outer)) return [];
    if (outer === null) return this.#broken(path, inner, { not: {} });
    const same = canonical(inner) === canonical(outer);
    if (same && !canonical(inner).includes('"$ref"')) return [];
    return this.#structure(inner, outer, path);
  }

  #structure(narrow: Json, wide: Json, path: string): Change[] {
    const all = wide["allOf"];
    if (Array.isArray(all)) {
      const { allOf: _, ...rest } = wide;
      return [rest, ...all].flatMap((part) => this.included(narrow, part, path));
    }
    const values = valuesOf(narrow);
    if (values !== undefined) return values.flatMap((value) => this.#value(value, wide, path));
    const variants = variantsOf(narrow);
    if (variants !== undefined) return variants.variants.flatMap((variant) => this.included(variant, wide, path));
    if (Array.isArray(narrow["allOf"])) return this.#oneOfAll(narrow, wide, path);
    const choice = variantsOf(wide);
    if (choice !== undefined) return this.#oneVariant(narrow, choice, path);
    return this.#plain(narrow, wide, path);
  }

  #referenced(narrow: unknown, wide: unknown, path: string): Change[] {
    const inner = resolve(narrow, this.#narrowDefinitions);
    const outer = resolve(wide, this.#wideDefinitions);
    if (inner === undefined || outer === undefined) return this.#undecided(path, "a reference leads nowhere");
    const pair = canonical([narrow, wide]);
    if (this.#open.has(pair)) return [];
    this.#open.add(pair);
    const changes = this.included(inner, outer, path);
    this.#open.delete(pair);
    return changes;
  }

  /** All of several parts hold for `narrow`: one of them, or the merged objects, may be included. */
  #oneOfAll(narrow: Json, wide: Json, path: string): Change[] {
    const { allOf, ...rest } = narrow;
    const parts = [rest, ...allOf as unknown[]].map((part) => resolve(part, this.#narrowDefinitions) ?? {});
    const known = parts.map(constraintsOf);
    if (known.includes(null) || parts.some((part) => this.included(part, wide, path).length === 0)) return [];
    const merged = mergeObjects(known.filter((part) => part !== null && !isAny(part)) as Json[]);
    if (merged !== undefined) return this.included(merged, wide, path);
    return this.#undecided(path, "an intersection can't be compared");
  }

  #oneVariant(
    narrow: Json,
    { variants, exclusive }: { variants: Schema[]; exclusive: boolean },
    path: string,
  ): Change[] {
    const outcomes = variants.map((variant) => this.included(narrow, variant, path));
    const fitting = outcomes.filter((changes) => changes.length === 0).length;
    if (fitting > 0) {
      const alone = !exclusive ||
        variants.every((variant, index) =>
          outcomes[index]!.length === 0 ? fitting === 1 : this.#disjoint(narrow, variant)
        );
      return alone ? [] : this.#undecided(path, "two variants may fit at once, of which one is allowed");
    }
    const possible = outcomes.filter((_, index) => !this.#disjoint(narrow, variants[index]!));
    if (possible.length === 1) return possible[0]!;
    const what = `${shown(narrow)} ${this.#direction === "taken" ? "is not taken any more" : "is new"}`;
    return possible.length === 0
      ? this.#change(path, what)
      : this.#undecided(path, `${what}, or fits no single variant`);
  }

  /** Whether it is certain that no value fits both. */
  #disjoint(narrow: Json, variant: Schema): boolean {
    const outer = constraintsOf(resolve(variant, this.#wideDefinitions) ?? true);
    if (outer === null) return true;
    const [one, other] = [narrow["type"], outer["type"]];
    if (typeof one === "string" && typeof other === "string" && one !== other) {
      return !(one === "integer" && other === "number" || one === "number" && other === "integer");
    }
    const required = new Set([...list(narrow["required"]), ...list(outer["required"])]);
    const inner = new Map(entriesOf(narrow["properties"]));
    return entriesOf(outer["properties"]).some(([name, property]) => {
      const values = valuesOf(constraintsOf(resolve(inner.get(name), this.#narrowDefinitions)) ?? {});
      const taken = valuesOf(constraintsOf(resolve(property, this.#wideDefinitions)) ?? {});
      return required.has(name) && values !== undefined && taken !== undefined &&
        !values.some((value) => taken.map(canonical).includes(canonical(value)));
    });
  }

  #value(value: unknown, wide: Json, path: string): Change[] {
    const choice = variantsOf(wide);
    const text = JSON.stringify(value);
    const what = this.#direction === "taken" ? `${text} is not taken any more` : `${text} is new`;
    if (choice === undefined) {
      const taken = takes(wide, value);
      return taken === true ? [] : [{ path, what, undecided: taken === undefined }];
    }
    const outcomes = choice.variants.map((variant) => this.included({ const: value }, variant, path));
    const taking = outcomes.filter((changes) => changes.length === 0).length;
    if (taking === 1 || taking > 1 && !choice.exclusive) return [];
    return [{ path, what, undecided: taking > 1 || outcomes.flat().some(({ undecided }) => undecided) }];
  }

  /** Two schemas without unions. */
  #plain(narrow: Json, wide: Json, path: string): Change[] {
    const outer = valuesOf(wide);
    if (outer !== undefined) return this.#broken(path, narrow, wide);
    const [one, other] = [narrow["type"], wide["type"]];
    if (other !== undefined && one !== other && !(one === "integer" && other === "number")) {
      return this.#broken(path, narrow, wide);
    }
    const known = new Set(["type"]);
    const changes = one === "string"
      ? this.#string(narrow, wide, path, known)
      : one === "number" || one === "integer"
      ? this.#number(narrow, wide, path, known)
      : one === "array"
      ? this.#array(narrow, wide, path, known)
      : one === "object"
      ? this.#object(narrow, wide, path, known)
      : [];
    const unknown = Object.keys(wide).filter((keyword) =>
      !known.has(keyword) && canonical(narrow[keyword]) !== canonical(wide[keyword])
    );
    return [...changes, ...unknown.flatMap((keyword) => this.#differs(keyword, narrow, wide, path, true))];
  }

  #string(narrow: Json, wide: Json, path: string, known: Set<string>): Change[] {
    return [
      ...this.#atLeast("minLength", narrow, wide, path, known),
      ...this.#atMost("maxLength", narrow, wide, path, known),
      ...["pattern", "format"].flatMap((keyword) => {
        known.add(keyword);
        if (wide[keyword] === undefined || canonical(narrow[keyword]) === canonical(wide[keyword])) return [];
        return this.#differs(keyword, narrow, wide, path, narrow[keyword] !== undefined);
      }),
    ];
  }

  #number(narrow: Json, wide: Json, path: string, known: Set<string>): Change[] {
    for (const keyword of ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]) {
      known.add(keyword);
    }
    const bounds = boundsWithin(narrow, wide)
      ? []
      : this.#change(path, this.#wasIs("the range", boundsText(narrow), boundsText(wide)));
    const step = numberOf(wide, "multipleOf");
    const own = numberOf(narrow, "multipleOf") ?? (narrow["type"] === "integer" ? 1 : undefined);
    const divides = step === undefined || own !== undefined && Number.isInteger(own / step);
    return divides ? bounds : [...bounds, ...this.#differs("multipleOf", narrow, wide, path, false)];
  }

  #array(narrow: Json, wide: Json, path: string, known: Set<string>): Change[] {
    for (const keyword of ["items", "additionalItems", "uniqueItems"]) known.add(keyword);
    const places = Math.max(placesOf(narrow), placesOf(wide));
    const most = numberOf(narrow, "maxItems") ?? Infinity;
    const changes = Array.from({ length: Math.min(places, most) }, (_, index) => index).flatMap((index) =>
      this.included(placeOf(narrow, index), placeOf(wide, index), `${path}[${index}]`)
    );
    if (most > places) {
      changes.push(
        ...this.included(placeOf(narrow, places), placeOf(wide, places), `${path}[${places > 0 ? "…" : ""}]`),
      );
    }
    if (wide["uniqueItems"] === true && narrow["uniqueItems"] !== true) {
      changes.push(...this.#differs("uniqueItems", narrow, wide, path, false));
    }
    return [
      ...this.#atLeast("minItems", narrow, wide, path, known),
      ...this.#atMost("maxItems", narrow, wide, path, known),
      ...changes,
    ];
  }

  #object(narrow: Json, wide: Json, path: string, known: Set<string>): Change[] {
    for (const keyword of OBJECT_KEYWORDS) known.add(keyword);
    return [
      ...this.#atLeast("minProperties", narrow, wide, path, known),
      ...this.#atMost("maxProperties", narrow, wide, path, known),
      ...this.#objects.compare(narrow, wide, path),
    ];
  }

  #atLeast(keyword: string, narrow: Json, wide: Json, path: string, known: Set<string>): Change[] {
    known.add(keyword);
    const fits = (numberOf(narrow, keyword) ?? 0) >= (numberOf(wide, keyword) ?? 0);
    return fits ? [] : this.#differs(keyword, narrow, wide, path, false);
  }

  #atMost(keyword: string, narrow: Json, wide: Json, path: string, known: Set<string>): Change[] {
    known.add(keyword);
    const fits = (numberOf(narrow, keyword) ?? Infinity) <= (numberOf(wide, keyword) ?? Infinity);
    return fits ? [] : this.#differs(keyword, narrow, wide, path, false);
  }

  #differs(keyword: string, narrow: Json, wide: Json, path: string, undecided: boolean): Change[] {
    return [{ path, what: this.#wasIs(keyword, shown(narrow[keyword]), shown(wide[keyword])), undecided }];
  }

  #broken(path: string, narrow: Json, wide: Json): Change[] {
    return this.#change(path, this.#wasIs("", shown(narrow), shown(wide)));
  }

  #wasIs(what: string, narrow: string, wide: string): string {
    const [was, is] = this.#direction === "taken" ? [narrow, wide] : [wide, narrow];
    return `${what === "" ? "" : `${what} `}was ${was}, is ${is}`;
  }

  #change(path: string, what: string): Change[] {
    return [{ path, what, undecided: false }];
  }

  #undecided(path: string, what: string): Change[] {
    return [{ path, what, undecided: true }];
  }
}

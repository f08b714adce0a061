/** Compares the properties of two object schemas. */
import { list } from "../sandbox/author/reported.ts";
import type { Change, Direction } from "./change.ts";
import { entriesOf, isObject } from "./schemas.ts";
import { constraintsOf, isAny, type Json } from "./schema_parts.ts";

/** Returns the changes because of which `narrow` is not included in `wide`. */
type Included = (narrow: unknown, wide: unknown, path: string) => Change[];

/** The keywords that this file compares. */
export const OBJECT_KEYWORDS: readonly string[] = ["required", "properties", "additionalProperties", "propertyNames"];

/** Compares the properties of `narrow`, which must be included in `wide`. `included` compares their schemas. */
export class ObjectComparison {
  readonly #included: Included;
  readonly #direction: Direction;

  constructor(included: Included, direction: Direction) {
    this.#included = included;
    this.#direction = direction;
  }

  compare(narrow: Json, wide: Json, path: string): Change[] {
    const inner = new Map(entriesOf(narrow["properties"]));
    const outer = new Map(entriesOf(wide["properties"]));
    const certain = new Set(list(narrow["required"]));
    const missing = list(wide["required"]).map(String).filter((name) => !certain.has(name)).map((name) => ({
      path: `${path}.${name}`,
      what: this.#direction === "taken" ? "is required now" : "may be missing now",
      undecided: false,
    }));
    const named = [...outer].flatMap(([name, property]) => {
      const own = inner.get(name);
      if (own !== undefined) return this.#included(own, property, `${path}.${name}`);
      return this.#unnamed(narrow["additionalProperties"], property, `${path}.${name}`);
    });
    const gone = [...inner].filter(([name]) => !outer.has(name)).flatMap(([name, property]) =>
      this.#further(property, wide["additionalProperties"], `${path}.${name}`)
    );
    return [...missing, ...named, ...gone, ...this.#rest(narrow, wide, path)];
  }

  /** Compares a property that only `wide` names. */
  #unnamed(additional: unknown, property: unknown, path: string): Change[] {
    if (additional === false) return [];
    // Clients send only properties of the old schema.
    if ((additional === undefined || additional === true) && this.#direction === "taken") return [];
    return this.#included(additional ?? true, property, path);
  }

  /** Compares a property that only `narrow` names. */
  #further(property: unknown, additional: unknown, path: string): Change[] {
    if (isObject(additional) && !isAny(constraintsOf(additional) ?? { not: {} })) {
      return this.#included(property, additional, path);
    }
    // Clients ignore unknown properties.
    if (this.#direction === "sent" || constraintsOf(property) === null) return [];
    if (isObject(additional)) return [];
    const what = additional === false ? "is not taken any more" : "is not known any more, what clients send is dropped";
    return [{ path, what, undecided: false }];
  }

  /** Compares properties that neither names. */
  #rest(narrow: Json, wide: Json, path: string): Change[] {
    const changes: Change[] = [];
    const [own, further] = [narrow["additionalProperties"] ?? true, wide["additionalProperties"] ?? true];
    if (own !== false && (further !== false || this.#direction === "taken")) {
      const change = this.#included(own, further, `${path}.*`);
      const refused = further === false && change.length > 0;
      changes.push(
        ...refused ? [{ path, what: "properties that are not named are refused now", undecided: false }] : change,
      );
    }
    const names = wide["propertyNames"];
    if (names !== undefined && own !== false) {
      const inner = narrow["propertyNames"] ?? { type: "string" };
      changes.push(...this.#included(inner, names, `${path}.*`));
    }
    return changes;
  }
}

/** The comparison of schemas: what breaks clients, and what does not. */
import { Ajv, type ValidateFunction } from "ajv";
import * as fc from "fast-check";
import { z } from "zod";
import { assert, assertEquals } from "../assert.ts";
import type { Direction } from "../../lib/contract/change.ts";
import { compareSchemas } from "../../lib/contract/compare_schemas.ts";
import { Components, type Schema } from "../../lib/contract/schemas.ts";

/** As a contract has the schema: its definitions aside. */
function part(schema: z.ZodType, io: "input" | "output") {
  const components = new Components();
  const json = z.toJSONSchema(schema, { io, unrepresentable: "any", target: "draft-7" });
  return { schema: components.take("x", json as Record<string, unknown>), definitions: components.schemas };
}

/** The changes, undecided ones with a question mark. */
function changes(old: z.ZodType, current: z.ZodType, direction: Direction): string[] {
  const io = direction === "taken" ? "input" : "output";
  return compareSchemas(part(old, io), part(current, io), direction)
    .map(({ path, what, undecided }) => `${path}${undecided ? "?" : ""}: ${what}`);
}

const Tree = z.object({
  name: z.string(),
  get kids() {
    return z.array(Tree);
  },
});
const ShortTree = z.object({
  name: z.string().max(9),
  get kids() {
    return z.array(ShortTree);
  },
});
const text = z.string();
const cat = z.object({ kind: z.literal("cat"), lives: z.int() });
const dog = z.object({ kind: z.literal("dog"), name: text });

/** An old and a new schema, and what is said when clients send it, and when they receive it. */
const cases: [what: string, old: z.ZodType, current: z.ZodType, taken: string[], sent: string[]][] = [
  ["nothing", z.object({ a: text }), z.object({ a: text }), [], []],
  ["a description", text.describe("a"), text.describe("b"), [], []],
  ["a longer text", text.max(5), text.max(9), [], [": maxLength was 5, is 9"]],
  ["a shorter text", text.max(9), text.max(5), [": maxLength was 9, is 5"], []],
  ["a text that may not be empty", text, text.min(1), [": minLength was none, is 1"], []],
  ["a pattern", text, text.regex(/^a/), [': pattern was none, is "^a"'], []],
  ["another pattern", text.regex(/^a/), text.regex(/^b/), ['?: pattern was "^a", is "^b"'], [
    '?: pattern was "^a", is "^b"',
  ]],
  ["a larger range", z.number().min(0).max(5), z.number().min(-1).max(5), [], [": the range was 0 to 5, is -1 to 5"]],
  ["an open bound", z.number().min(0), z.number().gt(0), [": the range was 0 to Infinity, is above 0 to Infinity"], []],
  ["the same integers", z.int().min(1), z.int().gt(0), [], []],
  ["an integer to a number", z.int(), z.number(), [], [": was integer, is number"]],
  ["another step", z.number().multipleOf(2), z.number().multipleOf(4), [": multipleOf was 2, is 4"], []],
  ["a text to a number", text, z.number(), [": was string, is number"], [": was string, is number"]],
  ["one more value", z.enum(["a"]), z.enum(["a", "b"]), [], [': "b" is new']],
  ["one value less", z.enum(["a", "b"]), z.enum(["a"]), [': "b" is not taken any more'], []],
  ["values to any text", z.enum(["a", "b"]), text, [], [': was "a" or "b", is string']],
  ["also null", text, text.nullable(), [], [": null is new"]],
  ["not null any more", text.nullable(), text, [": null is not taken any more"], []],
  ["anything", text, z.unknown(), [], [": was string, is anything"]],
  ["nothing any more", text, z.never(), [": was string, is nothing"], []],
  ["a boolean to its two values", z.boolean(), z.literal([true, false]), [], []],
  ["one more optional property", z.object({}), z.object({ a: text.optional() }), [], []],
  ["one more required property", z.object({}), z.object({ a: text }), [".a: is required now"], []],
  ["a property required", z.object({ a: text.optional() }), z.object({ a: text }), [".a: is required now"], []],
  ["a property optional", z.object({ a: text }), z.object({ a: text.optional() }), [], [".a: may be missing now"]],
  [
    "a property gone",
    z.object({ a: text, b: text.optional() }),
    z.object({ a: text }),
    [".b: is not known any more, what clients send is dropped"],
    [],
  ],
  ["a required property gone", z.object({ a: text }), z.object({}), [
    ".a: is not known any more, what clients send is dropped",
  ], [".a: may be missing now"]],
  [
    "a property gone from strict ones",
    z.strictObject({ a: text.optional() }),
    z.strictObject({}),
    [".a: is not taken any more"],
    [],
  ],
  [
    "strict",
    z.object({ a: text }),
    z.strictObject({ a: text }),
    [": properties that are not named are refused now"],
    [],
  ],
  ["not strict any more", z.strictObject({ a: text }), z.object({ a: text }), [], []],
  [
    "a narrower property",
    z.object({ a: z.object({ b: text.max(9) }) }),
    z.object({ a: z.object({ b: text.max(5) }) }),
    [
      ".a.b: maxLength was 9, is 5",
    ],
    [],
  ],
  ["values of a record", z.record(text, z.number()), z.record(text, z.int()), [".*: was number, is integer"], []],
  ["keys of a record", z.partialRecord(z.enum(["a", "b"]), text), z.partialRecord(z.enum(["a"]), text), [
    '.*: "b" is not taken any more',
  ], []],
  ["items", z.array(z.int()), z.array(z.number()), [], ["[]: was integer, is number"]],
  ["fewer items", z.array(text).max(9), z.array(text).max(5), [": maxItems was 9, is 5"], []],
  ["a longer tuple", z.tuple([text]), z.tuple([text, text.optional()]), [], [
    ": maxItems was 1, is 2",
    "[1]: was nothing, is string",
  ]],
  ["one more variant", z.discriminatedUnion("kind", [cat]), z.discriminatedUnion("kind", [cat, dog]), [], [
    ': object with kind "dog" is new',
  ]],
  ["one variant less", z.discriminatedUnion("kind", [cat, dog]), z.discriminatedUnion("kind", [cat]), [
    ': object with kind "dog" is not taken any more',
  ], []],
  [
    "a narrower variant",
    z.discriminatedUnion("kind", [cat, dog]),
    z.discriminatedUnion("kind", [cat, dog.extend({ name: text.max(5) })]),
    [".name: maxLength was none, is 5"],
    [],
  ],
  ["variants in another order", z.union([cat, dog]), z.discriminatedUnion("kind", [dog, cat]), [], []],
  ["a plain type to a union", text, z.union([z.number(), text]), [], [": was string, is number"]],
  ["recursion", Tree, Tree, [], []],
  ["recursion that is narrower", Tree, ShortTree, [
    ".name: maxLength was none, is 9",
    ".kids[].name: maxLength was none, is 9",
  ], []],
  [
    "recursion deep inside",
    z.object({ t: Tree }),
    z.object({ t: ShortTree }),
    [".t.name: maxLength was none, is 9"],
    [],
  ],
  ["a definition written out", z.object({ a: text.meta({ id: "T" }) }), z.object({ a: text }), [], []],
  [
    "an intersection to the whole",
    z.intersection(z.object({ a: text }), z.object({ b: text })),
    z.object({
      a: text,
      b: text,
    }),
    [],
    [],
  ],
];

for (const [what, old, current, taken, sent] of cases) {
  Deno.test(`compareSchemas(): ${what}`, () => {
    assertEquals(changes(old, current, "taken"), taken, "as clients send it");
    assertEquals(changes(old, current, "sent"), sent, "as they receive it");
  });
}

Deno.test("compareSchemas() says so where it does not know", () => {
  const plain = (schema: unknown) => ({ schema: schema as Schema, definitions: {} });
  const undecided = (old: unknown, current: unknown) =>
    compareSchemas(plain(old), plain(current), "taken").map(({ undecided }) => undecided);
  assertEquals(undecided({ type: "string" }, { type: "string", strange: 1 }), [true]);
  assertEquals(undecided({ $ref: "#/components/schemas/none" }, { type: "string" }), [true]);
  assertEquals(undecided({ $ref: "https://example.com/a" }, { type: "string" }), [true]);
  assertEquals(undecided({ type: "object" }, { type: "object", patternProperties: { a: {} } }), [true]);
  assertEquals(undecided({ type: "string" }, { oneOf: [{ type: "string" }, { minLength: 1 }] }), [true]);
});

/** Random schemas of the kinds that zod writes, each with values that fit it and name no further property. */
interface Sample {
  readonly schema: z.ZodType;
  readonly value: fc.Arbitrary<unknown>;
}

const scalar: fc.Arbitrary<Sample> = fc.oneof(
  fc.tuple(fc.nat(4), fc.nat(4)).map(([low, more]) => ({
    schema: z.string().min(low).max(low + more),
    value: fc.string({ minLength: low, maxLength: low + more, unit: "grapheme-ascii" }),
  })),
  fc.tuple(fc.integer({ min: -4, max: 4 }), fc.nat(4), fc.boolean()).map(([low, more, whole]) => ({
    schema: (whole ? z.int() : z.number()).min(low).max(low + more),
    value: whole
      ? fc.integer({ min: low, max: low + more })
      : fc.double({ min: low, max: low + more, noNaN: true }).map((value) => value + 0),
  })),
  fc.subarray(["a", "b", "c"], { minLength: 1 }).map((values) => ({
    schema: z.enum(values as [string]),
    value: fc.constantFrom(...values),
  })),
  fc.constant({ schema: z.boolean(), value: fc.boolean() }),
  fc.constant({ schema: z.null(), value: fc.constant(null) }),
);

const { sample } = fc.letrec<{ sample: Sample }>((tie) => ({
  sample: fc.oneof(
    { depthSize: "small" },
    scalar,
    tie("sample").map(({ schema, value }) => ({ schema: schema.nullable(), value: fc.option(value) })),
    fc.tuple(tie("sample"), fc.nat(3)).map(([{ schema, value }, most]) => ({
      schema: z.array(schema).max(most),
      value: fc.array(value, { maxLength: most }),
    })),
    fc.tuple(tie("sample"), tie("sample")).map(([one, other]) => ({
      schema: z.union([one.schema, other.schema]),
      value: fc.oneof(one.value, other.value),
    })),
    fc.tuple(fc.dictionary(fc.constantFrom("a", "b", "c"), fc.tuple(tie("sample"), fc.boolean())), fc.boolean()).map(
      ([members, strict]) => objectOf(Object.entries(members), strict),
    ),
  ),
}));

function objectOf(members: [string, [Sample, boolean]][], strict: boolean): Sample {
  const shape = Object.fromEntries(
    members.map(([name, [{ schema }, optional]]) => [name, optional ? schema.optional() : schema]),
  );
  const values = Object.fromEntries(members.map(([name, [{ value }]]) => [name, value]));
  const requiredKeys = members.filter(([, [, optional]]) => !optional).map(([name]) => name);
  return {
    schema: strict ? z.strictObject(shape) : z.object(shape),
    value: fc.record(values, { requiredKeys, noNullPrototype: true }),
  };
}

/** A schema and a neighbour of it, which differ in one place more often than in all. */
const pair = fc.oneof(
  fc.tuple(sample, sample),
  fc.tuple(sample, scalar, scalar, fc.boolean()).map(([shared, one, other, optional]): [Sample, Sample] => [
    objectOf([["a", [shared, false]], ["b", [one, false]]], false),
    objectOf([["a", [shared, false]], ["b", [other, optional]]], false),
  ]),
  fc.tuple(sample, sample).map(([one, other]): [Sample, Sample] => [one, {
    schema: z.union([one.schema, other.schema]),
    value: fc.oneof(one.value, other.value),
  }]),
);

const ajv = new Ajv({ strict: false, validateFormats: false });
/** A check of values; `open` takes properties that are not named. */
function validator(schema: z.ZodType, io: "input" | "output", open: boolean): ValidateFunction {
  const json = z.toJSONSchema(schema, { io, target: "draft-7" });
  return ajv.compile(
    open ? JSON.parse(JSON.stringify(json).replaceAll(',"additionalProperties":false', "")) as object : json,
  );
}

Deno.test("where nothing is said to break, all that clients send is taken still", () => {
  let silent = 0;
  fc.assert(
    fc.property(pair, fc.infiniteStream(fc.nat()), ([old, current], seeds) => {
      if (changes(old.schema, current.schema, "taken").length > 0) return;
      silent++;
      const takes = validator(current.schema, "input", false);
      for (const value of fc.sample(old.value, { numRuns: 20, seed: seeds.next().value })) {
        assert(takes(value), `${JSON.stringify(value)} is not taken`);
      }
    }),
    { numRuns: 300 },
  );
  assert(silent > 15, `only ${silent} pairs without a change`);
});

Deno.test("where nothing is said to break, all that clients receive fits the old schema but for new properties", () => {
  let silent = 0;
  fc.assert(
    fc.property(pair, fc.infiniteStream(fc.nat()), ([current, old], seeds) => {
      if (changes(old.schema, current.schema, "sent").length > 0) return;
      silent++;
      const fits = validator(old.schema, "output", true);
      for (const value of fc.sample(current.value, { numRuns: 20, seed: seeds.next().value })) {
        assert(fits(value), `${JSON.stringify(value)} does not fit`);
      }
    }),
    { numRuns: 300 },
  );
  assert(silent > 15, `only ${silent} pairs without a change`);
});

Deno.test("a schema breaks nothing beside itself, and a wider one nothing that clients send", () => {
  fc.assert(
    fc.property(sample, ({ schema }) => {
      for (const direction of ["taken", "sent"] as const) assertEquals(changes(schema, schema, direction), []);
      assertEquals(changes(schema, schema.nullable(), "taken"), []);
      assertEquals(changes(z.object({ a: schema }), z.object({ a: schema.optional() }), "taken"), []);
      assertEquals(changes(z.object({ a: schema.optional() }), z.object({ a: schema }), "sent"), []);
      assertEquals(changes(z.object({}), z.object({ a: schema }), "sent"), []);
    }),
    { numRuns: 200 },
  );
});

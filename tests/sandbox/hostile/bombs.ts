/** Modules that must not load: each with what the report must say. */

export interface Bomb {
  readonly name: string;
  readonly text: string;
  /** A part of the reason; default: any reason. */
  readonly says?: RegExp;
}

const methods = (inner: string) => `export default ({ z }) => ({ methods: { ${inner} } });`;
const method = (inner: string) => methods(`a: { params: z.object({}), handle: () => 1, ${inner} }`);
const LINE = String.raw`\n{\"event\":\"forged\"}\n\x1b[2J\u2028`;

export const BOMBS: readonly Bomb[] = [
  { name: "an empty module", text: "", says: /no default export/ },
  { name: "no default export", text: "export const x = 1;", says: /no default export/ },
  { name: "a syntax error", text: "const = 1;" },
  { name: "a syntax error that quotes escapes", text: `const "${LINE}" = 1; \x1b[2J` },
  {
    name: "a use before definition",
    text: "export default { methods: x };\nconst x = {};",
    says: /before initialization/,
  },
  { name: "null", text: "export default null;", says: /default export/ },
  { name: "a function that throws", text: `export default () => { throw new Error("${LINE}"); };` },
  { name: "a function that returns nothing", text: "export default () => {};", says: /default export/ },
  {
    name: "an error with a text of its own",
    text: `throw Object.assign(new Error("x"), { stack: "${LINE}", name: "${LINE}" });`,
  },
  { name: "an error that is none", text: `throw { get stack() { throw 1; }, toString: null };` },
  { name: "a thrown text", text: `throw "${LINE}";` },
  { name: "an import that never settles", text: "await new Promise(() => {});\nexport default {};" },
  { name: "a function that never settles", text: "export default () => new Promise(() => {});" },
  { name: "a promise of its own that never settles", text: "export default () => ({ then() {} });" },
  { name: "a promise of its own that loops", text: "export default () => ({ then() { for (;;); } });" },
  { name: "an import that is not there", text: `import "./${LINE}.ts";\nexport default {};` },
  { name: "no methods", text: methods(""), says: /methods is empty/ },
  {
    name: "10,000 methods",
    text: `export default ({ z }) => ({
    methods: Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => ["m" + i, { params: z.any(), handle: () => i }])),
  });`,
    says: /methods|contract/,
  },
  {
    name: "a name with lines and escapes",
    text: methods(`"${LINE}": { params: z.object({}), handle: () => 1 }`),
    says: /name/,
  },
  { name: "a name of a megabyte", text: methods(`["x".repeat(1 << 20)]: { params: z.object({}), handle: () => 1 }`) },
  { name: "a description of 15 MB", text: method(`description: "x".repeat(15e6)`) },
  { name: "examples of 15 MB", text: methods(`a: { params: z.any(), handle: () => 1, examples: ["x".repeat(15e6)] }`) },
  { name: "a million roles", text: method(`roles: Array.from({ length: 1e6 }, (_, i) => "r" + i)`) },
  { name: "roles that are no names", text: method(`roles: ["${LINE}"]`), says: /role/ },
  { name: "an unknown key with lines and escapes", text: method(`"${LINE}": 1`), says: /not known/ },
  {
    name: "examples that contain themselves",
    text: method(`examples: (() => { const a = []; a.push(a); return a; })()`),
  },
  {
    name: "a schema nested 2,500 deep",
    text: `export default ({ z }) => {
    let params = z.string();
    for (let i = 0; i < 2_500; i++) params = z.object({ a: params });
    return { methods: { a: { params, handle: () => 1 } } };
  };`,
  },
  {
    name: "a schema without end",
    text: `export default ({ z }) => {
    const lazy = () => z.lazy(lazy);
    return { methods: { a: { params: lazy(), handle: () => 1 } } };
  };`,
  },
  {
    name: "a schema of 100,000 keys",
    text: `export default ({ z }) => ({
    methods: { a: {
      params: z.object(Object.fromEntries(Array.from({ length: 1e5 }, (_, i) => ["a key of some length " + i, z.string()]))),
      handle: () => 1,
    } },
  });`,
  },
  {
    name: "methods without end",
    text: `export default ({ z }) => ({
    methods: new Proxy({}, {
      ownKeys() { for (;;); },
    }),
  });`,
  },
  { name: "a description whose getter never answers", text: method("get description() { for (;;); }") },
  {
    name: "a cost that is another number at each look",
    text: `let looks = 0;
    ${method("get cost() { return looks++ ? 2000 : 1; }, description: 1")}`,
    says: /description/,
  },
  { name: "an exit", text: "(globalThis.Deno ?? globalThis.process).exit(0);" },
  { name: "memory", text: "const keep = []; for (;;) keep.push(new Array(1000).fill(keep.length));" },
  { name: "array buffers", text: "const keep = []; for (;;) keep.push(new Uint8Array(1 << 20).fill(1));" },
  {
    name: "arrays of 33 million numbers",
    text: "globalThis.keep = [1, 2, 3, 4].map(() => new Array(33e6).fill(0.5));\nexport default {};",
  },
  { name: "an endless loop", text: "for (;;);" },
  { name: "a builtin that takes for ever", text: "Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1);" },
  {
    name: "a forged host object thrown",
    text: `throw { [Symbol.for("Deno.core.hostObject")]: () => ({ type: "x" }) };`,
  },
  { name: "an import of a linked key", text: `import "./link.ts";\nexport default {};` },
  {
    name: "an import of linked JSON",
    text: `import secret from "./link.json" with { type: "json" };
    throw new Error(JSON.stringify(secret));`,
  },
  {
    name: "an import from a linked folder",
    text: `import secret from "./folder/secret.json" with { type: "json" };
    throw new Error(JSON.stringify(secret));`,
  },
  {
    name: "an import of a linked text",
    text: `import secret from "./link.txt" with { type: "text" };
    throw new Error(secret);`,
  },
];

/** A module that tries to end more than its own process, to use more than it has, and to change what the runtime uses. */
import type { Handlers } from "../../../lib/mod.ts";

const HOST_OBJECT = Symbol.for("Deno.core.hostObject");
const forged = () => ({ [HOST_OBJECT]: () => ({ type: "x" }) });

const tricks: Record<string, () => unknown> = {
  structured_clone: () => structuredClone(forged()),
  performance_mark: () => performance.mark("x", { detail: forged() }),
  array_of_doubles: () => {
    const all: unknown[] = [];
    for (let i = 0; i < 8; i++) all.push(new Array(33e6).fill(0.5));
    return all.length;
  },
  endless_builtin: () => Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1),
  endless_native: () => new Uint8Array(4 * 2 ** 30).fill(1),
  replace_json: () => {
    const replaced = { parse: () => ({ params: {} }), stringify: () => '"forged"' };
    Object.defineProperty(globalThis, "JSON", { value: replaced, configurable: true, writable: true });
    return { real: true };
  },
  silence_errors: () => {
    const found: string[] = [];
    for (const key of Reflect.ownKeys(globalThis)) {
      const value: unknown = Reflect.get(globalThis, key);
      if (typeof key === "symbol" && value !== null && typeof value === "object") {
        for (const inner of Object.values(value)) if (Array.isArray(inner)) found.push(String(inner.splice(0).length));
      }
    }
    setTimeout(() => {
      throw Object.assign(new Error("x"), { stack: 'first\n\u001b[31mforged line\u001b[0m\n{"event":"forged"}' });
    }, 0);
    return new Promise(() => {});
  },
};

export default (({ z, method }) => ({
  methods: {
    names: method({ params: z.object({}), handle: () => Object.keys(tricks) }),
    play: method({ params: z.object({ trick: z.string() }), handle: ({ trick }) => tricks[trick]!() as never }),
    echo: method({ params: z.object({ value: z.unknown() }), handle: ({ value }) => value }),
    wide: method({
      params: z.object({ unit: z.string(), count: z.number() }),
      handle: ({ unit, count }) => unit.repeat(count),
    }),
  },
})) satisfies Handlers;

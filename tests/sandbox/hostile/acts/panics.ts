/** Acts that make a runtime panic or abort, or overflow a stack. */
import type { Act } from "../act.ts";

export const panics: readonly Act[] = [
  {
    name: "structuredClone of a forged host object",
    due: "contained",
    act() {
      structuredClone({ [Symbol.for("Deno.core.hostObject")]: () => ({ type: "x" }) });
    },
  },
  {
    name: "performance.mark with a forged host object",
    due: "contained",
    act() {
      performance.mark("x", { detail: { [Symbol.for("Deno.core.hostObject")]: () => ({ type: "x" }) } });
    },
  },
  {
    name: "performance.measure with a forged host object",
    due: "contained",
    act() {
      const detail = { [Symbol.for("Deno.core.hostObject")]: () => ({ type: "MessagePort" }) };
      performance.measure("x", { start: 0, end: 1, detail });
    },
  },
  {
    name: "a forged host object as the result",
    due: "contained",
    act() {
      return { [Symbol.for("Deno.core.hostObject")]: () => ({ type: "x" }) };
    },
  },
  {
    name: "a promise of its own that settles with a forged host object",
    due: "contained",
    act() {
      const forged = { [Symbol.for("Deno.core.hostObject")]: () => ({ type: "x" }) };
      const then = (settle: (value: unknown) => void) => settle(forged);
      return { then, [Symbol.for("Deno.core.hostObject")]: () => ({ type: "x" }) };
    },
  },
  {
    name: "a forged host object thrown in a timer",
    due: "contained",
    act() {
      setTimeout(() => {
        throw Object.assign(new Error("x"), { [Symbol.for("Deno.core.hostObject")]: () => ({ type: "x" }) });
      });
    },
  },
  {
    name: "a frame that is a forged host object",
    due: "contained",
    raw: true,
    act({ ctx }) {
      const forged = Object.assign(Object.create(Uint8Array.prototype), {
        [Symbol.for("Deno.core.hostObject")]: () => ({ type: "x" }),
      });
      for (const key of ["length", "byteLength"]) Object.defineProperty(forged, key, { value: 1 });
      Object.defineProperty(forged, "buffer", { value: { byteLength: 1 } });
      ctx.send(forged);
    },
  },
  {
    name: "a forged host object posted to a port",
    due: "contained",
    act({ reach }) {
      const { port1 } = Reflect.construct(reach("MessageChannel") as never, []) as MessageChannel;
      port1.postMessage({ [Symbol.for("Deno.core.hostObject")]: () => ({ type: "x" }) });
    },
  },
  {
    name: "a forged host object posted to the parent",
    due: "contained",
    act({ reach }) {
      Reflect.apply(reach("postMessage") as never, globalThis, [{
        [Symbol.for("Deno.core.hostObject")]: () => ({ type: "x" }),
      }]);
    },
  },
  {
    name: "endless recursion",
    due: "stays",
    act() {
      const deeper = (): number => deeper() + 1;
      deeper();
    },
  },
  {
    name: "endless recursion in the traps of a proxy",
    due: "stays",
    act() {
      const hall: Record<string, unknown> = new Proxy({}, { get: (_, key) => hall[String(key)] });
      return hall["x"];
    },
  },
  {
    name: "JSON nested 200,000 deep",
    due: "contained",
    act() {
      return JSON.parse("[".repeat(200_000) + "]".repeat(200_000));
    },
  },
  {
    name: "structuredClone of an object nested a million deep",
    due: "contained",
    act() {
      let nested: unknown = 1;
      for (let i = 0; i < 1_000_000; i++) nested = { nested };
      structuredClone(nested);
    },
  },
  {
    name: "a regular expression nested 100,000 deep",
    due: "contained",
    act() {
      new RegExp("(?:".repeat(100_000) + ")".repeat(100_000)).test("x");
    },
  },
  {
    name: "a function bound 200,000 times",
    due: "contained",
    act() {
      let bound = () => {};
      for (let i = 0; i < 200_000; i++) bound = bound.bind(null);
      bound();
    },
  },
  {
    name: "an endless stack trace",
    due: "contained",
    act() {
      Error.stackTraceLimit = Infinity;
      const deeper = (n: number): Error => n === 0 ? new Error("x") : deeper(n - 1);
      throw deeper(5_000);
    },
  },
  {
    name: "tens of millions of arguments",
    due: "contained",
    act() {
      Math.max.apply(null, { length: 40_000_000 } as never);
    },
  },
  {
    name: "a stack trace made by the module",
    due: "contained",
    act() {
      Error.prepareStackTrace = () => {
        throw new Error("in the middle of another");
      };
      throw new Error("x");
    },
  },
];

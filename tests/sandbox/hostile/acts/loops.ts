/** Loops in the module's code, and in every kind of builtin. */
import type { Act } from "../act.ts";

export const loops: readonly Act[] = [
  {
    name: "an endless loop",
    due: "timeout",
    act() {
      for (;;);
    },
  },
  {
    name: "a loop that survives its termination",
    due: "timeout",
    act() {
      for (;;) {
        try {
          for (;;) JSON.parse("[]");
        } catch {
          // goes on
        } finally {
          // deno-lint-ignore no-unsafe-finally -- being stubborn is the point
          continue;
        }
      }
    },
  },
  {
    name: "endless microtasks",
    due: "timeout",
    async act() {
      for (;;) await null;
    },
  },
  {
    name: "a comparator that never answers",
    due: "timeout",
    act() {
      return [2, 1].sort(() => {
        for (;;);
      });
    },
  },
  {
    name: "sorting 2 ** 53 - 1 elements",
    due: "ends",
    act() {
      Array.prototype.sort.call({ length: 2 ** 53 - 1 });
    },
  },
  {
    name: "a regular expression that backtracks for ever",
    due: "timeout",
    act() {
      return /^(a+)+$/.test("a".repeat(60) + "b");
    },
  },
  {
    name: "indexOf in 2 ** 53 - 1 elements",
    due: "timeout",
    act() {
      return Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1);
    },
  },
  {
    name: "includes in 2 ** 53 - 1 elements",
    due: "timeout",
    act() {
      return Array.prototype.includes.call({ length: 2 ** 53 - 1 }, 1);
    },
  },
  {
    name: "reversing 2 ** 53 - 1 elements",
    due: "timeout",
    act() {
      return Array.prototype.reverse.call({ length: 2 ** 53 - 1 });
    },
  },
  {
    name: "copyWithin of 2 ** 53 - 1 elements",
    due: "timeout",
    act() {
      return Array.prototype.copyWithin.call({ length: 2 ** 53 - 1 }, 0, 1);
    },
  },
  {
    name: "concat of 2 ** 32 - 1 holes",
    due: "ends",
    act() {
      const hollow = { length: 2 ** 32 - 1, [Symbol.isConcatSpreadable]: true } as never;
      for (;;) [].concat(hollow);
    },
  },
  {
    name: "String.raw of 2 ** 53 - 1 empty parts",
    due: "timeout",
    act() {
      return String.raw({ raw: { length: 2 ** 53 - 1, get: "" } as never });
    },
  },
  {
    name: "filling a typed array again and again",
    due: "timeout",
    act() {
      const bytes = new Uint8Array(1 << 20);
      for (;;) bytes.fill(1);
    },
  },
  {
    name: "a reviver that never answers",
    due: "timeout",
    act() {
      return JSON.parse("[1]", () => {
        for (;;);
      });
    },
  },
  {
    name: "a result whose toJSON never answers",
    due: "timeout",
    moments: ["call"],
    act() {
      return {
        toJSON() {
          for (;;);
        },
      };
    },
  },
  {
    name: "a result whose getter never answers",
    due: "timeout",
    moments: ["call"],
    act() {
      return {
        get a() {
          for (;;);
        },
      };
    },
  },
  {
    name: "a proxy as the result whose traps never answer",
    due: "timeout",
    moments: ["call"],
    act() {
      return new Proxy({}, {
        ownKeys() {
          for (;;);
        },
      });
    },
  },
  {
    name: "a promise of its own whose then never returns",
    due: "timeout",
    act() {
      return {
        then() {
          for (;;);
        },
      };
    },
  },
  {
    name: "structuredClone of a getter that never answers",
    due: "timeout",
    act() {
      return structuredClone({
        get a() {
          for (;;);
        },
      });
    },
  },
  {
    name: "powers of big integers",
    due: "ends",
    act() {
      for (;;) void (3n ** 100_000_000n);
    },
  },
  {
    name: "text of a big integer",
    due: "ends",
    act() {
      for (;;) ((1n << 200_000_000n) - 1n).toString();
    },
  },
  {
    name: "a replacement that never answers",
    due: "timeout",
    act() {
      return "x".repeat(1 << 20).replace(/x/g, () => {
        for (;;);
      });
    },
  },
  {
    name: "a long string normalised again and again",
    due: "ends",
    act() {
      const text = "ä".repeat(1 << 20);
      for (;;) text.normalize("NFD").localeCompare(text, "de");
    },
  },
  {
    name: "an iterator without end, into a set",
    due: "timeout",
    act() {
      return new Set({
        *[Symbol.iterator]() {
          for (;;) yield 1;
        },
      });
    },
  },
  {
    name: "an iterator without end, into an object",
    due: "timeout",
    act() {
      return Object.fromEntries({
        *[Symbol.iterator]() {
          for (;;) yield ["a", 1] as const;
        },
      });
    },
  },
  {
    name: "waiting in an atomic",
    due: "contained",
    act({ reach }) {
      const shared = Reflect.construct(reach("SharedArrayBuffer") as never, [4]) as SharedArrayBuffer;
      Atomics.wait(new Int32Array(shared), 0, 0);
    },
  },
  {
    name: "an error whose text never comes",
    due: "timeout",
    moments: ["call", "timer"],
    act() {
      throw Object.assign(new Error("x"), {
        toString() {
          for (;;);
        },
        get stack() {
          for (;;);
        },
      });
    },
  },
  {
    name: "a notification whose toJSON never answers",
    due: "timeout",
    moments: ["call", "timer"],
    act({ ctx }) {
      ctx.notify("x", {
        toJSON() {
          for (;;);
        },
      });
    },
  },
  {
    name: "a log line whose text never comes",
    due: "timeout",
    moments: ["call", "timer", "open"],
    act({ ctx }) {
      ctx.log({
        toString() {
          for (;;);
        },
      } as never);
    },
  },
  {
    name: "a finalizer that never returns",
    due: "contained",
    act({ keep }) {
      const registry = new FinalizationRegistry(() => {
        for (;;);
      });
      keep.push(registry);
      for (let i = 0; i < 200_000; i++) registry.register({}, i);
    },
  },
  {
    name: "key derivations of 2 ** 32 - 1 rounds, forty times",
    due: "contained",
    async act() {
      const key = await crypto.subtle.importKey("raw", new Uint8Array(16), "PBKDF2", false, ["deriveBits"]);
      const parameters = { name: "PBKDF2", hash: "SHA-512", salt: new Uint8Array(16), iterations: 2 ** 32 - 1 };
      await Promise.all(Array.from({ length: 40 }, () => crypto.subtle.deriveBits(parameters, key, 512)));
    },
  },
];

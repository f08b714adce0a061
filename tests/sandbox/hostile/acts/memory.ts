/** Acts that fill memory: the heap, and all that the platform holds outside of it. */
import type { Act } from "../act.ts";

export const memory: readonly Act[] = [
  {
    name: "objects without end",
    due: "memory",
    act({ keep }) {
      for (;;) keep.push({ a: keep.length });
    },
  },
  {
    name: "arrays of 33 million numbers",
    due: "memory",
    act({ keep }) {
      for (let i = 0; i < 4; i++) keep.push(new Array(33e6).fill(0.5));
    },
  },
  {
    name: "a list that an iterator fills without end",
    due: "memory",
    act() {
      return Array.from({
        *[Symbol.iterator]() {
          for (;;) yield 1;
        },
      });
    },
  },
  {
    name: "array buffers",
    due: "memory",
    act({ keep }) {
      for (;;) keep.push(new Uint8Array(1 << 20).fill(1));
    },
  },
  {
    name: "one array buffer of 4 GiB",
    due: "ends",
    act({ keep }) {
      keep.push(new Uint8Array(4 * 2 ** 30).fill(1));
    },
  },
  {
    name: "an array buffer that grows",
    due: "memory",
    act({ keep }) {
      for (;;) {
        const buffer = new ArrayBuffer(0, { maxByteLength: 2 ** 28 });
        keep.push(buffer);
        buffer.resize(2 ** 28);
        new Uint8Array(buffer).fill(1);
      }
    },
  },
  {
    name: "strings",
    due: "memory",
    act({ keep }) {
      for (;;) keep.push(JSON.stringify(`${"x".repeat(1 << 20)}${keep.length}`));
    },
  },
  {
    name: "one string doubled and doubled",
    due: "ends",
    act({ keep }) {
      let text = "ä";
      for (let i = 0; i < 28; i++) text += text;
      for (;;) keep.push(text.toUpperCase());
    },
  },
  {
    name: "replacing every letter of a long string",
    due: "memory",
    act({ keep }) {
      for (;;) keep.push("a".repeat(2 ** 26).replaceAll("a", "bc"));
    },
  },
  {
    name: "a map",
    due: "memory",
    act({ keep }) {
      const map = new Map<number, number>();
      keep.push(map);
      for (;;) map.set(map.size, map.size);
    },
  },
  {
    name: "sets",
    due: "memory",
    act({ keep }) {
      for (;;) {
        const set = new Set<number>();
        keep.push(set);
        for (let i = 0; i < 1e6; i++) set.add(i);
      }
    },
  },
  {
    name: "keys of one object",
    due: "memory",
    act({ keep }) {
      const object: Record<string, number> = {};
      keep.push(object);
      for (let i = 0;; i++) object[`${i} `.padEnd(1000, "x")] = i;
    },
  },
  {
    name: "symbols of the registry",
    due: "memory",
    act() {
      for (let i = 0;; i++) Symbol.for(`${"x".repeat(1000)}${i}`);
    },
  },
  {
    name: "big integers",
    due: "memory",
    act({ keep }) {
      for (;;) keep.push(1n << 80_000_000n);
    },
  },
  {
    name: "closures",
    due: "memory",
    act({ keep }) {
      for (;;) {
        const held = new Array(100).fill(keep.length);
        keep.push(() => held);
      }
    },
  },
  {
    name: "promises that never settle",
    due: "memory",
    act({ keep }) {
      for (;;) keep.push(new Promise(() => {}).then(() => keep));
    },
  },
  {
    name: "microtasks that make microtasks",
    due: "memory",
    act() {
      const twice = () => {
        queueMicrotask(twice);
        queueMicrotask(twice);
      };
      twice();
    },
  },
  {
    name: "timers",
    due: "memory",
    act() {
      for (;;) setTimeout(() => {}, 1e9);
    },
  },
  {
    name: "generators that wait",
    due: "memory",
    act({ keep }) {
      function* waiting() {
        yield new Array(100).fill(0);
      }
      for (;;) {
        const one = waiting();
        one.next();
        keep.push(one);
      }
    },
  },
  {
    name: "stack traces",
    due: "memory",
    act({ keep }) {
      const deep = (n: number): Error => n === 0 ? new Error("x".repeat(100_000)) : deep(n - 1);
      for (;;) keep.push(deep(50).stack);
    },
  },
  {
    name: "a salt of 10 ** 9 bytes",
    due: "ends",
    async act() {
      const publicExponent = Uint8Array.of(1, 0, 1);
      const algorithm = { name: "RSA-PSS", modulusLength: 2048, publicExponent, hash: "SHA-256" };
      const { privateKey } = await crypto.subtle.generateKey(algorithm, false, ["sign"]) as CryptoKeyPair;
      for (;;) {
        const signing = crypto.subtle.sign({ name: "RSA-PSS", saltLength: 1e9 }, privateKey, new Uint8Array(1));
        await signing.catch(() => {});
      }
    },
  },
  {
    name: "marks of the performance timeline",
    due: "memory",
    act() {
      for (let i = 0;; i++) performance.mark(`mark ${i}`, { detail: "x".repeat(10_000) });
    },
  },
  {
    name: "listeners",
    due: "memory",
    act({ keep }) {
      const listenerOf = (held: number[]) => () => held;
      for (;;) {
        const target = new EventTarget();
        for (let i = 0; i < 100; i++) target.addEventListener(`x${i}`, listenerOf(new Array(1000).fill(i)));
        keep.push(target);
      }
    },
  },
  {
    name: "formatters of many languages",
    due: "ends",
    act({ keep }) {
      for (;;) for (const locale of ["de", "ja", "ar", "hi"]) keep.push(new Intl.DateTimeFormat(locale));
    },
  },
  {
    name: "addresses",
    due: "memory",
    act({ keep }) {
      for (;;) keep.push(new URL(`https://example.com/${"x".repeat(10_000)}`));
    },
  },
  {
    name: "copies of one object",
    due: "memory",
    act({ keep }) {
      for (;;) keep.push(structuredClone({ bytes: new Uint8Array(1 << 16).fill(keep.length) }));
    },
  },
  {
    name: "the state of a connection",
    due: "memory",
    moments: ["call", "timer", "open"],
    act({ ctx }) {
      for (let i = 0;; i++) ctx.state[`key ${i}`] = new Array(1000).fill(i);
    },
  },
  {
    name: "aborts with a waiting listener",
    due: "memory",
    act({ keep }) {
      for (;;) {
        const controller = new AbortController();
        controller.signal.addEventListener("abort", () => keep);
        keep.push(AbortSignal.any([controller.signal]));
      }
    },
  },
  {
    name: "a slow leak after the answer",
    due: "memory",
    act({ keep }) {
      setInterval(() => keep.push(new Uint8Array(4 << 20).fill(1)), 5);
    },
  },
  {
    name: "shared memory",
    due: "contained",
    act({ keep, reach }) {
      for (;;) {
        const shared = Reflect.construct(reach("SharedArrayBuffer") as never, [1 << 20]) as SharedArrayBuffer;
        keep.push(new Uint8Array(shared).fill(1));
      }
    },
  },
  {
    name: "memory of WebAssembly",
    due: "contained",
    act({ keep, reach }) {
      const { Memory } = reach("WebAssembly") as unknown as { Memory: typeof WebAssembly.Memory };
      for (;;) {
        const memory = new Memory({ initial: 1000 });
        keep.push(new Uint8Array(memory.buffer).fill(1));
      }
    },
  },
];

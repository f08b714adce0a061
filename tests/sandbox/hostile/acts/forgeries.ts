/** Values that are not what they seem, where the server reads them. */
import type { Act } from "../act.ts";

export const forgeries: readonly Act[] = [
  {
    name: "a one-byte view of 50 MiB sent at each turn",
    due: "contained",
    raw: true,
    moments: ["call"],
    async act({ ctx }) {
      const view = new Uint8Array(new ArrayBuffer(50 << 20), 0, 1);
      Object.defineProperty(view, "byteLength", { value: 50 << 20 });
      for (let i = 0; i < 200; i++) {
        ctx.send(view);
        await new Promise((done) => setTimeout(done, 1));
      }
    },
  },
  {
    name: "a frame whose length lies",
    due: "contained",
    raw: true,
    act({ ctx }) {
      const bytes = new Uint8Array(32 << 20);
      for (const key of ["length", "byteLength"]) Object.defineProperty(bytes, key, { value: 1 });
      for (let i = 0; i < 20; i++) ctx.send(bytes);
    },
  },
  {
    name: "a frame whose length changes while it is read",
    due: "contained",
    raw: true,
    act({ ctx }) {
      const buffer = new ArrayBuffer(1 << 20, { maxByteLength: 1 << 20 });
      const bytes = new Uint8Array(buffer);
      const slice = () => {
        buffer.resize(0);
        return bytes;
      };
      Object.defineProperty(bytes, "slice", { value: slice });
      Object.defineProperty(bytes, "subarray", { value: slice });
      ctx.send(bytes);
      ctx.send(bytes.subarray());
    },
  },
  {
    name: "frames of a buffer that is gone, and of a class of its own",
    due: "contained",
    raw: true,
    act({ ctx }) {
      class Odd extends Uint8Array {
        static get [Symbol.species](): never {
          throw new Error("x");
        }
        override slice(): never {
          throw new Error("x");
        }
      }
      const gone = new Uint8Array(8);
      gone.buffer.transfer();
      for (const bytes of [gone, new Odd(8), new Odd(1 << 20).subarray]) {
        try {
          ctx.send(bytes as never);
        } catch {
          // the next one
        }
      }
    },
  },
  {
    name: "text with half a surrogate pair",
    due: "contained",
    raw: true,
    act({ ctx }) {
      ctx.send("\ud800");
      ctx.send("a\udc00b");
    },
  },
  {
    name: "a result whose toJSON gives nothing",
    due: "stays",
    act() {
      return { toJSON: () => undefined };
    },
  },
  {
    name: "notifications whose toJSON gives nothing, text and functions",
    due: "stays",
    act({ ctx }) {
      for (const value of [undefined, "],", 1, () => 1, Symbol("x")]) {
        try {
          ctx.notify("x", { toJSON: () => value });
        } catch {
          // the next one
        }
      }
    },
  },
  {
    name: "a result that is no JSON",
    due: "stays",
    act() {
      return { a: [1n] };
    },
  },
  {
    name: "a result that contains itself",
    due: "stays",
    act() {
      const made: Record<string, unknown> = {};
      made["self"] = made;
      return made;
    },
  },
  {
    name: "a revoked proxy as the result",
    due: "stays",
    act() {
      const { proxy, revoke } = Proxy.revocable({}, {});
      revoke();
      return proxy;
    },
  },
  {
    name: "a proxy as the result that is another thing at each look",
    due: "stays",
    act() {
      let looks = 0;
      return new Proxy({}, {
        get: (_, key) => key === "then" ? undefined : ++looks % 2 ? "x".repeat(looks) : { looks },
        ownKeys: () => [`key ${++looks}`],
        getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true, value: ++looks }),
      });
    },
  },
  {
    name: "a promise of its own that settles many times",
    due: "stays",
    act() {
      const then = (resolve: (value: unknown) => void, reject: (error: unknown) => void) => {
        for (let i = 0; i < 100; i++) {
          resolve(i);
          reject(new Error("x"));
        }
        throw new Error("x");
      };
      return { then };
    },
  },
  {
    name: "an error that is not one",
    due: "contained",
    act() {
      throw {
        toString: null,
        get message() {
          throw new Error("x");
        },
        get stack() {
          throw new Error("x");
        },
      };
    },
  },
  {
    name: "prototypes in common use, replaced",
    due: "contained",
    act() {
      const replace = (object: object, key: string, value: unknown) => {
        try {
          Reflect.set(object, key, value);
          Reflect.defineProperty(object, key, { value });
        } catch {
          // the next one
        }
      };
      replace(Promise.prototype, "then", () => 1);
      replace(Array.prototype, "push", () => 0);
      replace(Map.prototype, "get", () => undefined);
      replace(JSON, "stringify", () => '"forged"},{');
      replace(Object.prototype, "toJSON", () => undefined);
      replace(Object.prototype, "id", 1);
      replace(TextEncoder.prototype, "encode", () => new Uint8Array(1 << 26));
      replace(TextEncoder.prototype, "encodeInto", () => ({ read: 1, written: 2 ** 31 }));
      replace(Uint8Array.prototype, "set", () => {});
      replace(DataView.prototype, "setUint32", () => {});
    },
  },
  {
    name: "prototypes of its own context, replaced",
    due: "contained",
    moments: ["call", "timer", "open"],
    act({ ctx }) {
      const shared = Object.getPrototypeOf(ctx) as Record<string, unknown>;
      for (const key of Object.getOwnPropertyNames(shared)) Reflect.set(shared, key, () => "x".repeat(1 << 20));
    },
  },
];

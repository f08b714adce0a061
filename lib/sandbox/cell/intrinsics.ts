/**
 * Freezes the intrinsics of a cell, so that neither a message (`__proto__`) nor a handler can change the objects that
 * the runtime and handlers of other sessions use.
 *
 * A frozen property of a prototype can't be assigned on inheriting objects (`error.name = …` would throw). Where such
 * assignments are common, the property becomes an accessor whose setter defines it on the object itself.
 */

/** Prototypes whose inherited properties programs often assign on their own objects. */
function assignable(): object[] {
  const errors = [Error, AggregateError, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError];
  return [
    Object.prototype,
    Function.prototype,
    ...errors.map((error) => error.prototype as object),
    DOMException.prototype,
  ];
}

/** Freezes the intrinsics of this isolate, including platform objects that handlers can reach. */
export function freezeIntrinsics(): void {
  for (const prototype of assignable()) keepAssignable(prototype);
  const seen = new Set<object>();
  for (const root of roots()) freezeDeep(root, seen);
}

function keepAssignable(prototype: object): void {
  for (const key of Reflect.ownKeys(prototype)) {
    const property = Reflect.getOwnPropertyDescriptor(prototype, key)!;
    if (!("value" in property) || !property.configurable || !property.writable) continue;
    const value: unknown = property.value;
    Reflect.defineProperty(prototype, key, {
      configurable: false,
      enumerable: property.enumerable ?? false,
      get: () => value,
      set(this: object, assigned: unknown) {
        if (this === prototype) throw new TypeError(`Can't change ${String(key)} of an intrinsic`);
        Reflect.defineProperty(this, key, { value: assigned, writable: true, enumerable: true, configurable: true });
      },
    });
  }
}

/** The globals, and intrinsics that are not reachable from them by properties. */
function roots(): unknown[] {
  const hidden = [
    async function () {},
    function* () {},
    async function* () {},
    [][Symbol.iterator](),
    new Map()[Symbol.iterator](),
    new Set()[Symbol.iterator](),
    ""[Symbol.iterator](),
    "".matchAll(/./g),
  ].map((value) => Reflect.getPrototypeOf(value));
  const globals = Object.getOwnPropertyNames(globalThis)
    .filter((key) => key !== "globalThis" && key !== "global" && key !== "self")
    .map((key) => Reflect.getOwnPropertyDescriptor(globalThis, key)?.value as unknown);
  return [...hidden, ...globals];
}

function freezeDeep(root: unknown, seen: Set<object>): void {
  const waiting: unknown[] = [root];
  while (waiting.length > 0) {
    const value = waiting.pop();
    if ((typeof value !== "object" || value === null) && typeof value !== "function") continue;
    if (seen.has(value) || value === globalThis) continue;
    seen.add(value);
    waiting.push(Reflect.getPrototypeOf(value));
    for (const key of Reflect.ownKeys(value)) {
      const property = Reflect.getOwnPropertyDescriptor(value, key)!;
      waiting.push(property.value, property.get, property.set);
    }
    try {
      Object.freeze(value);
    } catch {
      // Typed arrays with elements can't be frozen; none is an intrinsic.
    }
  }
}

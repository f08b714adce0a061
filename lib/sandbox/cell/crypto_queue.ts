/**
 * Bounds `crypto.subtle`, whose work runs on threads of the platform: a module that starts many operations would otherwise take
 * as many threads, and the processors from everything else on the machine.
 */

/** Operations that run at a time; further ones wait. */
const MAX_RUNNING = 2;

const OPERATIONS = [
  ..."encrypt decrypt sign verify digest generateKey deriveKey deriveBits importKey exportKey wrapKey unwrapKey".split(
    " ",
  ),
  ..."encapsulateKey encapsulateBits decapsulateKey decapsulateBits getPublicKey".split(" "),
];

type Operation = (this: SubtleCrypto, ...values: unknown[]) => Promise<unknown>;

/** Replaces the operations of `SubtleCrypto.prototype`. */
export function boundCrypto(): void {
  const prototype = SubtleCrypto.prototype as unknown as Record<string, Operation>;
  const waiting: (() => void)[] = [];
  let running = 0;
  const turn = () => {
    if (running < MAX_RUNNING) running++;
    else return new Promise<void>((resolve) => waiting.push(resolve));
  };
  const done = () => {
    const next = waiting.shift();
    if (next === undefined) running--;
    else next();
  };
  for (const name of OPERATIONS) {
    const operation = prototype[name];
    if (operation === undefined) continue;
    const { apply } = Reflect;
    const bounded = async function (this: SubtleCrypto, ...values: unknown[]): Promise<unknown> {
      await turn();
      try {
        return await apply(operation, this, values);
      } finally {
        done();
      }
    };
    Reflect.defineProperty(prototype, name, { value: bounded, writable: true, configurable: true });
  }
}

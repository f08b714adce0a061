/**
 * Limits concurrent operations of `crypto.subtle`, which run on threads of the platform. Without a limit, a module
 * could use all processors of the machine.
 */

/** Maximum number of concurrent operations; further ones wait. */
const MAX_RUNNING = 2;

const OPERATIONS = [
  ..."encrypt decrypt sign verify digest generateKey deriveKey deriveBits importKey exportKey wrapKey unwrapKey".split(
    " ",
  ),
  ..."encapsulateKey encapsulateBits decapsulateKey decapsulateBits getPublicKey".split(" "),
];

type CryptoOperation = (this: SubtleCrypto, ...values: unknown[]) => Promise<unknown>;

/** Replaces the operations of `SubtleCrypto.prototype`. */
export function boundCrypto(): void {
  const prototype = SubtleCrypto.prototype as unknown as Record<string, CryptoOperation>;
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

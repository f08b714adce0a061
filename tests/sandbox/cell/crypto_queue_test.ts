/** The bound of a module's operations on the platform's threads, with operations that the test ends. */
import { boundCrypto } from "../../../lib/sandbox/cell/crypto_queue.ts";
import { assertEquals, assertRejects } from "../../assert.ts";

const prototype = SubtleCrypto.prototype as unknown as Record<string, (...values: unknown[]) => Promise<unknown>>;

/** `crypto.subtle` with operations that wait until the test ends them, bounded; the platform's own afterwards. */
class Bounded implements Disposable {
  readonly running: PromiseWithResolvers<unknown>[] = [];
  readonly #own = Object.getOwnPropertyDescriptors(SubtleCrypto.prototype);

  constructor() {
    for (const name of ["digest", "sign"]) {
      const value = () => {
        const operation = Promise.withResolvers<unknown>();
        this.running.push(operation);
        return operation.promise;
      };
      Object.defineProperty(SubtleCrypto.prototype, name, { value, writable: true, configurable: true });
    }
    boundCrypto();
  }

  [Symbol.dispose](): void {
    Object.defineProperties(SubtleCrypto.prototype, this.#own);
  }
}

const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

Deno.test("boundCrypto() runs two operations at once, of any kinds, and the others in their order", async () => {
  using bounded = new Bounded();
  const ended: string[] = [];
  const start = (name: "digest" | "sign", as: string) => prototype[name]!().then(() => ended.push(as));
  for (const [at, name] of (["digest", "sign", "digest", "sign", "digest"] as const).entries()) {
    void start(name, `${name} ${at}`);
  }
  await turn();
  assertEquals(bounded.running.length, 2);
  bounded.running[1]!.resolve(1);
  await turn();
  assertEquals([bounded.running.length, ended], [3, ["sign 1"]]);
  for (const at of [0, 2]) bounded.running[at]!.resolve(1);
  await turn();
  assertEquals([bounded.running.length, ended], [5, ["sign 1", "digest 0", "digest 2"]]);
  for (const at of [3, 4]) bounded.running[at]!.resolve(1);
  await turn();
  assertEquals(ended.length, 5);
  for (let i = 0; i < 3; i++) void start("digest", "again");
  await turn();
  assertEquals(bounded.running.length, 7, "two places are free again");
});

Deno.test("boundCrypto() frees the place of an operation that fails, and passes the failure on", async () => {
  using bounded = new Bounded();
  const failures = Array.from({ length: 3 }, () => assertRejects(() => prototype["digest"]!(), Error, "no such key"));
  await turn();
  for (const at of [0, 1]) bounded.running[at]!.reject(new Error("no such key"));
  await turn();
  bounded.running[2]!.reject(new Error("no such key"));
  await Promise.all(failures);
});

Deno.test("boundCrypto() leaves results as they are", async () => {
  using _ = { [Symbol.dispose]: restore(Object.getOwnPropertyDescriptors(SubtleCrypto.prototype)) };
  const data = new TextEncoder().encode("text");
  const before = await crypto.subtle.digest("SHA-256", data);
  boundCrypto();
  assertEquals(await crypto.subtle.digest("SHA-256", data), before);
});

function restore(own: PropertyDescriptorMap): () => void {
  return () => void Object.defineProperties(SubtleCrypto.prototype, own);
}

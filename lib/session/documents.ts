/** The answers to `rpc.discover`, cached by set of roles. */
import { openRpc } from "../contract/openrpc.ts";
import type { Contract } from "../sandbox/sandbox.ts";

/** Maximum number of cached documents of one contract, one for each set of roles. */
const MAX_DOCUMENTS = 16;

export class Documents {
  readonly #contracts = new WeakMap<Contract, Map<string, string>>();

  /** JSON text of the OpenRPC document with the methods and topics that these roles allow. */
  of(contract: Contract, roles: readonly string[]): string {
    let documents = this.#contracts.get(contract);
    if (documents === undefined) this.#contracts.set(contract, documents = new Map());
    // Roles that the contract does not name have no effect.
    const named = new Set(
      [...contract.methods.values(), ...contract.topics.values()].flatMap(({ roles }) => roles ?? []),
    );
    const key = JSON.stringify([...named].filter((role) => roles.includes(role)));
    let document = documents.get(key);
    if (document === undefined) {
      document = JSON.stringify(openRpc(contract, { roles }));
      const [oldest] = documents.keys();
      if (documents.size >= MAX_DOCUMENTS) documents.delete(oldest!);
      documents.set(key, document);
    }
    return document;
  }
}

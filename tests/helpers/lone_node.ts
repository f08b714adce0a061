/** The parts of a server that runs alone, for tests of what uses the cluster. */
import { MemoryCluster } from "../../lib/cluster/memory.ts";
import { Hub, type HubLimits } from "../../lib/hub/hub.ts";
import { MemoryStore } from "../../lib/store/memory.ts";
import type { Store } from "../../lib/store/store.ts";

/** A hub whose messages don't leave the process. */
export function loneHub(limits: HubLimits): Hub {
  const cluster = new MemoryCluster({
    deliver: (module, topic, text) => hub.deliver(module, topic, text),
    learn() {},
    held: () => [],
    answer: () => null,
    describe: () => ({ name: "alone", connections: 0, fingerprint: "" }),
  }, { store: new MemoryStore(Date.now), now: Date.now });
  const hub: Hub = new Hub(limits, cluster);
  return hub;
}

/** Shared state that is kept in `store`, on its clock. */
export function loneState(store: Store, now: () => number) {
  return new MemoryCluster({
    deliver() {},
    learn() {},
    held: () => [],
    answer: () => null,
    describe: () => ({ name: "alone", connections: 0, fingerprint: "" }),
  }, { store, now }).state;
}

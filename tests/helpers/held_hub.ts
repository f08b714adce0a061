/** A hub on a backplane that the test holds in its hand. */
import type { Presence } from "../../lib/cluster/cluster.ts";
import { Hub, hubLimits } from "../../lib/hub/hub.ts";

/** Records what the hub does, and decides what it hears. */
export class Held {
  /** `listen`, `unlisten`, `join` and `leave`, in order. */
  readonly did: string[] = [];
  readonly published: Uint8Array[] = [];
  /** Establishes each pending `listen`, in order. */
  readonly establish: (() => void)[] = [];
  users: Presence[] = [];
  partial = false;
  readonly hub = new Hub(hubLimits(100, 100), {
    backplane: {
      listen: (module, topic) => {
        this.did.push(`listen ${module} ${topic}`);
        return new Promise((resolve) => this.establish.push(resolve));
      },
      unlisten: (module, topic) => void this.did.push(`unlisten ${module} ${topic}`),
      publish: (_module, _topic, text) => {
        this.published.push(text);
        return "sent";
      },
    },
    state: {
      join: (_module, topic, user) => void this.did.push(`join ${topic} ${user}`),
      leave: (_module, topic, user) => void this.did.push(`leave ${topic} ${user}`),
      present: () => Promise.resolve({ users: this.users, partial: this.partial }),
      put: () => Promise.reject(),
      take: () => Promise.reject(),
      seat: () => Promise.reject(),
      unseat() {},
      settle: () => Promise.reject(),
    },
  });
}

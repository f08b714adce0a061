/** What this server does for the nodes of its cluster. */
import type { NodeDescription, NodeDuties } from "../cluster/cluster.ts";
import type { Config } from "../config/config.ts";
import type { Hub } from "../hub/hub.ts";
import type { SharedRights } from "./shared_rights.ts";

/** The parts of a server that other nodes reach. */
interface NodeParts {
  readonly config: Config;
  readonly hub: Hub;
  readonly rights: SharedRights;
  readonly registry: { readonly size: number };
}

export function nodeDuties(server: NodeParts): NodeDuties {
  return {
    deliver: (module, topic, text) => server.hub.deliver(module, topic, text),
    learn: (notice) => server.rights.learn(notice),
    held: () => server.rights.held(),
    answer: ({ kind }) => {
      throw new RangeError(`No such request: ${kind}`);
    },
    describe: () => describe(server),
  };
}

function describe({ config, registry }: NodeParts): NodeDescription {
  const { host, port } = config.server;
  return { name: `${host}:${port}`, connections: registry.size, fingerprint: "" };
}

/** The duties of this server to the nodes of its cluster. */
import type { NodeDuties } from "../cluster/cluster.ts";
import type { Config } from "../config/config.ts";
import type { Hub } from "../hub/hub.ts";
import type { HandlerModule } from "../sandbox/sandbox.ts";
import type { Registry, Session } from "../session/session.ts";
import { fingerprintOf, machineName } from "./node_description.ts";
import { answerNode } from "./node_requests.ts";
import type { SharedRights } from "./shared_rights.ts";

/** The parts of a server that other nodes reach. */
interface NodeParts {
  readonly config: Config;
  readonly hub: Hub;
  readonly rights: SharedRights;
  readonly registry: Registry<Session>;
  /** The modules are loaded, and clients are admitted. */
  readonly listening: boolean;
  readonly modules: ReadonlyMap<string, HandlerModule>;
}

export function nodeDuties(server: NodeParts): NodeDuties {
  const name = machineName(server.config);
  return {
    deliver: (module, topic, text) => server.hub.deliver(module, topic, text),
    learn: (notice) => server.rights.learn(notice),
    held: () => server.rights.held(),
    answer: (request) =>
      answerNode(request, {
        registry: server.registry,
        hub: server.hub,
        closedBy: (revocation) => server.rights.closedBy(revocation),
      }),
    describe: () => ({
      name,
      connections: server.registry.size,
      fingerprint: server.listening ? fingerprintOf(server.config, server.modules) : "",
    }),
  };
}

/** Every mutant there is. */
import { admission } from "./admission.ts";
import { author } from "./author.ts";
import { base } from "./base.ts";
import { cell } from "./cell.ts";
import { client } from "./client.ts";
import { cluster } from "./cluster.ts";
import { config } from "./config.ts";
import { deploy } from "./deploy.ts";
import { front } from "./front.ts";
import { gate } from "./gate.ts";
import { host } from "./host.ts";
import { hub } from "./hub.ts";
import { limits } from "./limits.ts";
import { log } from "./log.ts";
import { type Mutant, mutantsOf } from "./mutant.ts";
import { nodes } from "./nodes.ts";
import { ops } from "./ops.ts";
import { reload } from "./reload.ts";
import { revocation } from "./revocation.ts";
import { rpc } from "./rpc.ts";
import { sandbox } from "./sandbox.ts";
import { server } from "./server.ts";
import { session } from "./session.ts";
import { shared } from "./shared.ts";
import { store } from "./store.ts";
import { supervisor } from "./supervisor.ts";
import { timing } from "./timing.ts";
import { telemetry } from "./telemetry.ts";
import { tls } from "./tls.ts";
import { tools } from "./tools.ts";
import { topics } from "./topics.ts";
import { websocket } from "./websocket.ts";
import { wire } from "./wire.ts";

export const MUTANTS: readonly Mutant[] = [
  ...mutantsOf("admission", admission),
  ...mutantsOf("author", author),
  ...mutantsOf("base", base),
  ...mutantsOf("cell", cell),
  ...mutantsOf("client", client),
  ...mutantsOf("cluster", cluster),
  ...mutantsOf("config", config),
  ...mutantsOf("deploy", deploy),
  ...mutantsOf("front", front),
  ...mutantsOf("gate", gate),
  ...mutantsOf("host", host),
  ...mutantsOf("hub", hub),
  ...mutantsOf("limits", limits),
  ...mutantsOf("log", log),
  ...mutantsOf("nodes", nodes),
  ...mutantsOf("ops", ops),
  ...mutantsOf("reload", reload),
  ...mutantsOf("revocation", revocation),
  ...mutantsOf("rpc", rpc),
  ...mutantsOf("sandbox", sandbox),
  ...mutantsOf("server", server),
  ...mutantsOf("session", session),
  ...mutantsOf("shared", shared),
  ...mutantsOf("store", store),
  ...mutantsOf("supervisor", supervisor),
  ...mutantsOf("timing", timing),
  ...mutantsOf("telemetry", telemetry),
  ...mutantsOf("tls", tls),
  ...mutantsOf("tools", tools),
  ...mutantsOf("topics", topics),
  ...mutantsOf("websocket", websocket),
  ...mutantsOf("wire", wire),
];

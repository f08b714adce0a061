/** Every mutant there is. */
import { admission } from "./admission.ts";
import { client } from "./client.ts";
import { config } from "./config.ts";
import { deploy } from "./deploy.ts";
import { front } from "./front.ts";
import { hub } from "./hub.ts";
import { limits } from "./limits.ts";
import { log } from "./log.ts";
import { type Mutant, mutantsOf } from "./mutant.ts";
import { ops } from "./ops.ts";
import { sandbox } from "./sandbox.ts";
import { session } from "./session.ts";
import { store } from "./store.ts";
import { tools } from "./tools.ts";
import { websocket } from "./websocket.ts";

export const MUTANTS: readonly Mutant[] = [
  ...mutantsOf("admission", admission),
  ...mutantsOf("client", client),
  ...mutantsOf("config", config),
  ...mutantsOf("deploy", deploy),
  ...mutantsOf("front", front),
  ...mutantsOf("hub", hub),
  ...mutantsOf("limits", limits),
  ...mutantsOf("log", log),
  ...mutantsOf("ops", ops),
  ...mutantsOf("sandbox", sandbox),
  ...mutantsOf("session", session),
  ...mutantsOf("store", store),
  ...mutantsOf("tools", tools),
  ...mutantsOf("websocket", websocket),
];

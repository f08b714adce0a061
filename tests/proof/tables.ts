/** Every mutant there is. */
import { admission } from "./admission.ts";
import { limits } from "./limits.ts";
import { type Mutant, mutantsOf } from "./mutant.ts";
import { sandbox } from "./sandbox.ts";
import { session } from "./session.ts";
import { websocket } from "./websocket.ts";

export const MUTANTS: readonly Mutant[] = [
  ...mutantsOf("admission", admission),
  ...mutantsOf("limits", limits),
  ...mutantsOf("sandbox", sandbox),
  ...mutantsOf("session", session),
  ...mutantsOf("websocket", websocket),
];

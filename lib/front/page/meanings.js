/** Explains codes and reasons to the user of the page. */
import { CLOSE_REASONS, CLOSES } from "./outcomes.js";

export { CLOSE_REASONS, CLOSES, ERRORS, REASONS } from "./outcomes.js";

/** The meaning of a close code with its reason. */
export function closeMeaning(code, reason) {
  const added = CLOSE_REASONS.get(reason);
  return added === undefined ? meaning(CLOSES, code) : `${meaning(CLOSES, code)} ${added}`;
}

/** The meaning of `code` in a table, or a text that it has none. */
export function meaning(table, code) {
  return table.get(code) ?? "Not a code of this server.";
}

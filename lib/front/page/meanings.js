/** What codes and reasons mean to the person in front of the page. */
import { CLOSE_REASONS, CLOSES } from "./outcomes.js";

export { CLOSE_REASONS, CLOSES, ERRORS, REASONS } from "./outcomes.js";

/** What a close code and its reason mean together. */
export function closeMeaning(code, reason) {
  const added = CLOSE_REASONS.get(reason);
  return added === undefined ? meaning(CLOSES, code) : `${meaning(CLOSES, code)} ${added}`;
}

/** The meaning of `code` in a table, or that it has none there. */
export function meaning(table, code) {
  return table.get(code) ?? "Not a code of this server.";
}

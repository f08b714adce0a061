/** What a state, a refusal or an outcome means, in sentences. */
import { closeMeaning, ERRORS, meaning, REASONS } from "./meanings.js";

/** Why a connection or an attempt ended (`Why` of the library), as one sentence or two. */
export function explainEnd({ code, reason }) {
  if (code === 0) return "The server did not say in time who this user is.";
  if (code < 1000) return explainRefusal({ status: code, reason });
  if (code === 1000 && reason === "signed_out") return "There is no token that the server takes: sign a new one.";
  if (code === 1000 && reason === "suspended") return "The page was put away; it connects again when it is shown.";
  if (code === 1006 && reason === "silent") return "The connection was dead: no answer came.";
  if (code === 1006 && reason !== "") return `The server can't be reached (${reason}).`;
  return `${code}${reason === "" ? "" : ` ${reason}`}: ${closeMeaning(code, reason)}`;
}

/** What `POST /ticket` answered. */
export function explainRefusal({ status, reason, retryAfter = null }) {
  const wait = retryAfter === null ? "" : ` Try again in ${retryAfter} s.`;
  if (reason === "") return `Refused with ${status} by something in front of the server.${wait}`;
  return `Refused with ${status} ${reason}: ${meaning(REASONS, reason)}${wait}`;
}

/** What became of a call (`CallError` of the library). */
export function explainCall({ outcome, code, message }) {
  if (outcome === "refused") return `Refused with ${code}: ${meaning(ERRORS, code)}`;
  if (outcome === "not_sent") return `Not sent: ${message}.`;
  return `No answer: ${message}. The server may have taken it.`;
}

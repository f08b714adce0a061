/** Explains states, refusals and outcomes in sentences. */
import { closeMeaning, ERRORS, meaning, REASONS } from "./meanings.js";

/** Explains the end of a connection or attempt (`Why` of the library) in one or two sentences. */
export function explainEnd({ code, reason }) {
  if (code === 0) return "The server did not answer in time.";
  if (code < 1000) return explainRefusal({ status: code, reason });
  if (code === 1000 && reason === "signed_out") return "There is no token that the server takes: sign a new one.";
  if (code === 1000 && reason === "suspended") return "The page was put away; it connects again when it is shown.";
  if (code === 1006 && reason === "silent") return "The connection was dead: no answer came.";
  if (code === 1006 && reason !== "") return `The server can't be reached (${reason}).`;
  return `${code}${reason === "" ? "" : ` ${reason}`}: ${closeMeaning(code, reason)}`;
}

/** Explains an answer of `POST /ticket`. */
export function explainRefusal({ status, reason, retryAfter = null }) {
  const wait = retryAfter === null ? "" : ` Try again in ${retryAfter} s.`;
  if (reason === "") return `Refused with ${status} by something in front of the server.${wait}`;
  return `Refused with ${status} ${reason}: ${meaning(REASONS, reason)}${wait}`;
}

/** Explains the outcome of a call (`CallError` of the library). */
export function explainCall({ outcome, code, message }) {
  if (outcome === "refused") return `Refused with ${code}: ${meaning(ERRORS, code)}`;
  if (outcome === "not_sent") return `Not sent: ${message}.`;
  return `No answer: ${message}. The server may have taken it.`;
}

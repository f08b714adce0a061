/**
 * The texts of the catalogue of outcomes, by code or reason. This module runs in the server; the page gets its exports
 * as literals (`page.ts`).
 */
import * as catalogue from "../../gate/outcomes.ts";

const closes = Object.entries(catalogue.CLOSES);
const sent = new Set(closes.map(([, { code }]) => code));

/** Why a handshake, or a request for a ticket, is refused. */
export const REASONS = new Map(catalogue.REASONS.map((reason) => [reason, catalogue.REFUSALS[reason].text]));

/** JSON-RPC errors, by code. */
export const ERRORS = new Map(catalogue.ERRORS.map(({ code, text }) => [code, text]));

/** Close codes: what happened, and whether to come back. */
export const CLOSES = new Map(
  [...catalogue.CLOSE_CODES].map(([code, { text, retry }]) => [
    code,
    sent.has(code) ? `${text} ${catalogue.RETRY_TEXT[retry]}` : text,
  ]),
);

/** Reasons that come with a close code: what they add to it. */
export const CLOSE_REASONS = new Map(
  closes.filter(([, { silent }]) => !silent).map(([reason, { text }]) => [reason, text]),
);

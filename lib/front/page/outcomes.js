/**
 * The texts of the catalogue of outcomes, by code or reason. This module runs in the server; the page gets its exports
 * as literals (`page.ts`).
 */
import * as catalogue from "../../gate/outcomes.ts";

const closes = Object.entries(catalogue.CLOSES);
const sent = new Set(closes.map(([, { code }]) => code));

/** Reasons of refused handshakes and ticket requests. */
export const REASONS = new Map(catalogue.REASONS.map((reason) => [reason, catalogue.REFUSALS[reason].text]));

/** JSON-RPC errors, by code. */
export const ERRORS = new Map(catalogue.ERRORS.map(({ code, text }) => [code, text]));

/** Close codes: the event, and whether to reconnect. */
export const CLOSES = new Map(
  [...catalogue.CLOSE_CODES].map(([code, { text, retry }]) => [
    code,
    sent.has(code) ? `${text} ${catalogue.RETRY_TEXT[retry]}` : text,
  ]),
);

/** Reasons of close codes, and what they add. */
export const CLOSE_REASONS = new Map(
  closes.filter(([, { silent }]) => !silent).map(([reason, { text }]) => [reason, text]),
);

/**
 * Close codes (RFC 6455 section 7.4): those without a reason of their own, and those that a peer may send. The reasons
 * for which the server closes are in `lib/gate/outcomes.ts`.
 */
export const CloseCode = {
  normal: 1000,
  goingAway: 1001,
  /** Never on the wire: "no code was present in the close frame". */
  noStatus: 1005,
  /** Never on the wire: "the connection ended without a close frame". */
  abnormal: 1006,
} as const;

/**
 * Whether a close frame may carry this code.
 *
 * RFC 6455 7.4.1 and 7.4.2, with the IANA registry's 1012 to 1014: 1004, 1005, 1006 and 1015 are reserved and MUST NOT
 * be set by an endpoint; 0 to 999 are not used; 1016 to 2999 are reserved for the protocol; 3000 to 4999 are for
 * libraries and applications; nothing is defined above.
 */
export function isCloseCode(code: number): boolean {
  if (code >= 3000) return code <= 4999;
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014);
}

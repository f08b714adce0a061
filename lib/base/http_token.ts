/** A token of RFC 9110 section 5.6.2: methods, field names, subprotocols, cookie names. One class, so linear in the text. */
export const TOKEN_REGEXP = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** A random id for a node, new at each start, so that the id of a dead node never comes back. */
export function newNodeId(): string {
  return crypto.getRandomValues(new Uint8Array(12)).toBase64({ alphabet: "base64url", omitPadding: true });
}

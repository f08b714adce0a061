/** Names that belong to the server: a module can neither offer nor notify them. */

/** The methods that the server answers itself. */
export const SERVER_METHODS = [
  "session.whoami",
  "session.refresh",
  "rpc.discover",
  "topic.subscribe",
  "topic.unsubscribe",
  "topic.publish",
  "topic.presence",
] as const;

/** Whether a method or notification of that name is the server's. JSON-RPC 2.0 section 4.3 reserves `rpc.`. */
export function isServerName(name: string): boolean {
  return /^(?:rpc|session|topic)\./.test(name);
}

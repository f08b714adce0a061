/** The effects of a module under test, as they are recorded. */

/**
 * An effect of a handler. `connection` is "" for an effect outside of calls, or after the end of the connection. A
 * publication on a declared topic is an `event`, on a free one a `publish`.
 */
export type TestEvent =
  | { type: "notify"; connection: string; method: string; params: unknown }
  | { type: "publish"; connection: string; topic: string; method: string; params: unknown }
  | { type: "event"; connection: string; topic: string; event: string; data: unknown }
  | { type: "send"; connection: string; data: string | Uint8Array }
  | { type: "subscribe" | "unsubscribe"; connection: string; topic: string }
  | { type: "close"; connection: string; reason: string }
  | { type: "log"; connection: string; level: string; message: string; fields: unknown }
  | { type: "failed"; connection: string; method: string; error: string };

/** A notification to clients, as a cell sends it. */
export interface Notification {
  readonly method: string;
  readonly params?: unknown;
}

/** Method and parameters of a notification. */
export function parts({ method, params }: Notification): { method: string; params: unknown } {
  return { method, params };
}

/** The recorded form of a publication on a declared topic, or on a free one. */
export function publication(
  declared: boolean,
  connection: string,
  topic: string,
  notification: Notification,
): TestEvent {
  if (!declared) return { type: "publish", connection, topic, ...parts(notification) };
  const { event, data } = notification.params as { event: string; data: unknown };
  return { type: "event", connection, topic, event, data };
}

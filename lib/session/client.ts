import type { Presence, Subscriber } from "../hub/hub.ts";
import type { CellClient, CellUser } from "../sandbox/sandbox.ts";
import type { SharedText } from "../websocket/websocket.ts";
import type { Outgoing } from "./outgoing.ts";
import type { Session } from "./session.ts";

/** More topics than this one session can't follow: a client that makes a handler subscribe may not fill the memory. */
const MAX_TOPICS = 1_000;

/** What a handler's cell sees of a session and may do to it; and what the hub delivers to. */
export class SessionClient implements CellClient, Subscriber {
  readonly #session: Session;
  readonly #outgoing: Outgoing;
  readonly #topics = new Set<string>();

  constructor(session: Session, outgoing: Outgoing) {
    this.#session = session;
    this.#outgoing = outgoing;
  }

  get id(): string {
    return this.#session.id;
  }

  get ip(): string {
    return this.#session.ip;
  }

  get subprotocol(): string {
    return this.#session.subprotocol;
  }

  get userId(): string {
    return this.#session.userId;
  }

  get user(): CellUser {
    const { user, roles, claims } = this.#session.identity;
    return { id: user, roles, claims };
  }

  notify(message: string): void {
    this.#outgoing.send(message);
  }

  send(data: string | Uint8Array): void {
    this.#outgoing.send(data);
  }

  deliver(message: SharedText): void {
    this.#outgoing.sendShared(message);
  }

  publish(topic: string, message: string): void {
    this.#session.services.hub.publish(topic, message);
  }

  subscribe(topic: string): void {
    if (this.#session.ending) return;
    if (this.#topics.size >= MAX_TOPICS && !this.#topics.has(topic)) {
      this.logged("warn", "too many subscriptions", { topics: MAX_TOPICS });
      return;
    }
    this.#topics.add(topic);
    this.#session.services.hub.subscribe(topic, this);
  }

  unsubscribe(topic: string): void {
    if (this.#topics.delete(topic)) this.#session.services.hub.unsubscribe(topic, this);
  }

  presence(topic: string): Presence[] {
    return this.#session.services.hub.presence(topic);
  }

  closeByHandler(reason: string): void {
    this.#session.end(1000, reason);
  }

  logged(level: "debug" | "info" | "warn" | "error", message: string, fields: Record<string, unknown>): void {
    this.#session.services.log[level]("handler.log", { conn: this.id, user: this.userId, message, fields });
  }

  unserved(): void {
    this.#session.end(1011, "internal");
  }

  /** The session is over: nothing is delivered any more. */
  leave(): void {
    for (const topic of this.#topics) this.#session.services.hub.unsubscribe(topic, this);
    this.#topics.clear();
  }
}

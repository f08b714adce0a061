/** Connects a session to its cell and to the hub. */
import type { Hub, Presence, Subscriber } from "../hub/hub.ts";
import type { CellClient, CellUser } from "../sandbox/sandbox.ts";
import type { SharedText } from "../websocket/websocket.ts";
import type { SessionState } from "./state.ts";

/** Maximum number of topics of a session, so that a client can't fill the memory through a handler that subscribes. */
const MAX_TOPICS = 1_000;

/** The session as its cell and the hub see it. */
export class SessionClient implements CellClient, Subscriber {
  readonly #session: SessionState;
  readonly #topics = new Set<string>();

  constructor(session: SessionState) {
    this.#session = session;
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
    return this.#session.user;
  }

  notify(message: Uint8Array): void {
    this.#session.outgoing.sendAround("", message, "");
  }

  send(data: Uint8Array, text: boolean): void {
    if (text) this.#session.outgoing.sendAround("", data, "");
    else this.#session.outgoing.send(data);
  }

  deliver(message: SharedText): void {
    this.#session.outgoing.sendShared(message);
  }

  subscribe(topic: string): boolean {
    if (this.#session.ending || this.#topics.has(topic)) return true;
    if (this.#topics.size >= MAX_TOPICS || !this.#hub.subscribe(this.subprotocol, topic, this)) return false;
    this.#topics.add(topic);
    return true;
  }

  unsubscribe(topic: string): void {
    if (this.#topics.delete(topic)) this.#hub.unsubscribe(this.subprotocol, topic, this);
  }

  presence(topic: string): Presence[] {
    return this.#hub.presence(this.subprotocol, topic);
  }

  closeByHandler(reason: string): void {
    this.#session.endByHandler(reason);
  }

  logged(level: "debug" | "info" | "warn" | "error", message: string, fields: Record<string, unknown>): void {
    const { log } = this.#session.services;
    log[level]("handler.log", { module: this.subprotocol, conn: this.id, user: this.userId, message, fields });
  }

  unserved(): void {
    this.#session.end("internal");
  }

  /** Ends all deliveries. */
  leave(): void {
    for (const topic of this.#topics) this.#hub.unsubscribe(this.subprotocol, topic, this);
    this.#topics.clear();
  }

  get #hub(): Hub {
    return this.#session.services.hub;
  }
}

/** The session as the cell of its handler sees it. */
import type { Presence } from "../hub/hub.ts";
import type { CellClient, CellUser } from "../sandbox/sandbox.ts";
import type { SessionState } from "./state.ts";
import type { Subscriptions } from "./subscriptions.ts";

/** A session as a handler's cell sees it. */
export class SessionClient implements CellClient {
  readonly #session: SessionState;
  readonly #subscriptions: Subscriptions;

  constructor(session: SessionState, subscriptions: Subscriptions) {
    this.#session = session;
    this.#subscriptions = subscriptions;
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

  subscribe(topic: string, answer: (code: number) => void): void {
    this.#subscriptions.subscribe(topic, "handler", answer);
  }

  unsubscribe(topic: string): void {
    this.#subscriptions.unsubscribe(topic, "handler");
  }

  followers(topic: string): number {
    return this.#session.services.hub.subscribersOf(this.subprotocol, topic);
  }

  presence(topic: string): Promise<readonly Presence[]> {
    return this.#session.services.hub.presence(this.subprotocol, topic);
  }

  closeByHandler(reason: string): void {
    this.#session.endByHandler(reason);
  }

  logged(level: "debug" | "info" | "warn" | "error", message: string, fields: Record<string, unknown>): void {
    const { log } = this.#session.services;
    log[level]("handler.log", { module: this.subprotocol, conn: this.id, user: this.#session.userId, message, fields });
  }

  unserved(): void {
    this.#session.end("internal");
  }

  resumed(): void {
    this.#subscriptions.resumed();
  }
}

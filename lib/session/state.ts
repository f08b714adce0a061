/** The state of a session, shared by its parts. */
import {
  type Accepted,
  type Close,
  closeFor,
  type CloseReason,
  type Identity,
  type Peer,
  type Socket,
} from "../gate/gate.ts";
import type { SessionLimits } from "../limits/limits.ts";
import type { CellUser, HandlerModule, Line } from "../sandbox/sandbox.ts";
import { CloseCode } from "../websocket/websocket.ts";
import { Intake } from "./intake.ts";
import { Life, type Lived } from "./life.ts";
import { Outgoing } from "./outgoing.ts";
import type { SessionServices } from "./services.ts";
import type { Topics } from "./topics.ts";

/** The parts of a session. */
export interface SessionOptions {
  readonly id: string;
  readonly socket: Socket;
  readonly accepted: Accepted;
  readonly peer: Peer;
  readonly module: HandlerModule;
  readonly services: SessionServices;
}

/**
 * The lower layer of a session: its identity, limits, deadlines and end. The parts that handle messages use this class;
 * it does not know `Session`, which connects them.
 */
export abstract class SessionState implements Lived {
  readonly id: string;
  readonly ip: string;
  /** Milliseconds since the epoch. */
  readonly since: number;
  readonly module: HandlerModule;
  readonly services: SessionServices;
  readonly limits: SessionLimits;
  readonly life: Life;
  readonly intake: Intake;
  readonly outgoing: Outgoing;
  /** The session's line to its cell. */
  abstract readonly line: Line;
  /** The topics that the session follows. */
  abstract readonly topics: Topics;
  /** When the session began, on the monotonic clock, in milliseconds. */
  protected readonly startedAt: number;
  protected readonly socket: Socket;
  protected draining = false;
  /** When the message that is being handled arrived, on the monotonic clock; undefined in between. */
  protected arrived: number | undefined;
  /** A message waits for its tokens. */
  protected delayed = false;
  /** Notifies the front that all requests are answered, after the client's close frame. */
  protected finished: (() => void) | undefined;
  #identity: Identity;
  #ending = false;

  protected constructor({ id, socket, accepted, peer, module, services }: SessionOptions) {
    this.id = id;
    this.ip = peer.ip;
    this.since = services.now();
    this.startedAt = services.monotonic();
    this.module = module;
    this.services = services;
    this.socket = socket;
    this.#identity = accepted.identity;
    this.limits = services.limits.session(peer.ip, this.userId);
    this.outgoing = new Outgoing(socket, services, () => this.end("slow_consumer"));
    this.life = new Life(services.config.server, this, this.startedAt, this.#identity.expiresAt, services.now);
    this.intake = new Intake(socket, services.turns, this.life, services.monotonic, services.later);
    services.deadlines.set(this.life, this.life.next(this.startedAt));
  }

  get subprotocol(): string {
    return this.module.subprotocol;
  }

  get userId(): string {
    return this.#identity.user;
  }

  get identity(): Identity {
    return this.#identity;
  }

  /** The user as handlers see it. */
  get user(): CellUser {
    const { user, roles, claims } = this.#identity;
    return { id: user, roles, claims };
  }

  /**
   * The time on the monotonic clock in milliseconds. All parts of a message have the time of its arrival, because a
   * reading of the clock costs as much as the check that needs it.
   */
  get monotonicNow(): number {
    return this.arrived ?? this.services.monotonic();
  }

  /** Whether the end has begun; the connection may still wait for the peer's close frame. */
  get ending(): boolean {
    return this.#ending;
  }

  /** Bytes that are queued for sending. */
  get queued(): number {
    return this.socket.queued;
  }

  get taken(): number {
    return this.socket.taken;
  }

  ping(): boolean {
    return this.socket.ping();
  }

  /** Logs and counts a refusal. */
  rejected(reason: string, fields: Record<string, unknown>): void {
    this.services.telemetry.message("in", reason);
    this.services.log.info("message.rejected", { conn: this.id, user: this.userId, reason, ...fields });
  }

  /**
   * Like {@linkcode SessionState.rejected}, for a request over a limit. Too many of them close the session and ban the
   * user, unless excused.
   */
  violated(reason: string, fields: Record<string, unknown>, excused: boolean): void {
    this.rejected(reason, fields);
    if (excused) return;
    if (this.limits.violation()) this.end("rate_limited");
  }

  /** Replaces the identity with that of a new token of the same user; no effect once the session is ending. */
  renew(identity: Identity): void {
    if (this.#ending) return;
    this.#identity = identity;
    this.line.identity(this.user);
    this.topics.renewed();
    this.services.deadlines.set(this.life, this.life.renew(identity.expiresAt, this.services.monotonic()));
  }

  /** To be called when every request has been answered. Ends a session that waited only for that. */
  settleUp(): void {
    if (this.delayed) return;
    const finished = this.finished;
    this.finished = undefined;
    finished?.();
    if (this.draining) this.end("draining");
  }

  /** Starts the closing handshake; no further input is processed. */
  end(reason: CloseReason): void {
    this.#close(closeFor(reason));
  }

  /** Like {@linkcode SessionState.end}, with the normal closure (1000) and the handler's own reason. */
  endByHandler(reason: string): void {
    this.#close({ code: CloseCode.normal, reason });
  }

  #close({ code, reason }: Close): void {
    if (this.#ending) return;
    this.#ending = true;
    this.socket.close(code, reason);
  }

  /** Cuts the connection. */
  terminate(): void {
    this.socket.terminate();
  }

  /** The connection has ended: stops input, pauses and deadlines. */
  protected ended(): void {
    this.#ending = true;
    this.life.stop();
    this.intake.stop();
    this.services.deadlines.delete(this.life);
    this.limits.release();
  }
}

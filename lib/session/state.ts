import type { Accepted, Identity, Peer, Socket } from "../gate/gate.ts";
import type { SessionLimits } from "../limits/limits.ts";
import type { CellUser, HandlerModule, Line } from "../sandbox/sandbox.ts";
import { Intake } from "./intake.ts";
import { type Ending, Life, type Lived } from "./life.ts";
import { Outgoing } from "./outgoing.ts";
import type { SessionServices } from "./services.ts";

/** What one session is made of. */
export interface SessionOptions {
  readonly id: string;
  readonly socket: Socket;
  readonly accepted: Accepted;
  readonly peer: Peer;
  readonly module: HandlerModule;
  readonly services: SessionServices;
}

/**
 * The lower layer of a session: its identity, its limits, its deadlines and its end. The parts of a session that handle
 * messages work on this class; `Session` wires them together and is not known here.
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
  /** The way to the cell. */
  abstract readonly line: Line;
  /** When the session began, on the monotonic clock, in milliseconds. */
  protected readonly startedAt: number;
  protected readonly socket: Socket;
  protected draining = false;
  /** A message waits for its tokens. */
  protected delayed = false;
  /** Tells the front that everything is answered, after the client has sent its last message. */
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
    this.outgoing = new Outgoing(socket, services, () => this.end(1013, "slow_consumer"));
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

  /** The user as the handler sees it. */
  get user(): CellUser {
    const { user, roles, claims } = this.#identity;
    return { id: user, roles, claims };
  }

  /** Whether its end has begun; the connection may still wait for the peer's part of it. */
  get ending(): boolean {
    return this.#ending;
  }

  /** Bytes that wait to be sent. */
  get queued(): number {
    return this.socket.queued;
  }

  get taken(): number {
    return this.socket.taken;
  }

  ping(): boolean {
    return this.socket.ping();
  }

  expire({ code, reason }: Ending): void {
    this.end(code, reason);
  }

  /** Logs and counts something that was refused. */
  rejected(reason: string, fields: Record<string, unknown>): void {
    this.services.telemetry.message("in", reason);
    this.services.log.info("message.rejected", { conn: this.id, user: this.userId, reason, ...fields });
  }

  /** As {@linkcode SessionState.rejected}, for what was over a limit. Too many of them close the session and ban the user, unless excused. */
  violated(reason: string, fields: Record<string, unknown>, excused: boolean): void {
    this.rejected(reason, fields);
    if (excused) return;
    if (this.limits.violation()) this.end(1008, "rate_limited");
  }

  /** Takes the identity of a fresh token of the same user; too late once the session is ending. */
  renew(identity: Identity): void {
    if (this.#ending) return;
    this.#identity = identity;
    this.line.identity(this.user);
    this.services.deadlines.set(this.life, this.life.renew(identity.expiresAt, this.services.monotonic()));
  }

  /** To be called when everything taken has been answered: ends a session that was only waiting for its last answers. */
  settleUp(): void {
    if (this.delayed) return;
    const finished = this.finished;
    this.finished = undefined;
    finished?.();
    if (this.draining) this.end(1001, "draining");
  }

  /** Starts the closing handshake; nothing further is taken from the client. */
  end(code: number, reason: string): void {
    if (this.#ending) return;
    this.#ending = true;
    this.socket.close(code, reason);
  }

  /** Cuts the connection. */
  terminate(): void {
    this.socket.terminate();
  }

  /** The connection has ended: nothing is taken, resumed or due any more. */
  protected ended(): void {
    this.#ending = true;
    this.life.end();
    this.intake.end();
    this.services.deadlines.delete(this.life);
    this.limits.release();
  }
}

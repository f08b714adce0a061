/**
 * The outer gate's judgement: who may open a WebSocket here, and as whom.
 */
import type { Config } from "../config/config.ts";
import type { Identity, Verified } from "./identity.ts";

export type { Identity, Verified } from "./identity.ts";
export { type Reason, REASONS, type RefusalExtras, refuse, retrySeconds, statusOf } from "./reason.ts";

/** What a decision depends on besides the handshake and its peer: everything else in the server, as values. */
export interface AdmissionContext {
  readonly config: Config;
  /** Whether the connection is TLS, here or at a trusted proxy. */
  readonly secure: boolean;
  readonly draining: boolean;
  readonly overloaded: boolean;
  /** Whether `server.max_connections` is reached. */
  readonly full: boolean;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Takes one handshake from the address' bucket: 0, or the milliseconds until one could be taken. */
  takeHandshake(ip: string): number;
  verify(token: string): Promise<Verified>;
  /** Redeems a one-time ticket; null when it is unknown, used, expired, or was issued to another origin. */
  redeemTicket(ticket: string, origin: string): Promise<Identity | null>;
  /** How many connections the user has now. */
  userConnections(user: string): number;
  /** Milliseconds left of the user's ban, 0 when there is none. */
  userBanned(user: string): number;
}

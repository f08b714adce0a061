/** What the two client processes of an attack run are told, and what they say. Both cross as JSON. */

/** How to reach the service under attack; each client adds an address, and a token of its own. */
export interface Victim {
  readonly port: number;
  readonly path: string;
  readonly subprotocol?: string;
  readonly origin: string;
  readonly caPem: string;
}

export const ATTACKS = ["handshakes", "messages", "oversize", "invalid", "slow"] as const;
export type Attack = (typeof ATTACKS)[number];

export interface AttackJob {
  readonly victim: Victim;
  readonly attacks: readonly Attack[];
  /** One for each user the attackers have; they are good ones. */
  readonly tokens: readonly string[];
  readonly durationMs: number;
}

/** How often the attackers of each kind met what: `closed 1008 rate_limited`, `refused 429`, `answered`… */
export type Outcomes = Partial<Record<Attack, Record<string, number>>>;

export interface HonestJob {
  readonly victim: Victim;
  /** One client for each. */
  readonly tokens: readonly string[];
  /** Tokens of those who connect only now, one after the other. */
  readonly newcomers: readonly string[];
  readonly messagesPerSecond: number;
  readonly warmupMs: number;
  readonly durationMs: number;
}

/** Times in ms. A message counts as `answered` when its result came within a second. */
export interface HonestFigures {
  readonly sent: number;
  readonly answered: number;
  readonly p50: number;
  readonly p99: number;
  readonly newcomers: number;
  readonly admitted: number;
  readonly newcomerP99: number;
}

/** Orders and reports of the two client processes of an attack run, as JSON. */

/** How to reach the service under attack; each client adds an address, and a token of its own. */
export interface Victim {
  readonly port: number;
  readonly path: string;
  readonly subprotocol?: string;
  readonly origin: string;
  readonly caPem: string;
}

/** Attacks by clients, which are also made all at once. */
export const CLIENT_ATTACKS = ["handshakes", "messages", "oversize", "invalid", "slow"] as const;
/** `modules`: handler modules that attack the server they run in. */
export const ATTACKS = [...CLIENT_ATTACKS, "modules"] as const;
export type Attack = (typeof ATTACKS)[number];

/** How many modules attack, each with a client of its own; subprotocols `flood0.v1`, `flood1.v1`, … */
export const FLOODING_MODULES = 8;

export interface AttackJob {
  readonly victim: Victim;
  readonly attacks: readonly Attack[];
  /** One for each user the attackers have; they are good ones. */
  readonly tokens: readonly string[];
  readonly durationMs: number;
}

/** How often the attackers of each kind met what: `closed 1008 rate_limited`, `refused 429`, `answered`… */
export type Outcomes = Partial<Record<Attack, Record<string, number>>>;

/** Where the first attacker of each kind comes from; some honest clients share the address. */
export const ATTACKER_ADDRESS: Readonly<Record<Attack, string>> = {
  handshakes: "127.0.2.1",
  messages: "127.0.2.2",
  oversize: "127.0.3.1",
  invalid: "127.0.4.1",
  slow: "127.0.5.1",
  modules: "127.0.7.1",
};

export interface HonestJob {
  readonly victim: Victim;
  /** Tokens of honest clients at the attackers' own addresses, in turn. */
  readonly neighbours: readonly string[];
  /** Those addresses; as many as there are attacks. */
  readonly addresses: readonly string[];
  /** One client for each. */
  readonly tokens: readonly string[];
  /** Tokens of the new clients, one after the other. */
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
  /** Of the messages of those at an attacker's own address. */
  readonly neighbours: { readonly sent: number; readonly answered: number };
}

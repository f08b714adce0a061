/** Over how long clients that are told to come back are spread. */
import { addressKey } from "./address.ts";
import type { Rate } from "./bucket.ts";

export interface SpreadLimits {
  /** Of an address. */
  readonly handshake: Readonly<Rate>;
  /** Of a user. */
  readonly handshake_user: Readonly<Rate>;
}

/** Who is told to come back. */
export interface Returning {
  readonly ip: string;
  readonly userId: string;
}

/** A session of a browser costs its user two handshakes: the ticket's and its own. */
const USER_COST = 2;

/** The part of a burst that a crowd may use; the rest is for those who come for the first time. */
const BURST_PART = 0.5;

/** No client waits longer than that. */
const MOST_MS = 600_000;

/**
 * Milliseconds after which each comes back. Those of one address, and those of one user, are spread over at least
 * `leastMs`, and over so long that half the burst of their bucket and what it gains meanwhile suffice for all of them:
 * `(cost × count - burst / 2) / rate` seconds, ten minutes at most. Within that time they are spread evenly, each at a random
 * moment of its own share, since wholly random moments come in clusters.
 */
export function reconnectDelays<T extends Returning>(
  clients: readonly T[],
  limits: SpreadLimits,
  leastMs: number,
  random: () => number,
): Map<T, number> {
  const byAddress = Map.groupBy(clients, ({ ip }) => addressKey(ip));
  const byUser = Map.groupBy(clients, ({ userId }) => userId);
  const delays = new Map<T, number>();
  for (const group of [...byAddress.values()]) {
    const ofAddress = neededMs(group.length, limits.handshake);
    shuffled(group, random).forEach((client, index) => {
      const ofUser = neededMs(USER_COST * (byUser.get(client.userId)?.length ?? 1), limits.handshake_user);
      const spread = Math.min(MOST_MS, Math.max(leastMs, ofAddress, ofUser));
      delays.set(client, Math.round((index + random()) / group.length * spread));
    });
  }
  return delays;
}

function neededMs(cost: number, { rate, burst }: Readonly<Rate>): number {
  return Math.max(0, cost - burst * BURST_PART) / rate * 1000;
}

/** In random order (Fisher and Yates), so that nobody comes last each time. */
function shuffled<T>(list: readonly T[], random: () => number): T[] {
  const result = [...list];
  for (let last = result.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [result[last], result[other]] = [result[other]!, result[last]!];
  }
  return result;
}

/** Spreads the reconnections of clients over time. */
import { addressKey } from "./address.ts";
import type { Rate } from "./bucket.ts";

export interface SpreadLimits {
  /** Per address. */
  readonly handshake: Readonly<Rate>;
  /** Per user. */
  readonly handshake_user: Readonly<Rate>;
}

/** A client that is told to reconnect. */
export interface Returning {
  readonly ip: string;
  readonly userId: string;
}

/** A browser session costs its user two handshakes: the ticket and the WebSocket. */
const USER_COST = 2;

/** The part of a burst that reconnections may use. The rest is for new clients. */
const BURST_PART = 0.5;

/** Maximum delay of a client. */
const MOST_MS = 600_000;

/**
 * Computes the delay in milliseconds of each client. The clients of one address, and those of one user, are spread over
 * at least `leastMs`, and over long enough that half the burst of their bucket and its refill cover all of them: `(cost
 * × count - burst / 2) / rate` seconds, ten minutes at most. Within that time each client gets a random moment of its
 * own equal share, because fully random moments cluster.
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

/** Random order (Fisher-Yates), so that the last place is not always the same client's. */
function shuffled<T>(list: readonly T[], random: () => number): T[] {
  const result = [...list];
  for (let last = result.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [result[last], result[other]] = [result[other]!, result[last]!];
  }
  return result;
}

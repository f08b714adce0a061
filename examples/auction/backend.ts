/** Writes outcomes to the backend of the auction. */

/** Attempts and the pause before the second one, in milliseconds; it doubles with each further one. */
const ATTEMPTS = 4;
const FIRST_PAUSE_MS = 100;
const TIMEOUT_MS = 5000;

/** The outcome of a lot. */
export interface Outcome {
  readonly lot: string;
  readonly cents: number;
  readonly winner: string | null;
}

/**
 * Puts the outcome at `AUCTION_BACKEND/lots/NAME`. It may arrive twice: the backend takes the first.
 *
 * @throws {Error} if the backend can't be reached, or takes it not, in several attempts
 */
export async function writeOutcome(outcome: Outcome): Promise<void> {
  const url = `${Deno.env.get("AUCTION_BACKEND")}/lots/${outcome.lot}`;
  for (let attempt = 1;; attempt++) {
    try {
      return await put(url, outcome);
    } catch (error) {
      if (attempt === ATTEMPTS) throw error;
      await new Promise((resolve) => setTimeout(resolve, FIRST_PAUSE_MS * 2 ** (attempt - 1)));
    }
  }
}

async function put(url: string, outcome: Outcome): Promise<void> {
  const response = await fetch(url, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(outcome),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  await response.body?.cancel();
  if (!response.ok) throw new Error(`The backend answered ${response.status}`);
}

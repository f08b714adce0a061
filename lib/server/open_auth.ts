/** Opens what `[auth]` names: keys and the file of revocations. */
import { createVerifier, type Revocations, RevokedFile, type Verifier } from "../admission/admission.ts";
import type { Config } from "../config/config.ts";
import type { Log } from "../log/log.ts";

/** The parts of a server that keys and revocations need. */
interface OpenAuthDeps {
  readonly log: Log;
  readonly revocations: Revocations;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Monotonic clock, milliseconds since the epoch. */
  readonly steady: () => number;
}

/** Passes on the keys of the previous verifier, so that a reload keeps them while the issuer is down. */
export function openVerifier(deps: OpenAuthDeps, { auth }: Config, previous?: Verifier): Promise<Verifier> {
  const { log, now, steady, revocations } = deps;
  return createVerifier(auth, {
    ...(previous ? { previous } : {}),
    log,
    now,
    steady,
    isRevoked: (identity) => revocations.isRevoked(identity),
  });
}

/** Undefined without `revoked_file`. */
export async function openRevocations(deps: OpenAuthDeps, { auth }: Config): Promise<RevokedFile | undefined> {
  if (auth.revoked_file === undefined) return undefined;
  return await RevokedFile.open(auth.revoked_file, deps.revocations, deps);
}

/** `token`: signs a token with the configured private key or secret. */
import { KeyError, signToken } from "../admission/admission.ts";
import type { Io, ParsedArgs } from "./args.ts";
import { loadOrReport } from "./load.ts";

/**
 * Prints the token, alone on one line.
 *
 * @returns 2 if the file is not a valid configuration, 1 if there is no signing key, else 0
 */
export async function token(args: ParsedArgs, io: Io, now: () => number = Date.now): Promise<number> {
  const config = loadOrReport(args, io);
  if (config === null) return 2;
  try {
    const { sub = "", role, ttl } = args;
    io.stdout(await signToken(config.auth, { sub, roles: role, ttlMs: ttl, now: now() }));
    return 0;
  } catch (error) {
    if (!(error instanceof KeyError)) throw error;
    io.stderr(error.message);
    return 1;
  }
}

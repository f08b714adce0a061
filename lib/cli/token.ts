/** `token`: signs a token with the configured private key or secret. */
import { KeyError, signToken } from "../admission/admission.ts";
import type { Io, ParsedArgs } from "./args.ts";
import { findConfig } from "../config/config.ts";
import { developmentAuth, developmentSecret } from "./development.ts";
import { DEVELOPMENT_ROLES } from "./development_tokens.ts";
import { loadOrReport } from "./load.ts";

/**
 * Prints the token, alone on one line. With `--dev`, and without a configuration but with the secret of `serve --dev`,
 * the token is for that server, with its role unless others are given.
 *
 * @returns 2 if the file is not a valid configuration, 1 if there is no signing key, else 0
 */
export async function token(args: ParsedArgs, io: Io, now: () => number = Date.now): Promise<number> {
  const dev = args.dev || (findConfig(args.config) === undefined && exists(developmentSecret()));
  const auth = dev ? developmentAuth() : loadOrReport(args, io)?.auth;
  if (auth === undefined) return 2;
  try {
    const { sub = "", role, ttl } = args;
    const roles = dev && role.length === 0 ? DEVELOPMENT_ROLES : role;
    io.stdout(await signToken(auth, { sub, roles, ttlMs: ttl, now: now() }));
    return 0;
  } catch (error) {
    if (!(error instanceof KeyError)) throw error;
    io.stderr(error.message);
    return 1;
  }
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

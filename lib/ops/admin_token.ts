import type { Config } from "../config/config.ts";
import type { Finding } from "../config/findings/findings.ts";

/** What makes 32 random bytes gives 43 characters or more; a person's own idea of a password is shorter. */
const MIN_LENGTH = 16;

/**
 * The admin token of `ops.admin_token_file`, undefined without administration.
 * @throws {Error} What reading the file throws.
 */
export function readAdminToken({ ops }: Config): string | undefined {
  return ops?.admin_token_file === undefined ? undefined : Deno.readTextFileSync(ops.admin_token_file).trim();
}

/** An error for a token that can be guessed, or that no client can send as `Authorization: Bearer`. */
export function adminTokenFindings(config: Config): Finding[] {
  const path = config.ops?.admin_token_file;
  const problem = problemOf(readAdminToken(config));
  if (path === undefined || problem === null) return [];
  return [{
    severity: "error",
    where: "ops.admin_token_file",
    what: `${path}: the token ${problem}`,
    why: "With this token an attacker can close connections, lift bans and revoke tokens; the server does not start",
    remedy: `Make one with: head -c 32 /dev/urandom | base64 -w 0 >${path}`,
  }];
}

function problemOf(token: string | undefined): string | null {
  if (token === undefined) return null;
  if (!/^[\x21-\x7e]*$/.test(token)) return "must be one word of printable ASCII characters";
  if (token.length >= MIN_LENGTH) return null;
  return `has ${token.length} character${token.length === 1 ? "" : "s"}, must have at least ${MIN_LENGTH}`;
}

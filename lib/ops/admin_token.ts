/** Reads and checks the admin token. */
import type { Config } from "../config/config.ts";
import type { Finding } from "../config/findings/findings.ts";

/** Minimum length. 32 random bytes have 43 characters or more; shorter tokens are usually passwords. */
const MIN_LENGTH = 16;

/**
 * The admin token of `ops.admin_token_file`, undefined without administration.
 *
 * @throws {Error} if the file can't be read
 */
export function readAdminToken({ ops }: Config): string | undefined {
  return ops?.admin_token_file === undefined ? undefined : Deno.readTextFileSync(ops.admin_token_file).trim();
}

/** Findings about a token that can be guessed, or that can't be sent as `Authorization: Bearer`. */
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

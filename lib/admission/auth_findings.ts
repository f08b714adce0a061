/** Findings of `check` about the files of `[auth]`. The files are read as `serve` reads them. */
import type { Config } from "../config/config.ts";
import type { Finding } from "../config/findings/findings.ts";
import { keyFileOf, type KeySourceDeps, readKeyFile } from "./token/key_source.ts";
import { KeyError } from "./token/keys.ts";
import { RemoteKeys } from "./token/jwks.ts";
import { RevokedLineReader, type WrongLine } from "./revocation/revocation_form.ts";
import { signToken } from "./token/sign.ts";
import { createVerifier } from "./token/verifier.ts";

/** Clock and `fetch`; the real ones by default. */
export type AuthFindingsDeps = Partial<Pick<KeySourceDeps, "now" | "fetch" | "remote">>;

/** Wrong lines of `revoked_file` that are reported at most. */
const MAX_WRONG_LINES = 20;

/** Every finding about keys, key sets and revocations. Asks the `jwks_url`, if there is one, once. */
export async function authFindings(config: Config, deps: AuthFindingsDeps = {}): Promise<Finding[]> {
  const now = deps.now ?? Date.now;
  return [
    ...await keyFindings(config, { ...deps, now }),
    ...await signingFindings(config, now),
    ...await revokedFindings(config),
  ];
}

async function keyFindings({ auth }: Config, deps: AuthFindingsDeps & Pick<KeySourceDeps, "now">): Promise<Finding[]> {
  const found: Finding[] = [];
  const log = recorder((fields) => found.push(...ignoredFindings(fields)));
  const file = keyFileOf(auth);
  if (file !== null) {
    try {
      await readKeyFile(file, auth.algorithms, log);
    } catch (error) {
      found.push({
        severity: "error",
        where: file.key,
        what: messageOf(error).replace(`${file.key}: `, ""),
        why: "Tokens could be forged, or none could be verified; the server does not start",
        remedy: "Make a new key with: sallyport keys --alg ALG --out DIR",
      });
    }
  } else if (auth.jwks_url !== undefined) {
    const remote = new RemoteKeys(auth.jwks_url, auth.algorithms, { ...deps, log });
    await remote.reload();
    if (remote.keys.size === 0) {
      found.push({
        severity: "warning",
        where: "auth.jwks_url",
        what: "The issuer's key set can't be fetched or has no usable key",
        why: "The server starts, but refuses all tokens until the issuer answers",
        remedy: "Check the URL, the network, and that the keys fit auth.algorithms",
      });
    }
    remote.close();
  }
  return found;
}

function ignoredFindings({ source, ignored }: Record<string, unknown>): Finding[] {
  if (!Array.isArray(ignored)) return [];
  return ignored.map((entry) => ({
    severity: "warning",
    where: String(source),
    what: String(entry),
    why: "Tokens signed with that key are refused",
    remedy: "Replace the key, or leave it out of the set",
  }));
}

/** Checks that a token signed by the command `token` is accepted by this configuration. */
async function signingFindings({ auth }: Config, now: () => number): Promise<Finding[]> {
  if (auth.private_key_file === undefined) return [];
  try {
    const token = await signToken(auth, { sub: "check", roles: [], ttlMs: 60_000, now: now() });
    if (keyFileOf(auth) === null) return [];
    const verifier = await createVerifier(auth, { log: recorder(() => {}), now });
    const verified = await verifier.verify(token);
    verifier.close();
    return verified.ok ? [] : [signingFinding("warning", "signs tokens that the configured verification key refuses")];
  } catch (error) {
    if (!(error instanceof KeyError)) throw error;
    // Errors of the verification keys have findings of their own.
    return error.message.startsWith("auth.private_key_file") ? [signingFinding("error", error.message)] : [];
  }
}

function signingFinding(severity: Finding["severity"], what: string): Finding {
  return {
    severity,
    where: "auth.private_key_file",
    what,
    why: "Tokens of the command token are refused by this server",
    remedy: "Name the private half of the key that verifies, or leave auth.private_key_file out",
  };
}

async function revokedFindings({ auth }: Config): Promise<Finding[]> {
  const path = auth.revoked_file;
  if (path === undefined) return [];
  const why = "Tokens that the line should revoke are accepted";
  const remedy = "Write jti:VALUE, sub:VALUE or before:RFC3339, one a line";
  try {
    const wrong: WrongLine[] = [];
    const lines = new RevokedLineReader({ revocation() {}, wrong: (line) => wrong.push(line) });
    lines.push(await Deno.readTextFile(path));
    if (lines.unfinished !== null) {
      wrong.push({
        line: lines.unfinished,
        problem: "has no newline at its end; a line has an effect only with its newline",
      });
    }
    return wrong.slice(0, MAX_WRONG_LINES).map(({ line, problem }) => ({
      severity: "error",
      where: "auth.revoked_file",
      what: `${path}: line ${line}: ${problem}`,
      why,
      remedy,
    }));
  } catch (error) {
    return [{ severity: "error", where: "auth.revoked_file", what: `${path}: ${messageOf(error)}`, why, remedy }];
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** A log that only records the fields of each line. */
function recorder(record: (fields: Record<string, unknown>) => void): KeySourceDeps["log"] {
  const line = (_event: string, fields: Record<string, unknown> = {}) => record(fields);
  return { debug: line, info: line, warn: line, error: line, level: "debug" };
}

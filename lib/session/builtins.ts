/** Methods that the server itself answers, without a cell. */
import { z } from "zod";
import type { Identity } from "../gate/gate.ts";
import { ErrorCode, paramsOf, type RpcRequest } from "../rpc/rpc.ts";
import type { Contract, MethodContract } from "../sandbox/sandbox.ts";
import type { Call } from "./calls.ts";
import type { SessionState } from "./state.ts";

interface Builtin {
  readonly contract: MethodContract;
  /** Executes the method and settles `call`. */
  run(session: SessionState, request: RpcRequest, call: Call): Promise<void> | void;
}

const MAX_TOKEN_LENGTH = 8192;
/** Cost of a document of up to a megabyte. */
const DISCOVER_COST = 5;
const NoParams = z.object({});
const RefreshParams = z.object({ token: z.string().min(1).max(MAX_TOKEN_LENGTH) });

/** `session.whoami`, `session.refresh` and `rpc.discover`. */
export const builtins: ReadonlyMap<string, Builtin> = new Map([
  builtin(
    "session.whoami",
    "The user of this connection, its roles, and when the session ends.",
    NoParams,
    (session, _params, call) => {
      call.resolve(whoami(session.identity));
    },
  ),
  builtin(
    "session.refresh",
    "Replaces the connection's token by a fresh one of the same subject.",
    RefreshParams,
    async (session, { token }, call) => {
      const verified = await session.services.verify(token);
      if (!verified.ok) return call.reject(ErrorCode.FORBIDDEN, JSON.stringify({ reason: verified.reason }));
      if (!mayRenew(session, verified.identity)) return call.reject(ErrorCode.FORBIDDEN);
      session.renew(verified.identity);
      call.resolve(whoami(verified.identity));
    },
  ),
  builtin(
    "rpc.discover",
    "The methods this connection may call, as an OpenRPC document.",
    NoParams,
    (session, _, call) => {
      call.resolve(session.services.documents.of(session.module.contract, session.identity.roles));
    },
    DISCOVER_COST,
  ),
]);

/** The contract of a method of the server, otherwise of the module; undefined if neither has it. */
export function contractOf(module: Contract, method: string): MethodContract | undefined {
  return builtins.get(method)?.contract ?? module.methods.get(method);
}

/**
 * Whether the token belongs to the same user and would be admitted now. A token without `auth.required_role` is
 * refused.
 */
function mayRenew(session: SessionState, { user, roles }: Identity): boolean {
  const { required_role } = session.services.config.auth;
  return user === session.userId && (required_role === undefined || roles.includes(required_role));
}

function builtin<P extends z.ZodType>(
  name: string,
  description: string,
  params: P,
  run: (session: SessionState, params: z.output<P>, call: Call) => Promise<void> | void,
  cost = 1,
): [string, Builtin] {
  return [name, {
    contract: { name, description, cost, params: z.toJSONSchema(params) },
    run(session, request, call) {
      const parsed = params.safeParse(paramsOf(request));
      if (parsed.success) return run(session, parsed.data, call);
      call.reject(ErrorCode.INVALID_PARAMS, issuesJson(parsed.error));
    },
  }];
}

/** Paths and codes of the errors, never the value, which could be a secret. */
function issuesJson(error: z.ZodError): string {
  return JSON.stringify({ issues: error.issues.map(({ path, code, message }) => ({ path, code, message })) });
}

/** `expires_at` is in seconds since the epoch, as the token's `exp` (RFC 7519 section 4.1.4). */
function whoami({ user, roles, expiresAt }: Identity): string {
  return JSON.stringify({ user, roles, expires_at: Math.floor(expiresAt / 1000) });
}

/** Methods that the server itself answers, without a cell. */
import { z } from "zod";
import type { Identity } from "../gate/gate.ts";
import { ErrorCode } from "../rpc/rpc.ts";
import type { Contract, MethodContract } from "../sandbox/sandbox.ts";
import { type Builtin, builtin } from "./builtin.ts";
import type { SessionState } from "./state.ts";
import { topicMethods } from "./topic_methods.ts";

const MAX_TOKEN_LENGTH = 8192;
/** Cost of a document of up to a megabyte. */
const DISCOVER_COST = 5;
const NoParams = z.object({});
const RefreshParams = z.object({ token: z.string().min(1).max(MAX_TOKEN_LENGTH) });

/** `session.whoami`, `session.refresh`, `rpc.discover`, and those of topics. */
export const builtins: ReadonlyMap<string, Builtin> = new Map([
  builtin("session.whoami", {
    description: "The user of this connection.",
    params: NoParams,
    run: (session, _params, call) => call.resolve(whoami(session.identity)),
  }),
  builtin("session.refresh", {
    description: "Replaces the connection's token by a fresh one of the same subject.",
    params: RefreshParams,
    async run(session, { token }, call) {
      const verified = await session.services.verify(token);
      if (!verified.ok) return call.reject(ErrorCode.FORBIDDEN, JSON.stringify({ reason: verified.reason }));
      if (!mayRenew(session, verified.identity)) return call.reject(ErrorCode.FORBIDDEN);
      session.renew(verified.identity);
      call.resolve(whoami(verified.identity));
    },
  }),
  builtin("rpc.discover", {
    description: "The methods this connection may call, as an OpenRPC document.",
    params: NoParams,
    cost: DISCOVER_COST,
    run: (session, _params, call) =>
      call.resolve(session.services.documents.of(session.module.contract, session.identity.roles)),
  }),
  ...topicMethods,
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

/** `expires_at` is in seconds since the epoch, as the token's `exp` (RFC 7519 section 4.1.4). */
function whoami({ user, roles, expiresAt }: Identity): string {
  return JSON.stringify({ user, roles, expires_at: Math.floor(expiresAt / 1000) });
}

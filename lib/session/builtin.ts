/** The form of a method that the server itself answers. */
import { z } from "zod";
import { ErrorCode, paramsOf, type RpcRequest } from "../rpc/rpc.ts";
import type { MethodContract, PendingCall } from "../sandbox/sandbox.ts";
import type { SessionState } from "./state.ts";

/** A method the server answers itself. */
export interface Builtin {
  readonly contract: MethodContract;
  /** Settles `call`. */
  run(session: SessionState, request: RpcRequest, call: PendingCall): Promise<void> | void;
}

export interface BuiltinParts<P extends z.ZodType> {
  readonly description: string;
  readonly params: P;
  /** 1 by default. */
  readonly cost?: number;
  run(session: SessionState, params: z.output<P>, call: PendingCall, request: RpcRequest): Promise<void> | void;
}

/** A method and its name. Parameters that do not fit are answered with -32602. */
export function builtin<P extends z.ZodType>(
  name: string,
  { description, params, cost = 1, run }: BuiltinParts<P>,
): [string, Builtin] {
  return [name, {
    contract: { name, description, cost, params: z.toJSONSchema(params) },
    run(session, request, call) {
      const parsed = params.safeParse(paramsOf(request));
      if (parsed.success) return run(session, parsed.data, call, request);
      call.reject(ErrorCode.INVALID_PARAMS, issuesJson(parsed.error));
    },
  }];
}

/** Where and what is wrong, never the value itself: it could be a secret. */
function issuesJson(error: z.ZodError): string {
  return JSON.stringify({ issues: error.issues.map(({ path, code, message }) => ({ path, code, message })) });
}

/** An administrative request with its answer, refusals included. */
import { AdminError, administer, type AdminRequest } from "./admin.ts";
import type { OpsTarget } from "./ops_target.ts";

/** The answer to an administrative request. */
export interface AdminAnswer {
  readonly status: number;
  /** JSON; `{ error }` for a refusal. */
  readonly body: Readonly<Record<string, unknown>>;
  /** The methods that the path takes, for 405. */
  readonly allow?: string;
  /** For changes: the fields of the log. */
  readonly logged?: Readonly<Record<string, unknown>>;
}

/**
 * Executes an authorised request; a refusal becomes an answer.
 *
 * @throws {Error} what the server throws
 */
export async function attempt(request: AdminRequest, target: OpsTarget): Promise<AdminAnswer> {
  try {
    const { body, ...result } = await administer(request, target);
    return { ...result, body: body as AdminAnswer["body"] };
  } catch (error) {
    if (!(error instanceof AdminError)) throw error;
    const { allow, ...detail } = error.detail;
    return {
      status: error.status,
      body: { error: error.reason, ...detail },
      ...(allow === undefined ? {} : { allow: String(allow) }),
    };
  }
}

/** `POST /dev/token?sub=NAME`: a token for another user, so that the development page can be two at once. */
import { bearerToken, createVerifier, signToken } from "../admission/admission.ts";
import type { Config } from "../config/config.ts";
import { refusalResponse, securityHeaders } from "../front/http/headers.ts";
import type { PageRoute } from "../front/page/page.ts";
import { refuse } from "../gate/gate.ts";
import type { Log } from "../log/log.ts";

/** Lifetime of a token that development hands out. */
export const DEVELOPMENT_TTL_MS = 12 * 3_600_000;
/** Role of a user in development: what the examples ask for. */
export const DEVELOPMENT_ROLES: readonly string[] = ["user"];

const NAME = /^[\p{L}\p{N}._-]{1,64}$/u;

/**
 * Makes the route. It answers `{"token"}` to a request that has a valid token itself, so that no foreign page and no other user
 * of the machine gets one; else 401 `token_missing` or `token_invalid`, and 400 `bad_request` for a name that is none.
 */
export async function developmentTokenRoute(config: Config, log: Log): Promise<PageRoute> {
  const { auth } = config;
  const verifier = await createVerifier(auth, { log, now: Date.now });
  return {
    methods: ["POST"],
    async answer(request) {
      const token = bearerToken(request.headers);
      if (token === null) return refusalResponse(refuse("token_missing"), config);
      if (!(await verifier.verify(token)).ok) return refusalResponse(refuse("token_invalid"), config);
      const sub = new URL(request.url).searchParams.get("sub") ?? "";
      if (!NAME.test(sub)) return refusalResponse(refuse("bad_request"), config);
      const signed = { sub, roles: DEVELOPMENT_ROLES, ttlMs: DEVELOPMENT_TTL_MS, now: Date.now() };
      return Response.json({ token: await signToken(auth, signed) }, { headers: securityHeaders(config) });
    },
  };
}

/** `POST /dev/token?sub=NAME`: issues a token for another user, so that the development page can show two. */
import { bearerToken, createVerifier, signToken } from "../admission/admission.ts";
import type { Config } from "../config/config.ts";
import { refusalResponse, securityHeaders } from "../front/http/headers.ts";
import type { PageRoute } from "../front/page/page.ts";
import { refuse } from "../gate/gate.ts";
import type { Log } from "../log/log.ts";

/** Lifetime of development tokens. */
export const DEVELOPMENT_TTL_MS = 12 * 3_600_000;
/** Roles of a development user, as the examples require. */
export const DEVELOPMENT_ROLES: readonly string[] = ["user"];

const NAME = /^[\p{L}\p{N}._-]{1,64}$/u;

/**
 * Creates the route. It answers `{"token"}` to a request with a valid token, so that no foreign page and no other user
 * of the machine gets one; otherwise 401 `token_missing` or `token_invalid`, and 400 `bad_request` for an invalid name.
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

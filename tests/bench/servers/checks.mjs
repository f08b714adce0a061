/**
 * What Sallyport checks, made in one process by hand as a careful author would: origin, token, JSON-RPC envelope, parameters by the
 * same zod schema, one token bucket a connection. For servers under Node, Deno and Bun alike, so packages are passed in.
 */
import echo from "../handlers/echo.mjs";

/** @returns refills `rate` tokens a second up to `burst`; the function takes one and says whether there was one. */
export function tokenBucket(rate, burst) {
  let tokens = burst;
  let last = performance.now();
  return () => {
    const now = performance.now();
    tokens = Math.min(burst, tokens + ((now - last) / 1000) * rate);
    last = now;
    if (tokens < 1) return false;
    tokens -= 1;
    return true;
  };
}

/** Judges an upgrade by its origin and Bearer token; resolves to the user, or to the status of the refusal. */
export async function createAdmission({ jose, publicKeyPem, origin, issuer, audience }) {
  const key = await jose.importSPKI(publicKeyPem, "ES256");
  const options = {
    algorithms: ["ES256"],
    issuer,
    audience,
    clockTolerance: 30,
    maxTokenAge: "24h",
    requiredClaims: ["sub"],
  };
  return async (requestOrigin, authorization) => {
    if (requestOrigin !== origin) return { status: 403 };
    if (!authorization?.startsWith("Bearer ")) return { status: 401 };
    try {
      const { payload } = await jose.jwtVerify(authorization.slice(7), key, options);
      return { user: payload.sub };
    } catch {
      return { status: 401 };
    }
  };
}

/** One function a connection: text of a request in, text of the answer out. */
export function createAnswer({ z }) {
  const { methods } = echo({ z });
  const envelope = z.object({
    jsonrpc: z.literal("2.0"),
    id: z.union([z.string().max(128), z.number(), z.null()]).optional(),
    method: z.string().max(128),
    params: z.unknown().optional(),
  });
  return () => {
    const take = tokenBucket(1e9, 1e9);
    return (text) => {
      let parsed;
      try {
        parsed = JSON.parse(text);
      } catch {
        return fault(null, -32700, "Parse error");
      }
      const request = envelope.safeParse(parsed);
      if (!request.success) return fault(null, -32600, "Invalid Request");
      const { id, method } = request.data;
      if (!take()) return fault(id, -32001, "Rate limited");
      if (!Object.hasOwn(methods, method)) return fault(id, -32601, "Method not found");
      const params = methods[method].params.safeParse(request.data.params);
      if (!params.success) return fault(id, -32602, "Invalid params");
      return JSON.stringify({ jsonrpc: "2.0", id, result: methods[method].handle(params.data) });
    };
  };
}

function fault(id, code, message) {
  return JSON.stringify({ jsonrpc: "2.0", id: id ?? null, error: { code, message } });
}

/**
 * What Sallyport checks, made in one process by hand as a careful author would: origin, token, buckets, JSON-RPC envelope, roles,
 * parameters by the same zod schema. For servers under Node, Deno and Bun alike, so packages are passed in.
 */
import echo from "../handlers/echo.mjs";

/** Wide enough that each bucket is asked for each message and none is ever empty, like those of sallyport_config.ts. */
const RATE = 1e6;
const BURST = 1e8;
const BYTES_RATE = 2 ** 30;
const BYTES_BURST = 2 ** 36;
const MAX_DEPTH = 32;
const MAX_BATCH = 20;

/** Refills `rate` tokens a second up to `burst`. */
class TokenBucket {
  #tokens;
  #at = performance.now();

  constructor(rate, burst) {
    this.rate = rate;
    this.burst = burst;
    this.#tokens = burst;
  }

  /** Whether there are `cost` tokens. */
  has(cost, now) {
    this.#tokens = Math.min(this.burst, this.#tokens + (now - this.#at) / 1000 * this.rate);
    this.#at = now;
    return this.#tokens >= cost;
  }

  spend(cost) {
    this.#tokens -= cost;
  }
}

/** The bucket of each key: of an address, of a user, of a user's calls of a method. */
class Buckets {
  #buckets = new Map();

  of(key) {
    let bucket = this.#buckets.get(key);
    if (bucket === undefined) this.#buckets.set(key, bucket = new TokenBucket(RATE, BURST));
    return bucket;
  }
}

/** Judges an upgrade by its origin and Bearer token; resolves to the user with roles, or to the status of the refusal. */
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
      return { user: payload.sub, roles: payload.roles ?? [] };
    } catch {
      return { status: 401 };
    }
  };
}

/**
 * One function a connection of a user from an address: text of a message and its bytes in, text of the answer out, or undefined when
 * there is none.
 */
export function createAnswer({ z }) {
  const methods = new Map(Object.entries(echo({ z }).methods));
  const [ips, users, calls] = [new Buckets(), new Buckets(), new Buckets()];
  const envelope = z.object({
    jsonrpc: z.literal("2.0"),
    id: z.union([z.string().max(128), z.number(), z.null()]).optional(),
    method: z.string().max(128),
    params: z.unknown().optional(),
  });
  return (client) => {
    const { ip, user, roles } = client;
    const shared = [new TokenBucket(RATE, BURST), users.of(user), ips.of(ip)];
    const volume = new TokenBucket(BYTES_RATE, BYTES_BURST);
    const own = new Map([...methods.keys()].map((name) => [name, calls.of(`${user} ${name}`)]));
    const call = (value, now) => {
      const request = envelope.safeParse(value);
      if (!request.success) return fault(null, -32600, "Invalid Request");
      const { id, method: name } = request.data;
      const method = methods.get(name);
      if (method === undefined) return fault(id, -32601, "Method not found");
      if (method.roles !== undefined && !method.roles.some((role) => roles.includes(role))) {
        return fault(id, -32003, "Forbidden");
      }
      if (!pay([own.get(name)], 1, now)) return fault(id, -32001, "Rate limited");
      const params = method.params.safeParse(request.data.params ?? {});
      if (!params.success) return fault(id, -32602, "Invalid params");
      const result = method.handle(params.data);
      return id === undefined ? undefined : JSON.stringify({ jsonrpc: "2.0", id, result });
    };
    return (text, bytes) => {
      const now = performance.now();
      if (!pay([volume], bytes, now) || !pay(shared, 1, now)) return fault(null, -32001, "Rate limited");
      let parsed;
      try {
        parsed = JSON.parse(text);
      } catch {
        return fault(null, -32700, "Parse error");
      }
      const batch = Array.isArray(parsed);
      if (deeper(parsed, MAX_DEPTH) || batch && (parsed.length === 0 || parsed.length > MAX_BATCH)) {
        return fault(null, -32600, "Invalid Request");
      }
      if (!batch) return call(parsed, now);
      const answers = parsed.map((value) => call(value, now)).filter((answer) => answer !== undefined);
      return answers.length === 0 ? undefined : `[${answers.join(",")}]`;
    };
  };
}

/** Takes `cost` tokens of all buckets, or of none. */
function pay(buckets, cost, now) {
  for (const bucket of buckets) if (!bucket.has(cost, now)) return false;
  for (const bucket of buckets) bucket.spend(cost);
  return true;
}

/** Whether arrays and objects nest deeper than `levels`. */
function deeper(value, levels) {
  if (typeof value !== "object" || value === null) return false;
  if (levels === 0) return true;
  for (const key in value) if (deeper(value[key], levels - 1)) return true;
  return false;
}

function fault(id, code, message) {
  return JSON.stringify({ jsonrpc: "2.0", id: id ?? null, error: { code, message } });
}

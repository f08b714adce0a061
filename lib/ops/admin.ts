/** The administrative requests of the operators' server: routes, validation, results. */
import { z } from "zod";
import type {
  Applied,
  Coverage,
  EventOutcome,
  EventPublication,
  OfNodes,
  OpsTarget,
  RevocationTarget,
} from "./ops_target.ts";

/** The result of an administrative request: a status, a JSON body, and for changes the fields of the log. */
export interface AdminResult {
  readonly status: number;
  readonly body: unknown;
  readonly logged?: Record<string, unknown>;
}

/** A request with a verified admin token. `body` reads the JSON body or throws an `AdminError`. */
export interface AdminRequest {
  readonly method: string;
  readonly path: string;
  body(): Promise<unknown>;
  /** Wall clock, milliseconds since the epoch. Default `Date.now`. */
  readonly now?: () => number;
}

/** A refusal: its status, and the `error` of its body. */
export class AdminError extends Error {
  override readonly name = "AdminError";

  constructor(readonly status: number, readonly reason: string, readonly detail: Record<string, unknown> = {}) {
    super(reason);
  }
}

/** More than any two clocks may differ (`auth.clock_skew` is at most ten minutes). */
const MAX_AHEAD_MS = 600_000;

const name = z.string().min(1).max(256);

/** A moment: seconds since the epoch, as in tokens, or RFC 3339. Parsed to milliseconds. */
const moment = z.union([
  z.number().nonnegative().max(253_402_300_799).transform((seconds) => seconds * 1000),
  z.iso.datetime({ offset: true }).transform((text) => Date.parse(text)),
]);

const revocation = z.union([
  z.strictObject({ jti: name, expires_at: moment.optional() }),
  z.strictObject({ sub: name, expires_at: moment.optional() }),
  z.strictObject({ before: moment, expires_at: moment.optional() }),
], "must be one of { jti }, { sub }, { before }, with an optional expires_at");

/** The names of topics have at most 512 bytes; what is longer is unknown. */
const topic = z.string().min(1).max(512);

const eventPublication = z.strictObject({
  topic,
  event: name,
  data: z.json().default(null),
  module: name.optional(),
});

const publication = z.strictObject({
  topic,
  method: name,
  params: z.union([z.record(z.string(), z.unknown()), z.array(z.unknown())]).optional(),
});

/** The other nodes are needed and can't be reached. */
const UNAVAILABLE = "cluster_unavailable";

/** Statuses of an event that was not sent. */
const EVENT_STATUS: Readonly<Record<Extract<EventOutcome, { refused: string }>["refused"], number>> = {
  unknown_module: 404,
  unknown_topic: 404,
  unknown_event: 404,
  ambiguous_module: 409,
  invalid_data: 422,
  failed: 500,
  overloaded: 503,
  timeout: 504,
};

type Action = (request: AdminRequest, target: OpsTarget, argument: string) => Promise<AdminResult> | AdminResult;

const ROUTES: readonly { path: string; argument: boolean; methods: Readonly<Record<string, Action>> }[] = [
  { path: "/nodes", argument: false, methods: { GET: (_, target) => listed("nodes", target.nodes()) } },
  {
    path: "/connections",
    argument: false,
    methods: { GET: async (_, target) => listed("connections", await target.connections()) },
  },
  { path: "/connections", argument: true, methods: { DELETE: kick } },
  {
    path: "/revocations",
    argument: false,
    methods: { GET: listRevocations, POST: revoke, DELETE: liftAllRevocations },
  },
  { path: "/revocations", argument: true, methods: { DELETE: liftRevocation } },
  {
    path: "/bans",
    argument: false,
    methods: { GET: (_, target) => listed("bans", target.bans()), DELETE: liftAll },
  },
  { path: "/bans", argument: true, methods: { DELETE: lift } },
  { path: "/publish", argument: false, methods: { POST: publish } },
];

/** All requests, as `METHOD /path`. A path that takes a key ends with a slash. */
export function adminRequests(): string[] {
  return ROUTES.flatMap(({ path, argument, methods }) =>
    Object.keys(methods).map((method) => `${method} ${path}${argument ? "/" : ""}`)
  );
}

/** Whether a path belongs to the administration, for any method. */
export function isAdminPath(path: string): boolean {
  return find(path) !== null;
}

/**
 * Executes an authorised request.
 *
 * @throws {AdminError} with status 400, 404, 405, 409, 422, 500, 503 or 504, or what `body` throws
 */
export async function administer(request: AdminRequest, target: OpsTarget): Promise<AdminResult> {
  const found = find(request.path);
  if (!found) throw new AdminError(404, "not_found");
  const action = Object.hasOwn(found.methods, request.method) ? found.methods[request.method] : undefined;
  if (!action) throw new AdminError(405, "method_not_allowed", { allow: Object.keys(found.methods).join(", ") });
  return await action(request, target, found.argument);
}

function find(path: string): { methods: Readonly<Record<string, Action>>; argument: string } | null {
  for (const route of ROUTES) {
    if (!route.argument && path === route.path) return { methods: route.methods, argument: "" };
    if (route.argument && path.startsWith(`${route.path}/`)) {
      const argument = decode(path.slice(route.path.length + 1));
      if (argument) return { methods: route.methods, argument };
    }
  }
  return null;
}

function decode(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

/** A list under its name, with the nodes that it covers. */
function listed(key: string, { value, coverage }: OfNodes<readonly unknown[]>): AdminResult {
  return { status: 200, body: { [key]: value, ...coverage } };
}

async function kick(_: AdminRequest, target: OpsTarget, id: string): Promise<AdminResult> {
  const { value, coverage } = await target.kick(id);
  if (!value) throw nowhere(coverage);
  return { status: 200, body: { kicked: id }, logged: { action: "kick", conn: id } };
}

async function lift(_: AdminRequest, target: OpsTarget, key: string): Promise<AdminResult> {
  return changed({ lifted: 1 }, { action: "lift_ban", key }, await target.liftBan(key));
}

async function liftAll(_: AdminRequest, target: OpsTarget): Promise<AdminResult> {
  const keys = target.bans().value.map(({ key }) => key);
  return await liftEach(keys, (key) => target.liftBan(key), "lift_all_bans");
}

function listRevocations(_: AdminRequest, target: OpsTarget): AdminResult {
  const { value, coverage } = target.listRevocations();
  return { status: 200, body: { revocations: value, revoked_file: target.revokedFileLines(), ...coverage } };
}

async function revoke(request: AdminRequest, target: OpsTarget): Promise<AdminResult> {
  const { expires_at, ...what } = parse(revocation, await request.body());
  const now = (request.now ?? Date.now)();
  if (expires_at !== undefined && expires_at <= now) throw badField("expires_at", "must be in the future");
  if ("before" in what && what.before > now + MAX_AHEAD_MS) {
    throw badField("before", "must not be in the future: no token was issued then");
  }
  const { value: closed, applied, coverage } = await target.revoke(what as RevocationTarget, expires_at);
  return changed({ closed, ...coverage }, { action: "revoke", ...what, expires_at, closed }, applied);
}

async function liftRevocation(_: AdminRequest, target: OpsTarget, key: string): Promise<AdminResult> {
  return changed({ lifted: 1 }, { action: "lift_revocation", key }, await target.liftRevocation(key));
}

async function liftAllRevocations(_: AdminRequest, target: OpsTarget): Promise<AdminResult> {
  const keys = target.listRevocations().value.map(({ key }) => key);
  return await liftEach(keys, (key) => target.liftRevocation(key), "lift_all_revocations");
}

async function liftEach(
  keys: readonly string[],
  liftOne: (key: string) => Promise<Applied>,
  action: string,
): Promise<AdminResult> {
  const effects = (await Promise.all(keys.map(liftOne))).filter((applied) => applied !== "unknown");
  const lifted = effects.length;
  return changed({ lifted }, { action, lifted }, effects.includes("here") ? "here" : "everywhere");
}

/**
 * The result of a change. A change that the other nodes have not taken is no success: with 200, an operator would
 * believe that a token is refused on all nodes.
 */
function changed(
  body: Record<string, unknown>,
  logged: Record<string, unknown>,
  applied: Applied,
): AdminResult {
  if (applied === "unknown") throw new AdminError(404, "not_found");
  if (applied === "everywhere") return { status: 200, body, logged };
  return { status: 503, body: { error: UNAVAILABLE, applied, ...body }, logged: { ...logged, applied } };
}

/** The refusal of a request about a thing that no node that answered has. */
function nowhere(coverage: Coverage | undefined): AdminError {
  return coverage === undefined || coverage.complete
    ? new AdminError(404, "not_found")
    : new AdminError(503, UNAVAILABLE, { ...coverage });
}

async function publish(request: AdminRequest, target: OpsTarget): Promise<AdminResult> {
  const body = await request.body();
  const isEvent = body !== null && typeof body === "object" && Object.hasOwn(body, "event");
  if (isEvent) return await publishEvent(parse(eventPublication, body), target);
  const { topic, method, params } = parse(publication, body);
  const { value, coverage } = await target.publish(topic, method, params);
  if (!value) throw new AdminError(409, "declared_topic");
  return { status: 200, body: { published: topic, ...coverage }, logged: { action: "publish", topic, method } };
}

async function publishEvent(publication: EventPublication, target: OpsTarget): Promise<AdminResult> {
  const outcome = await target.publishEvent(publication);
  if ("refused" in outcome) {
    const { refused, ...detail } = outcome;
    throw new AdminError(EVENT_STATUS[refused], refused, detail);
  }
  const { topic, event, module } = publication;
  const { delivered, coverage } = outcome;
  return {
    status: 200,
    body: { delivered, ...coverage },
    logged: { action: "publish", topic, event, module, delivered },
  };
}

function parse<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map((issue) => ({ path: issue.path, message: issue.message }));
  throw new AdminError(400, "bad_request", { issues });
}

function badField(field: string, message: string): AdminError {
  return new AdminError(400, "bad_request", { issues: [{ path: [field], message }] });
}

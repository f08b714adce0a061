/** Where a front answers the front that speaks for all of them: a unix socket in the supervisor's folder. */
import { equalSecrets } from "../base/equal_secrets.ts";
import type { Log } from "../log/log.ts";
import type { Scrape } from "../telemetry/metrics.ts";
import { attempt } from "./attempt.ts";
import { BoundedHttpServer } from "./http_server.ts";
import type { OpsTarget } from "./ops_target.ts";

export interface FrontServerOptions {
  /** Path of the unix socket. */
  readonly socket: string;
  /** The secret that the other front authenticates with. */
  readonly secret: string;
  readonly target: OpsTarget;
  readonly metrics: Scrape;
  readonly log: Log;
}

/**
 * Answers `/readyz` (the conditions as JSON), `/metrics`, and the administrative requests of the operators' server
 * ({@linkcode AdminAnswer} as JSON), all for this front alone. The front that asks has authorised and logs them. Only
 * this user's processes reach the socket, and cells are such processes, so each request needs the secret.
 *
 * @throws {Error} if it can't listen
 */
export async function startFrontServer(options: FrontServerOptions): Promise<{ close(): Promise<void> }> {
  const { log, socket } = options;
  const server = new BoundedHttpServer({
    handle: (request) => handle(request, options),
    failed(error) {
      log.error("ops.failed", { error });
      return new Response(null, { status: 500 });
    },
    refused: (status) => new Response(null, { status }),
  });
  await server.start({ host: "", port: 0, unix: socket });
  return server;
}

async function handle(request: Request, { secret, target, metrics, log }: FrontServerOptions): Promise<Response> {
  const { pathname: path } = new URL(request.url);
  if (!await equalSecrets(request.headers.get("authorization") ?? "", `Bearer ${secret}`)) {
    log.warn("admin.rejected", { ip: "", reason: "token_invalid", method: request.method, path });
    return new Response(null, { status: 401 });
  }
  if (path === "/metrics") return new Response(await metrics.text());
  if (path === "/readyz") return Response.json(await target.ready());
  return Response.json(await attempt({ method: request.method, path, body: () => request.json() }, target));
}

/** `front`: the front process, started by the supervisor. Not a command for users. */
import { dirname } from "node:path";
import { type Config, ConfigError, configOfFront, formatProblem, hasCluster, loadConfig } from "../config/config.ts";
import { developmentPage, type Page, type PageFile, type PageRoute } from "../front/page/page.ts";
import { readAdminToken } from "../ops/admin_token.ts";
import { createLog, type OwnedLog } from "../log/log.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import { startFrontServer } from "../ops/front_server.ts";
import { startOpsServer } from "../ops/ops_server.ts";
import { OtherFronts } from "../ops/other_fronts.ts";
import { currentPermissions, narrowPermissions, type PermissionReport } from "../ops/permissions.ts";
import { tracingEnabled } from "../telemetry/tracing.ts";
import { NoSupervisorError, SupervisorLink } from "../sandbox/host/supervisor_link.ts";
import { figuresOf, Operations } from "../server/operations.ts";
import { needsOf } from "../server/needs.ts";
import { type Server, startServer } from "../server/server.ts";
import type { Io } from "./args.ts";
import { prepareDevelopment, welcome } from "./development.ts";
import { developmentTokenRoute } from "./development_tokens.ts";
import { fileFaults, startFaults } from "./faults.ts";
import { processIo } from "./run.ts";
import { VERSION } from "./version.ts";

/** Runs the server that the supervisor describes, until the supervisor stops it. */
export async function main(words: readonly string[]): Promise<number> {
  // A compiled executable has the supervisor's permissions in every role.
  for (const name of ["run", "ffi", "sys"] as const) Deno.permissions.revokeSync({ name });
  const io = processIo();
  // A terminal sends these to the whole process group; the supervisor tells the front what to do. The platform opens
  // descriptors at the first use of a signal and panics without any, so that use is here.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) Deno.addSignalListener(signal, () => {});
  try {
    return await front(words.includes("--dev"), io);
  } catch (error) {
    io.stderr(error instanceof Error ? error.message : String(error));
    return error instanceof NoSupervisorError ? 2 : 1;
  }
}

/** @returns 2 if the configuration is wrong, 1 if the server can't start, 0 after a drain. */
async function front(dev: boolean, io: Io): Promise<number> {
  const link = await SupervisorLink.open();
  const file = dev ? "--dev" : link.orders.configPath ?? "";
  const report = (faults: readonly string[]) => {
    for (const fault of faults) io.stderr(fault);
    return faults.length > 0;
  };
  let config: Config;
  try {
    config = await read(link, dev, io);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    report(error.problems.map(formatProblem));
    return 2;
  }
  if (report(await fileFaults(config, file))) return 2;
  const fields = link.orders.front === undefined ? {} : { front: link.orders.front.number };
  const log = createLog({ ...config.log, fields, colours: Deno.stdout.isTerminal() && !Deno.noColor });
  try {
    const running = await start(config, log, { link, dev, io });
    link.onReload(() => running.reload());
    if (dev) { for (const line of await welcome(config, Date.now())) io.stdout(line); }
    await link.stop;
    await running.stop();
    return 0;
  } catch (error) {
    if (report(startFaults(error, config, file))) return 2;
    log.error("start.failed", { error: error instanceof Error ? error.message : String(error) });
    return 1;
  } finally {
    await log.flush();
  }
}

/** The configuration of the orders, which the supervisor has read too. */
function read({ orders }: SupervisorLink, dev: boolean, { env }: Io): Config | Promise<Config> {
  const { configPath: path, configText: text, port, front } = orders;
  if (dev) return prepareDevelopment(port);
  const config = loadConfig({ ...(path === undefined ? {} : { path }), ...(text === undefined ? {} : { text }), env });
  return configOfFront(config, front?.number);
}

interface Running {
  reload(): Promise<void>;
  stop(): Promise<void>;
}

interface StartDeps {
  readonly link: SupervisorLink;
  readonly dev: boolean;
  readonly io: Io;
}

async function start(config: Config, log: OwnedLog, { link, dev, io }: StartDeps): Promise<Running> {
  const startedAt = Date.now();
  const server = await startServer({
    config,
    log,
    tracing: tracingEnabled(io.env),
    dev,
    ...(dev ? { page: await servedPage(config, log) } : {}),
    systemLimits: link.orders.limits,
    cells: link,
  });
  let permissions = currentPermissions();
  const { configPath, socketPath, front } = link.orders;
  const ops = await startOps({ server, log, startedAt, permissions: () => permissions, front });
  permissions = narrowPermissions(needsOf(config, configPath, dirname(socketPath)));
  log.info("listening", { url: server.url, engine: config.server.engine, ops_url: ops?.url ?? null });
  link.ready(() => figuresOf(server));
  const next = () =>
    dev ? prepareDevelopment(config.server.port) : configOfFront(
      loadConfig({ ...(configPath === undefined ? {} : { path: configPath }), env: io.env }),
      front?.number,
    );
  return {
    reload: () => reload(server, next),
    async stop() {
      await server.drain();
      await ops?.close();
      await server.close();
    },
  };
}

/** The development page, with what signs its tokens. */
async function servedPage(config: Config, log: OwnedLog): Promise<Page> {
  return new Map<string, PageFile | PageRoute>([
    ...developmentPage(),
    ["/dev/token", await developmentTokenRoute(config, log)],
  ]);
}

/** A server for operators; `url` where they reach it. */
interface Ops {
  readonly url?: string;
  close(): Promise<void>;
}

interface OpsDeps {
  readonly server: Server;
  readonly log: OwnedLog;
  readonly startedAt: number;
  readonly permissions: () => PermissionReport;
  readonly front: SupervisorLink["orders"]["front"];
}

/** Starts the operators' server. Of several fronts the first one has it, and asks the others. */
async function startOps({ server, log, startedAt, permissions, front }: OpsDeps): Promise<Ops | undefined> {
  const { ops } = server.config;
  if (!ops) return undefined;
  const adminToken = readAdminToken(server.config);
  server.telemetry.figure("sallyport_log_lost_total", () => log.lost);
  const target = new Operations(server, permissions);
  const metrics = createMetrics({ telemetry: server.telemetry, version: VERSION, startedAt });
  if (front !== undefined && front.number > 0) {
    return await startFrontServer({ socket: front.sockets[front.number]!, secret: front.secret, target, metrics, log });
  }
  const others = front && new OtherFronts({ ...front, clustered: hasCluster(server.config) });
  return await startOpsServer({
    hostname: ops.host,
    port: ops.port,
    version: VERSION,
    log,
    target,
    metrics,
    ...(others === undefined ? {} : { others }),
    ...(adminToken === undefined ? {} : { adminToken }),
  });
}

/** Reloads the configuration. One that can't be applied leaves the server as it is and is logged. */
async function reload(server: Server, next: () => Config | Promise<Config>): Promise<void> {
  try {
    await server.reload(await next());
  } catch (error) {
    const problems = error instanceof ConfigError
      ? error.problems.map(formatProblem)
      : [error instanceof Error ? error.message : String(error)];
    server.log.error("config.rejected", { problems });
  }
}
